"""Small packages made to be awkward, each for one thing that an installer can get wrong."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

from .writer import PLACEHOLDER, Content, File, write_package

#: How many files `manyfiles` has, and how many bytes `bigblob` holds that do not compress.
MANY_FILES = 3000
BIG_BYTES = 20_000_000

_POST_LINK = """\
#!/bin/sh
echo "prefix=${PREFIX} name=${PKG_NAME} version=${PKG_VERSION}" > "${PREFIX}/postlinkdemo.ran"
"""


def write_clash(channel: Path) -> None:
    """`clash-left` and `clash-right` cannot be installed together."""
    for version in ("1.0", "2.0"):
        _generic(channel, "clash-common", version)
    _generic(channel, "clash-left", "1.0", depends=["clash-common <2"])
    _generic(channel, "clash-right", "1.0", depends=["clash-common >=2"])


def write_postlink(channel: Path) -> None:
    """`postlinkdemo` has a script that an installer may run, or rather not."""
    files: dict[str, Content] = {"bin/.postlinkdemo-post-link.sh": _POST_LINK}
    _generic(channel, "postlinkdemo", "1.0", files)


def write_prefix(channel: Path) -> None:
    """`prefixdemo` holds its prefix in a text, in a script and in a file with NUL bytes.

    In the binary the path is followed by more text and a NUL, as a compiler lays out a constant;
    `tail` shows whether what follows has stayed where it was.
    """
    blob = b"\x7fDEMO\0\0\0" + f"{PLACEHOLDER}/share/prefixdemo".encode() + b"\0tail-at-its-place\0"
    files: dict[str, Content] = {
        "bin/prefixdemo": f"#!/bin/sh\necho {PLACEHOLDER}/share/prefixdemo\n",
        "share/prefixdemo/text.conf": f"home = {PLACEHOLDER}\n",
        "share/prefixdemo/binary.dat": blob,
    }
    write_package(channel, "prefixdemo", "1.0", files=files, build="h1_0")


def write_env_vars(channel: Path) -> None:
    """`envvarsdemo` sets variables by `env_vars.d`, some with characters a shell would act on."""
    values = {
        "ENVVARSDEMO_HOME": "plain",
        "ENVVARSDEMO_SPACES": "two words",
        "ENVVARSDEMO_SHELL": "$(echo run) `echo run` \"quoted\" 'single' $HOME",
        "ENVVARSDEMO_UNICODE": "Grüße, 世界",
    }
    files: dict[str, Content] = {"etc/conda/env_vars.d/envvarsdemo.json": json.dumps(values, ensure_ascii=False)}
    _generic(channel, "envvarsdemo", "1.0", files)


def write_entry_point(channel: Path) -> None:
    """`entrydemo` is noarch; the installer writes its command `entrydemo`."""
    source = 'import sys\n\n\ndef main():\n    print("entrydemo", sys.prefix, *sys.argv[1:])\n    return 0\n'
    _python(channel, "entrydemo", "1.0", {"entrydemo.py": source}, ["entrydemo = entrydemo:main"])


def write_small(channel: Path) -> None:
    """`smallpkg` in three versions; modules come, change and go between them."""
    modules = {
        "1.0": {"core": 1, "legacy": 1},
        "1.1": {"core": 2, "legacy": 1, "extra": 1},
        "2.0": {"core": 3, "extra": 1, "modern/__init__": 1, "modern/deep": 1},
    }
    for version, contents in modules.items():
        sources = {"smallpkg/__init__.py": f'__version__ = "{version}"\n'}
        for module, revision in contents.items():
            sources[f"smallpkg/{module}.py"] = f"REVISION = {revision}\n"
        _python(channel, "smallpkg", version, sources)


def write_gpu(channel: Path) -> None:
    """`gpudemo` has a build for machines with a GPU and one for those without."""
    for variant, depends, number in (("cuda", ["__cuda >=12"], 200), ("cpu", [], 0)):
        write_package(
            channel,
            "gpudemo",
            "1.0",
            files={"share/gpudemo/variant.txt": f"{variant}\n"},
            build=f"{variant}_h1_{number}",
            build_number=number,
            depends=depends,
        )


def write_clobber(channel: Path) -> None:
    """`clobber-a` and `clobber-b` both bring `share/clobber/same.txt`, with different contents."""
    for letter in "ab":
        files: dict[str, Content] = {
            "share/clobber/same.txt": f"from {letter}\n",
            f"share/clobber/{letter}.txt": f"only in {letter}\n",
        }
        _generic(channel, f"clobber-{letter}", "1.0", files)


def write_names(channel: Path) -> None:
    """`absurdnames` has file names that programs trip over."""
    names = [
        "two words.txt", " leading space", "trailing space ", "-rf", "--help", "*", "~", "$HOME",
        "quote'and\"double", "semi;colon&and|pipe", "back\\slash", "Grüße-世界-🐍.txt",
        "cafe\u0301 (decomposed)", "caf\u00e9 (composed)", "%2e%2e", "a" * 200, "UPPER", "upper",
        "deep/" * 20 + "file",
    ]  # fmt: skip
    files: dict[str, Content] = {f"share/absurd/{name}": f"{name}\n" for name in names}
    _generic(channel, "absurdnames", "1.0", files)


def write_empty(channel: Path) -> None:
    """`emptypkg` has no file at all."""
    _generic(channel, "emptypkg", "1.0")


def write_many(channel: Path) -> None:
    """`manyfiles` has 3,000 small files."""
    files: dict[str, Content] = {f"share/manyfiles/{i % 50:02}/{i:04}.txt": f"file {i}\n" for i in range(MANY_FILES)}
    _generic(channel, "manyfiles", "1.0", files)


def write_big(channel: Path) -> None:
    """`bigblob` has 20 MB that do not compress, for progress, cancelling and broken downloads."""
    blob = random.Random(20).randbytes(BIG_BYTES)
    _generic(channel, "bigblob", "1.0", {"share/bigblob.bin": File(blob)})


ALL: dict[str, Callable[[Path], None]] = {
    "clash": write_clash,
    "postlinkdemo": write_postlink,
    "prefixdemo": write_prefix,
    "envvarsdemo": write_env_vars,
    "entrydemo": write_entry_point,
    "smallpkg": write_small,
    "gpudemo": write_gpu,
    "clobber": write_clobber,
    "absurdnames": write_names,
    "emptypkg": write_empty,
    "manyfiles": write_many,
    "bigblob": write_big,
}


def _generic(
    channel: Path,
    name: str,
    version: str,
    files: dict[str, Content] | None = None,
    depends: list[str] | None = None,
) -> None:
    write_package(
        channel, name, version,
        files=files, build="h1_0", noarch="generic", depends=depends or (),
    )  # fmt: skip


def _python(
    channel: Path,
    name: str,
    version: str,
    sources: dict[str, str],
    entry_points: list[str] | None = None,
) -> None:
    """A noarch Python package with the metadata that pip and importlib read."""
    info = f"{name}-{version}.dist-info"
    installed = {
        **sources,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/INSTALLER": "conda\n",
    }
    record = "".join(f"{path},,\n" for path in [*installed, f"{info}/RECORD"])
    files: dict[str, Content] = {f"site-packages/{p}": File(s) for p, s in installed.items()}
    files[f"site-packages/{info}/RECORD"] = record
    write_package(
        channel,
        name,
        version,
        files=files,
        build="pyh1_0",
        noarch="python",
        depends=["python >=3.8"],
        entry_points=entry_points or (),
    )
