"""Lock files: written whole, read back the same, refused where they leave open what would be installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jupyter_condaenv.engine import lockfiles
from jupyter_condaenv.engine.errors import InvalidRequest
from jupyter_condaenv.engine.model import Base, Lock, Package, digest

A = Package(
    name="a", version="1.0", build="0", subdir="noarch", url="https://host/c/noarch/a-1.0-0.conda",
    channel="https://host/c", file_name="a-1.0-0.conda", sha256="1" * 64,
)  # fmt: skip
B = replace(A, name="b", file_name="b-1.0-0.conda", url="https://host/c/noarch/b-1.0-0.conda", sha256="", md5="2" * 32)
LOCK = Lock(
    platform="linux-64", channels=("https://host/c",), specs=("a>=1,<2", "b[build='0*']"), packages=(A, B),
    virtual_packages=("__glibc=2.36=0",),
)  # fmt: skip
PYTHON = "python-3.11.7-0.conda"
BELOW = replace(A, name="python", version="3.11.7", url=f"https://host/c/noarch/{PYTHON}", file_name=PYTHON)
OVERLAY = replace(LOCK, base=Base(prefix="/base", digest=digest((BELOW,)), packages=(BELOW,)))


@pytest.mark.parametrize("lock", [LOCK, OVERLAY, replace(LOCK, packages=(), specs=())])
def test_a_lock_is_read_as_it_was_written(lock: Lock, tmp_path: Path) -> None:
    path = tmp_path / "größe.json"
    path.write_bytes(lockfiles.encode(lock))
    assert lockfiles.read(path) == lock
    assert path.read_bytes().endswith(b"}\n")


@given(
    version=st.from_regex(r"[0-9]+(\.[0-9a-z]+){0,3}", fullmatch=True),
    build=st.from_regex(r"[A-Za-z0-9_.]{1,12}", fullmatch=True),
    texts=st.lists(st.text(), max_size=3),
    numbers=st.tuples(st.integers(0, 2**40), st.integers(0, 2**50)),
)
def test_any_lock_survives_its_json(version: str, build: str, texts: list[str], numbers: tuple[int, int]) -> None:
    many = {"depends": tuple(texts), "license": "".join(texts), "size": numbers[0], "timestamp": numbers[1]}
    try:
        lock = replace(LOCK, packages=(replace(A, version=version, build=build, **many),), specs=tuple(texts))
        text = msgspec.json.encode(lock)
    except UnicodeEncodeError:
        return
    assert msgspec.json.decode(text, type=Lock) == lock


def refused(text: bytes, tmp_path: Path) -> str:
    path = tmp_path / "lock.json"
    path.write_bytes(text)
    with pytest.raises(InvalidRequest) as caught:
        lockfiles.read(path)
    assert str(path) in caught.value.message
    return caught.value.message


def test_what_is_no_lock(tmp_path: Path) -> None:
    whole = msgspec.json.encode(LOCK)
    for cut in (0, 1, len(whole) // 2, len(whole) - 1):
        assert "is not a lock" in refused(whole[:cut], tmp_path)
    for text in (b"[]", b"null", b"\xff\xfe", b"{}", b"version: 1\n", b"\xef\xbb\xbf" + whole, whole + b"x"):
        assert "is not a lock" in refused(text, tmp_path)
    assert refused(b"[" * 100_000, tmp_path)


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("packages", 0, "name"), 7, "$.packages[0].name"),
        (("packages", 1, "size"), "big", "$.packages[1].size"),
        (("packages", 0, "noarch"), "perl", "$.packages[0].noarch"),
        (("packages", 0, "extra"), 1, "extra"),
        (("version",), 2, "$.version"),
        (("channel_priority",), "loose", "$.channel_priority"),
        (("specs",), "a", "$.specs"),
        (("unknown",), 1, "unknown"),
    ],
)
def test_a_wrong_field_is_named(path: tuple[Any, ...], value: Any, place: str, tmp_path: Path) -> None:
    data = msgspec.json.decode(msgspec.json.encode(LOCK))
    inner = data
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert place in refused(msgspec.json.encode(data), tmp_path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"sha256": "", "md5": ""}, "no hash for a 1.0 0"),
        ({"sha256": "1" * 63}, "the sha256 of a 1.0 0 is no sha256"),
        ({"sha256": "G" * 64}, "is no sha256"),
        ({"sha256": "A" * 64}, "is no sha256"),
        ({"md5": "1"}, "is no md5"),
        ({"file_name": "../../a.conda"}, "not the name of a package file"),
        ({"file_name": ""}, "not the name of a package file"),
        ({"file_name": ".."}, "not the name of a package file"),
        ({"name": "../a"}, "'../a' is no name"),
        ({"name": ""}, "'' is no name"),
        ({"version": "1/../../x"}, "is no name, version"),
        ({"build": ".."}, "'..' is no name, version"),
        ({"build": "0\n"}, "is no name, version"),
        ({"subdir": "../x"}, "is no name, version"),
        ({"python_site_packages_path": "../../etc"}, "leads out"),
        ({"python_site_packages_path": "/etc"}, "leads out"),
        ({"url": ""}, "is not a plain URL"),
        ({"url": "a.conda"}, "is not a plain URL"),
        ({"url": "javascript:alert(1)"}, "is not a plain URL"),
        ({"url": "https://me:canary@host/a.conda"}, "is not a plain URL"),
        ({"url": "https://host/t/canary/noarch/a.conda"}, "is not a plain URL"),
    ],
    ids=str,
)
def test_a_package_that_leaves_something_open(change: dict[str, Any], text: str, tmp_path: Path) -> None:
    for lock in (
        replace(LOCK, packages=(replace(A, **change), B)),
        replace(OVERLAY, base=replace(OVERLAY.base, packages=(replace(A, **change),))),  # type: ignore[type-var]
    ):
        message = refused(msgspec.json.encode(lock), tmp_path)
        assert text in message
        assert "canary" not in message


@pytest.mark.parametrize(
    ("lock", "text"),
    [
        (replace(LOCK, packages=(A, B, A)), "holds a twice"),
        (replace(LOCK, channels=("https://me:canary@host/c",)), "holds a token or a password"),
        (replace(LOCK, specs=("https://host/t/canary/c::a",)), "holds a token or a password"),
        (replace(OVERLAY, base=Base(prefix="/base", digest="0", packages=(BELOW,))), "digest of the base"),
        (replace(OVERLAY, packages=(A, BELOW)), "holds python both"),
    ],
)
def test_a_lock_that_contradicts_itself(lock: Lock, text: str, tmp_path: Path) -> None:
    message = refused(msgspec.json.encode(lock), tmp_path)
    assert text in message
    assert "canary" not in message


def test_files_that_cannot_be(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(InvalidRequest, match="cannot be read"):
            lockfiles.read(path)
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(InvalidRequest, match="far too large"):
        lockfiles.read(huge)
