"""The channel is real: a plain conda client installs from it, and what it installs runs."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.channel import PLACEHOLDER, File, Link, build, home, host_subdir, index, write_package
from tests.channel.writer import Content

INSTALLER = Path(__file__).with_name("installer.py")
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
INTEL = platform.machine() == "x86_64"

STDLIB = """
import bz2, ctypes, curses, decimal, hashlib, lzma, readline, sqlite3, ssl, sys, uuid, venv, zlib
sqlite3.connect(":memory:").execute("select 1")
ssl.create_default_context()
hashlib.sha256(b"x").hexdigest(), uuid.uuid1(), bz2.compress(b"x"), lzma.compress(b"x")
"""
MAPPED = """
import json
mapped = {line.split(None, 5)[5].strip() for line in open("/proc/self/maps") if "/" in line}
print(json.dumps(sorted(mapped)))
"""


@dataclass
class Run:
    code: int
    out: str
    err: str


def run(*command: str | Path, env: dict[str, str] | None = None) -> Run:
    """Run a command that must succeed."""
    result = attempt(*command, env=env)
    assert result.code == 0, result.out + result.err
    return result


def attempt(*command: str | Path, env: dict[str, str] | None = None) -> Run:
    """Run a command, without the variables that could lead Python elsewhere."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "LD_", "CONDA"))}
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        env={**clean, **(env or {})},
    )
    return Run(done.returncode, done.stdout, done.stderr)


Install = Callable[..., Run]


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory, channel_dir: Path) -> Install:
    """Install specs into a prefix; one cache for all tests here."""
    cache = tmp_path_factory.mktemp("channel-cache")

    def do(
        prefix: Path,
        *specs: str,
        channel: str | None = None,
        env: dict[str, str] | None = None,
        link_scripts: bool = False,
    ) -> Run:
        flags = ["--link-scripts"] if link_scripts else []
        source = channel or channel_dir.as_uri()
        return attempt(sys.executable, INSTALLER, *flags, source, prefix, cache, *specs, env=env)

    return do


@pytest.fixture(scope="session")
def science(tmp_path_factory: pytest.TempPathFactory, install: Install) -> Path:
    """A prefix with the interpreter, the scientific packages and the vendors' libraries."""
    prefix = tmp_path_factory.mktemp("science") / "env"
    specs = ["ipykernel", "numpy", "pandas", "scikit-learn", "matplotlib", "pip", "cuda-cudart"]
    result = install(prefix, f"python {MINOR}.*", *specs, *(["mkl"] if INTEL else []))
    assert result.code == 0, result.err
    return prefix


def outside(prefix: Path, code: str) -> list[str]:
    """The libraries that are mapped after `code` ran, but those of the prefix and of glibc."""
    from tests.channel.elf import is_glibc

    mapped = json.loads(run(prefix / "bin/python", "-c", code + MAPPED).out.splitlines()[-1])
    libraries = [m for m in mapped if ".so" in m and not m.startswith(str(prefix))]
    return [m for m in libraries if not is_glibc(Path(m).name)]


# --- interpreters and what runs in them ------------------------------------------------------------------------------


def test_the_standard_library_uses_nothing_from_outside_of_the_prefix(science: Path) -> None:
    assert outside(science, STDLIB) == []


@pytest.mark.slow
def test_scientific_packages_use_nothing_from_outside_of_the_prefix(science: Path) -> None:
    code = "import numpy, pandas, scipy.linalg, sklearn.cluster, matplotlib.pyplot, zmq, ipykernel"
    assert outside(science, code) == []


def test_the_interpreter_looks_into_its_own_site_packages(science: Path) -> None:
    code = "import sys, sysconfig; print(sys.prefix, sysconfig.get_path('purelib'))"
    expected = [str(science), str(science / f"lib/python{MINOR}/site-packages")]
    assert run(science / "bin/python", "-c", code).out.split() == expected


@pytest.mark.slow
def test_a_venv_gets_pip(science: Path, tmp_path: Path) -> None:
    run(science / "bin/python", "-m", "venv", tmp_path / "venv")
    assert str(tmp_path / "venv") in run(tmp_path / "venv/bin/pip", "--version").out


def test_pip_installs_into_the_prefix_and_sees_conda_packages(science: Path) -> None:
    listed = json.loads(run(science / "bin/pip", "list", "--format=json").out)
    assert {"numpy", "pandas", "ipykernel"} <= {package["name"] for package in listed}


def test_the_extension_of_one_package_loads_the_library_of_another(science: Path) -> None:
    code = (
        "import io; from PIL import Image\n"
        "Image.new('RGB', (8, 8)).save(io.BytesIO(), 'JPEG')\n"
        "print([line.split()[-1] for line in open('/proc/self/maps') if 'libjpeg' in line][0])\n"
    )
    loaded = Path(run(science / "bin/python", "-c", code).out.strip())
    assert loaded.parent == science / "lib"
    owner = next(science.glob("conda-meta/libjpeg-turbo-*.json"))
    assert f"lib/{loaded.name}" in json.loads(owner.read_text())["files"]


@pytest.mark.skipif(not INTEL, reason="Intel MKL exists for x86_64 only. Run on such a machine.")
def test_mkl_multiplies(science: Path) -> None:
    code = (
        "import ctypes, glob, sys\n"
        "mkl = ctypes.CDLL(glob.glob(sys.prefix + '/lib/libmkl_rt.so.*')[0])\n"
        "array, one, zero = ctypes.c_double * 4, ctypes.c_double(1), ctypes.c_double(0)\n"
        "left, right, result = array(1, 2, 3, 4), array(0, 1, 1, 0), array()\n"
        "mkl.cblas_dgemm(101, 111, 111, 2, 2, 2, one, left, 2, right, 2, zero, result, 2)\n"
        "print(list(result))\n"
    )
    assert run(science / "bin/python", "-c", code).out.strip() == "[2.0, 1.0, 4.0, 3.0]"


def test_the_cuda_runtime_loads(science: Path) -> None:
    code = (
        "import ctypes, glob, sys\n"
        "cuda = ctypes.CDLL(glob.glob(sys.prefix + '/lib/libcudart.so.*')[0])\n"
        "version = ctypes.c_int()\n"
        "print(cuda.cudaRuntimeGetVersion(ctypes.byref(version)), version.value > 11000)\n"
    )
    assert run(science / "bin/python", "-c", code).out.strip() == "0 True"


# --- activation scripts ----------------------------------------------------------------------------------------------


def test_activation_sets_and_deactivation_restores(install: Install, tmp_path: Path) -> None:
    prefix = tmp_path / "env"
    gcc = f"gcc_{host_subdir()}"
    assert install(prefix, "libgdal-core", "proj", gcc, "rust", "cuda-cudart").code == 0
    script = """
    dump() { env -0 | sort -z | tr '\\0\\n' '\\n ' ; }
    cd "$CONDA_PREFIX/etc/conda"
    for f in activate.d/*.sh; do . "./$f"; done; dump > "$CONDA_PREFIX/on"
    for f in $(ls -r deactivate.d/*.sh); do . "./$f"; done; dump > "$CONDA_PREFIX/off"
    """
    before = {"CONDA_PREFIX": str(prefix), "GDAL_DATA": "/mine", "CC": "mine", "CUDA_HOME": "/cuda"}
    assert run("bash", "-c", script, env=before).err == ""
    on, off = (dict(line.partition("=")[::2] for line in (prefix / f).read_text().splitlines()) for f in ("on", "off"))
    assert on["GDAL_DATA"] == f"{prefix}/share/gdal"
    assert on["PROJ_NETWORK"] == "OFF"
    assert on["CUDA_HOME"] == on["CUDA_PATH"] == str(prefix)
    assert on["CC"].startswith(f"{prefix}/bin/")
    assert "GDAL_DRIVER_PATH" not in on
    assert on["PATH"].startswith(f"{prefix}/.cargo/bin:")
    assert (prefix / ".cargo/bin").is_dir()
    assert {name: off[name] for name in before} == before
    assert not {"PROJ_DATA", "CARGO_HOME", "CFLAGS", "LDFLAGS"} & off.keys()


# --- awkward packages ------------------------------------------------------------------------------------------------


def test_the_clashing_pair_is_unsatisfiable(install: Install, tmp_path: Path) -> None:
    assert install(tmp_path / "one", "clash-left").code == 0
    result = install(tmp_path / "both", "clash-left", "clash-right")
    assert result.code == 1
    assert "clash-common" in result.err


@pytest.mark.parametrize(("cuda", "variant"), [("", "cpu"), ("12.9", "cuda")])
def test_the_driver_chooses_the_variant(install: Install, tmp_path: Path, cuda: str, variant: str) -> None:
    assert install(tmp_path / "env", "gpudemo", env={"CONDA_OVERRIDE_CUDA": cuda}).code == 0
    assert (tmp_path / "env/share/gpudemo/variant.txt").read_text() == f"{variant}\n"


def test_prefixes_are_replaced_and_absurd_names_arrive(install: Install, tmp_path: Path) -> None:
    prefix = tmp_path / "a prefix"
    names = ["prefixdemo", "absurdnames", "clobber-a", "clobber-b", "emptypkg", "envvarsdemo"]
    assert install(prefix, *names).code == 0
    assert run(prefix / "bin/prefixdemo").out.strip() == f"{prefix}/share/prefixdemo"
    assert (prefix / "share/prefixdemo/text.conf").read_text() == f"home = {prefix}\n"
    blob = (prefix / "share/prefixdemo/binary.dat").read_bytes()
    assert blob.startswith(b"\x7fDEMO\0\0\0" + f"{prefix}/share/prefixdemo".encode() + b"\0")
    assert blob.endswith(b"\0tail-at-its-place\0")
    assert len(blob) == len(PLACEHOLDER) + 8 + len("/share/prefixdemo") + 19
    assert (prefix / "share/absurd/-rf").read_text() == "-rf\n"
    record = json.loads(next(prefix.glob("conda-meta/absurdnames-*.json")).read_text())
    assert all((prefix / path).is_file() for path in record["files"])


def test_post_link_scripts_run_only_when_asked_for(install: Install, tmp_path: Path) -> None:
    assert install(tmp_path / "off", "postlinkdemo").code == 0
    assert install(tmp_path / "on", "postlinkdemo", link_scripts=True).code == 0
    assert not (tmp_path / "off/postlinkdemo.ran").exists()
    assert "name=postlinkdemo version=1.0" in (tmp_path / "on/postlinkdemo.ran").read_text()


def test_versions_and_entry_points_of_pure_packages(install: Install, tmp_path: Path) -> None:
    prefix = tmp_path / "env"
    for version in ("1.0", "2.0", "1.1"):
        result = install(prefix, f"python {MINOR}.*", "entrydemo", f"smallpkg =={version}")
        assert result.code == 0, result.err
        code = "import smallpkg; print(smallpkg.__version__)"
        assert run(prefix / "bin/python", "-c", code).out.strip() == version
    assert run(prefix / "bin/entrydemo", "hello").out.split() == ["entrydemo", str(prefix), "hello"]


# --- writing packages by hand ----------------------------------------------------------------------------------------


def test_the_same_call_writes_the_same_bytes(tmp_path: Path) -> None:
    files: dict[str, Content] = {"bin/x": "#!/bin/sh\n", "b": File(b"\0data", 0o600), "lib/l": Link("../b")}
    first, second = (
        write_package(tmp_path / name, "same", "1.0", files=files, depends=["other"]) for name in ("one", "two")
    )
    assert first.read_bytes() == second.read_bytes()


def test_a_small_channel_by_hand(install: Install, tmp_path: Path) -> None:
    channel = tmp_path / "channel"
    for number in range(10):
        files = {f"share/p{number}": f"in {PLACEHOLDER}\n"}
        depends = [f"p{number - 1}"] if number else []
        write_package(channel, f"p{number}", "1.0", files=files, noarch="generic", depends=depends)
    index(channel)
    assert (channel / "noarch/repodata_shards.msgpack.zst").exists()
    assert install(tmp_path / "env", "p9", channel=channel.as_uri()).code == 0
    assert (tmp_path / "env/share/p0").read_text() == f"in {tmp_path / 'env'}\n"


# --- building again --------------------------------------------------------------------------------------------------


@pytest.fixture
def private_home(tmp_path: Path, channel_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own that starts with everything the shared one has (by hard links)."""
    root = tmp_path / "home"
    root.mkdir()
    for name in ("wheels", "pool"):
        ignored = shutil.ignore_patterns(".part-*")
        shutil.copytree(home() / name, root / name, copy_function=os.link, ignore=ignored)
    monkeypatch.setenv("CONDAENV_TEST_CHANNEL", str(root))
    return root


@pytest.mark.slow
def test_a_second_build_makes_only_what_is_missing(private_home: Path, tmp_path: Path) -> None:
    dest = tmp_path / "channel"

    def steps() -> list[str]:
        lines: list[str] = []
        assert build(dest, log=lines.append) == dest
        return [line.split(" s  ", 1)[1] for line in lines if " s  " in line]

    first = steps()
    assert len(first) == 1
    assert first[0].startswith("indexed")
    assert steps() == []

    next((private_home / "pool").glob("smallpkg-*")).rename(private_home / "pool/.part-killed")
    before = (dest / "noarch/repodata.json").stat().st_mtime_ns
    assert steps() == ["packed smallpkg"]
    assert not (private_home / "pool/.part-killed").exists()
    assert (dest / "noarch/repodata.json").stat().st_mtime_ns == before

    (dest / "noarch/smallpkg-1.0-pyh1_0.conda").rename(dest / "noarch/smallpkg.conda.part")
    assert steps() == [first[0]]
    assert (dest / "noarch/smallpkg-1.0-pyh1_0.conda").exists()
    assert not list(dest.glob("*/*.part"))


@pytest.mark.slow
def test_two_builds_at_once(private_home: Path, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.channel", "--dest", str(tmp_path / "channel")]
    builds = [
        subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    outputs = [process.communicate(timeout=120) for process in builds]
    assert [process.returncode for process in builds] == [0, 0], outputs
    assert sum("indexed" in err for _, err in outputs) == 1
