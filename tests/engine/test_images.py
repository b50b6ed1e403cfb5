"""Dockerfiles and workflows of GitHub Actions that are written for an environment, and what comes of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jupyter_client.blocking.client import BlockingKernelClient
from msgspec.structs import replace

from jupyter_condaenv.engine import export, history, specfiles
from jupyter_condaenv.engine import prefix as prefixes
from jupyter_condaenv.engine.errors import Refused
from jupyter_condaenv.engine.formats import dockerfile, workflow
from jupyter_condaenv.engine.model import (
    CreateEnvironment,
    Exported,
    Lock,
    Package,
    PipFile,
    PipPackage,
    Settings,
    StackEnvironment,
    Variable,
)
from tests.channel import PLACEHOLDER, ChannelServer, index, write_package
from tests.channel.pypi import PackageIndex, ask, write_wheel

from .child import operate
from .docker import Docker

ODD = 'dry: $X "a" \\ it\'s `b`'
SITE = "lib/python3.11/site-packages"
SHOWN = '#!/bin/sh\necho "$CONDA_PREFIX|$SCRIPT|$MODE|$(id -u)|$PWD|$(command -v tool)|$*"\n'


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChannelServer]:
    """A Python that says where it runs, and `tool` with a script, a module and a static library."""
    channel = tmp_path_factory.mktemp("images")
    write_package(channel, "python", "3.11.7", files={"bin/python": SHOWN, "bin/python3.11": SHOWN})
    files = {
        "bin/tool": "#!/bin/sh\necho tool\n",
        "etc/conda/activate.d/tool.sh": 'export SCRIPT="it ran in $CONDA_PREFIX"\n',
        "etc/conda/env_vars.d/tool.json": json.dumps({"TOOL": f"{PLACEHOLDER}/share/tool"}),
        "lib/libtool.a": "!<arch>\n",
        "lib/libtool.so": "elf",
        f"{SITE}/tool/__init__.py": "",
        f"{SITE}/tool/inner/__init__.py": "",
        f"{SITE}/_tool.py": "",
        f"{SITE}/toolbox.py": "",
    }
    write_package(channel, "tool", "1.0", files=files, depends=["python"])
    index(channel)
    with ChannelServer(channel) as server:
        yield server


@pytest.fixture
def own(served: ChannelServer, settings: Any) -> Settings:
    made: Settings = settings(channels=(served.url,))
    return made


@pytest.fixture
def prefix(own: Settings, tmp_path: Path) -> Path:
    place = tmp_path / "envs" / "geo"
    variables = (Variable(name="MODE", value=ODD),)
    operate(CreateEnvironment(prefix=str(place), specs=("tool",), variables=variables), own)
    return place


def written_to(folder: Path, exported: Exported) -> Path:
    for file in (exported, *exported.beside):
        (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_text(file.text, encoding="utf-8")
    return folder


def linted(program: str, *arguments: str | Path) -> None:
    found = shutil.which(program, path=str(Path(sys.executable).parent)) or shutil.which(program)
    if found is None:
        pytest.skip(f"there is no {program} here")
    done = subprocess.run([found, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


# --- a Dockerfile ---


def test_a_dockerfile_and_the_lock_it_reads(prefix: Path) -> None:
    found = export.export(prefix, "dockerfile")
    (lock,) = found.beside
    assert found.name == "Dockerfile"
    assert lock.text == export.export(prefix, "explicit").text
    read = specfiles.read(lock.name, lock.text).lock
    assert read is not None and all(package.sha256 for package in read.packages)
    lines = found.text.splitlines()
    first, second = (number for number, line in enumerate(lines) if line.startswith("FROM "))
    assert f"COPY {lock.name} /opt/" in lines[first:second]
    image = lines[second:]
    assert not [line for line in image if line.startswith("RUN") and "useradd" not in line]
    assert [line for line in image if line.startswith("COPY")] == ["COPY --from=build /opt/env /opt/env"]
    assert "USER 1000" in image and lines[-1] == 'CMD ["python"]'
    assert ":latest" not in found.text


def test_what_hadolint_says(prefix: Path, tmp_path: Path) -> None:
    linted("hadolint", written_to(tmp_path, export.export(prefix, "dockerfile")) / "Dockerfile")


@pytest.mark.slow
def test_its_steps_make_an_image_in_which_the_environment_runs(prefix: Path, tmp_path: Path) -> None:
    context = written_to(tmp_path / "context", export.export(prefix, "dockerfile"))
    with Docker(tmp_path / "docker") as docker:
        image = docker.build(context)
        shown = "/opt/env|it ran in /opt/env|" + ODD + "|1000|/home/user|/opt/env/bin/tool|"
        assert docker.run(image).stdout == f"{shown}\n"
        assert docker.run(image, "python", "-c", "a b").stdout == f"{shown}-c a b\n"
        there = docker.run(image, "ls", "/opt/env/lib").stdout.split()
        assert "libtool.so" in there and "libtool.a" not in there
        assert "conda-linux" not in docker.run(image, "ls", "/opt").stdout, "the lock stays with the other stage"
        assert docker.run(image, "sh", "-c", "touch /opt/env/x 2>&1 || echo no").stdout.endswith("no\n")


@pytest.mark.slow
def test_a_kernel_runs_in_the_image(channel: ChannelServer, real_settings: Settings, tmp_path: Path) -> None:
    prefix = tmp_path / "envs" / "geo"
    settings = replace(real_settings, channels=(channel.url,))
    operate(CreateEnvironment(prefix=str(prefix), specs=("python", "ipykernel", "proj")), settings)
    context = written_to(tmp_path / "context", export.export(prefix, "dockerfile"))
    with Docker(tmp_path / "docker") as docker:
        image = docker.build(context)
        connection = tmp_path / "connection.json"
        client = BlockingKernelClient(connection_file=str(connection))
        client.write_connection_file()
        docker.run(image, "sh", "-c", "cat >~/c.json", input=connection.read_text())
        kernel = docker.start(image, "python", "-m", "ipykernel_launcher", "-f", "/home/user/c.json")
        try:
            client.start_channels(hb=False)  # which would take a slow start for a death
            client.wait_for_ready(timeout=120)
            printed: list[str] = []
            client.execute_interactive(
                "import os, sys; print(sys.prefix, os.environ['PROJ_DATA'])",
                output_hook=lambda message: printed.append(message["content"].get("text", "")),
                timeout=120,
            )
        finally:
            client.stop_channels()
            kernel.kill()
            kernel.wait()
    assert "".join(printed).split() == ["/opt/env", "/opt/env/share/proj"]


def lock_of(*packages: Package) -> Lock:
    return Lock(platform="linux-64", channels=("https://h/c",), specs=("a",), packages=packages)


def package(name: str, *depends: str) -> Package:
    file = f"{name}-1-0.conda"
    return Package(
        name=name, version="1", build="0", subdir="linux-64", channel="https://h/c", file_name=file, depends=depends,
        url=f"https://h/c/linux-64/{file}", sha256="1" * 64,
    )  # fmt: skip


def shown_by(command: str, text: str, prefix: Path = Path(dockerfile.PREFIX)) -> list[str]:
    """What ``command`` prints behind the entry point of the Dockerfile ``text``, run here, with the environment at
    ``prefix``."""
    (line,) = (line for line in text.splitlines() if line.startswith("ENTRYPOINT "))
    entry = json.loads(line.partition(" ")[2].replace(dockerfile.PREFIX, str(prefix)))
    done = subprocess.run(
        [*entry, "sh", "-c", command],
        env={"PATH": "/usr/bin:/bin"},
        input="typed\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_variables_that_no_shell_can_set_are_left_out(prefix: Path, tmp_path: Path) -> None:
    """What others have made may have anything in there."""
    pwned = tmp_path / "pwned"
    bad = {f"A;touch {pwned};": "1", "X-Y": "1", "B\n": "1", "PATH": "/evil", "CONDA_PREFIX": "/evil", "Z": "a\0b"}
    state = prefix / "conda-meta" / "state"
    state.write_text(json.dumps({"version": 1, "env_vars": {**bad, "MODE": ODD, "lower": "1", "N": 3}}))
    for format in ("dockerfile", "environment.yml"):
        found = export.export(prefix, format)  # type: ignore[arg-type]
        told = [note for note in found.notes if note.endswith("left out.")]
        assert len(told) == len(bad) and "touch" not in found.text and "evil" not in found.text
        assert all(any(repr(name) in note or f"of {name} in" in note for note in told) for name in bad)
    read = specfiles.read("environment.yml", export.export(prefix, "environment.yml").text)
    assert read.variables == {"MODE": ODD, "lower": "1", "N": "3"}
    shown = shown_by('echo "$MODE|$LOWER|$N|$TOOL"', export.export(prefix, "dockerfile").text)
    assert shown == [f"{ODD}|1|3|/opt/env/share/tool"]
    assert not pwned.exists()


def test_scripts_leave_the_command_and_the_shell_alone(prefix: Path) -> None:
    scripts = prefix / "etc" / "conda" / "activate.d"
    (scripts / "a.sh").write_text("set -eu; set -- other command; echo noise; cat\n")
    (scripts / "b.sh").write_text('[ -n "$NOT_THERE" ]; false; export LATER=1\n')
    text = export.export(prefix, "dockerfile").text
    assert shown_by('echo "$LATER|$*"; cat', text, prefix) == ["1|", "typed"]


def test_where_pip_has_something_from_stays_a_comment(prefix: Path) -> None:
    info = prefix / SITE / "odd-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: odd\nVersion: 2.0\n")
    for origin in (
        {"url": "https://host/a b\nRUN touch /pwned"},
        {"url": "https://host/x", "vcs_info": {"vcs": "git", "commit_id": "0\rRUN touch /pwned"}},
    ):
        (info / "direct_url.json").write_text(json.dumps(origin))
        for format in ("dockerfile", "github-workflow", "explicit", "conda-lock", "requirements"):
            found = export.export(prefix, format)  # type: ignore[arg-type]
            for text in (found.text, *(file.text for file in found.beside)):
                assert [line for line in text.splitlines() if "touch" in line and "odd @" not in line] == []
    assert "odd @ git+https://host/x@0%0DRUN%20touch%20/pwned" in export.export(prefix, "requirements").text


def test_what_an_image_has_follows_from_the_lock() -> None:
    plain = dockerfile.write("geo", lock_of(package("a")), "l", {})
    assert "-name '*.a'" in plain and "NVIDIA" not in plain and plain.endswith('CMD ["bash"]\n')
    assert "-name '*.a'" not in dockerfile.write("geo", lock_of(package("gcc_impl_linux-64")), "l", {})
    assert "NVIDIA_VISIBLE_DEVICES=all" in dockerfile.write("geo", lock_of(package("a", "__cuda >=12")), "l", {})
    assert "environment environment," in dockerfile.write('${{ x }}"', lock_of(package("a")), "l", {})


# --- a workflow ---


def test_a_workflow_and_the_lock_it_reads(prefix: Path) -> None:
    found = export.export(prefix, "github-workflow")
    (lock,) = found.beside
    assert found.name == ".github/workflows/environment.yml"
    assert lock == export.export(prefix, "dockerfile").beside[0]
    content = yaml.safe_load(found.text)
    assert content["permissions"] == {"contents": "read"}
    (job,) = content["jobs"].values()
    for step in job["steps"]:
        assert "uses" not in step or len(step["uses"].partition("@")[2]) == 40
    by_name = {step.get("name") or step["uses"].partition("@")[0]: step for step in job["steps"]}
    assert f"hashFiles('{lock.name}')" in by_name["actions/cache"]["with"]["key"]
    assert by_name["Make the environment"]["if"] == "steps.environment.outputs.cache-hit != 'true'"
    assert by_name["Look whether it works"]["run"].endswith("-- python -c 'import tool, toolbox'")
    (note,) = found.notes
    assert "MODE is set" in note and "dry" not in note


@pytest.mark.parametrize(
    ("program", "options"), [("actionlint", ()), ("zizmor", ("--offline", "--no-progress", "--persona", "pedantic"))]
)
def test_what_linters_of_workflows_say(program: str, options: tuple[str, ...], prefix: Path, tmp_path: Path) -> None:
    exported = export.export(prefix, "github-workflow")
    linted(program, *options, written_to(tmp_path / "repository", exported) / exported.name)


@pytest.mark.slow
def test_its_steps_do_what_they_say(prefix: Path, own: Settings, tmp_path: Path) -> None:
    """What it runs, run here: twice, the second time with the environment that was kept."""
    repository = written_to(tmp_path / "repository", export.export(prefix, "github-workflow"))
    content = yaml.safe_load((repository / f"{workflow.FOLDER}/environment.yml").read_text())
    steps = content["jobs"]["environment"]["steps"]
    env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path / "home"), "PIP_NO_INDEX": "1"}
    outputs = []
    for kept in (False, True):
        for step in steps:
            if "run" in step and not (kept and "if" in step):
                shell = ["bash", "-e", "-c", step["run"]]
                done = subprocess.run(shell, cwd=repository, env=env, capture_output=True, text=True, timeout=120)
                assert done.returncode == 0, done.stderr
                outputs.append(done.stdout)
    place = repository / "env"
    assert outputs[-1] == outputs[2] != ""
    assert outputs[-1].startswith(f"{place}|it ran in {place}||") and "|-c import tool, toolbox" in outputs[-1]


# --- what pip has installed ---


def test_what_pip_has_is_installed_by_hash(prefix: Path, tmp_path: Path) -> None:
    """In a prefix whose Python is a name only: nothing of it is run."""
    for name in ("known", "by_hand"):
        info = prefix / SITE / f"{name}-2.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {name}\nVersion: 2.0\n")
    file = PipFile(name="known-2.0-py3-none-any.whl", url="https://host/known-2.0-py3-none-any.whl", sha256="0" * 64)
    known = PipPackage(name="known", version="2.0", files=(file,))
    history.record(prefix, "add", replace(history.current_lock(prefix), pip=(known,)), (), ())
    image, job = (export.export(prefix, format) for format in ("dockerfile", "github-workflow"))
    (_, pip) = image.beside
    assert job.beside == image.beside
    assert pip.text.splitlines()[1:] == [f"known==2.0 --hash=sha256:{'0' * 64}"]
    how = "--no-deps --require-hashes --requirement"
    assert f"COPY {pip.name} /opt/\n" in image.text and f"{how} /opt/{pip.name}" in image.text
    (steps,) = (one["steps"] for one in yaml.safe_load(job.text)["jobs"].values())
    assert any(step.get("run", "").endswith(f"{how} {pip.name}") and "if" in step for step in steps)
    assert any(f"'{pip.name}')" in step.get("with", {}).get("key", "") for step in steps)
    for text in (image.text, job.text):
        assert "since pip installed it: by_hand==2.0" in text and "installed it: known" not in text
    assert not any("built" in note for note in image.notes)
    source = replace(known, files=(replace(file, name="known-2.0.tar.gz", url="https://host/known-2.0.tar.gz"),))
    history.record(prefix, "add", replace(history.current_lock(prefix), pip=(source,)), (), ())
    (note,) = export.export(prefix, "dockerfile").notes
    assert note.startswith("known 2.0 is built from source, and the image has no compiler")
    local = replace(known, files=(replace(file, url="file:///home/me/known-2.0-py3-none-any.whl"),))
    history.record(prefix, "add", replace(history.current_lock(prefix), pip=(local,)), (), ())
    with pytest.raises(Refused, match=r"known 2\.0 was installed by pip from a file of this machine"):
        export.export(prefix, "dockerfile")
    linted("hadolint", written_to(tmp_path, image) / image.name)


@pytest.mark.slow
def test_its_steps_have_pip_install_it(
    channel: ChannelServer, real_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wheel(tmp_path / "files", "alib", "1.0")
    prefix = tmp_path / "envs" / "geo"
    settings = replace(real_settings, channels=(channel.url,))
    with PackageIndex(tmp_path / "files") as packages:
        ask(packages, monkeypatch, tmp_path)
        wanted = f"alib @ http://{packages.host}/files/alib-1.0-py3-none-any.whl"
        operate(CreateEnvironment(prefix=str(prefix), specs=("python",), pip=(wanted,)), settings)
        context = written_to(tmp_path / "context", export.export(prefix, "dockerfile"))
        with Docker(tmp_path / "docker") as docker:
            image = docker.build(context)
            shown = docker.run(image, "python", "-c", "import alib; print(alib.__file__, alib.VERSION)").stdout
            assert shown.startswith("/opt/env/") and shown.endswith(" 1.0\n")
        repository = written_to(tmp_path / "repository", export.export(prefix, "github-workflow"))
        content = yaml.safe_load((repository / f"{workflow.FOLDER}/environment.yml").read_text())
        env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path), "PIP_NO_INDEX": "1"}
        for step in content["jobs"]["environment"]["steps"]:
            if "run" in step:
                shell = ["bash", "-e", "-c", step["run"]]
                done = subprocess.run(shell, cwd=repository, env=env, capture_output=True, text=True, timeout=120)
                assert done.returncode == 0, done.stderr
    shown = subprocess.run([repository / "env/bin/python", "-c", "import alib"], capture_output=True, check=False)
    assert shown.returncode == 0


# --- both ---


def test_an_overlay_goes_with_what_it_stands_on(prefix: Path, own: Settings, tmp_path: Path) -> None:
    over = tmp_path / "envs" / "over"
    operate(StackEnvironment(prefix=str(over), base=str(prefix), specs=()), own)
    image = export.export(over, "dockerfile")
    assert "/tool-1.0-0.conda#" in image.beside[0].text
    prefixes.set_variables(prefix, [Variable(name="BELOW", value="base")])
    prefixes.set_variables(over, [Variable(name="MODE", value="over")])
    shown = shown_by('echo "$MODE|$BELOW|$TOOL"', export.export(over, "dockerfile").text)
    assert shown == ["over|base|/opt/env/share/tool"]
    asked = specfiles.read("environment.yml", export.export(over, "environment.yml").text)
    assert asked.variables == {"MODE": "over", "BELOW": "base"}


@pytest.mark.parametrize("format", ["dockerfile", "github-workflow"])
def test_packages_that_no_other_machine_finds(format: Any, little_settings: Settings, tmp_path: Path) -> None:
    place = tmp_path / "envs" / "geo"
    operate(CreateEnvironment(prefix=str(place), specs=("beta",)), little_settings)
    with pytest.raises(Refused, match="comes from a directory of this machine"):
        export.export(place, format)
