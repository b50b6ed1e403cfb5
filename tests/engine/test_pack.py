"""A packed environment is the same one elsewhere, and an archive can do nothing but be unpacked."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import history
from jupyter_condaenv.engine.errors import AlreadyExists, InvalidRequest, NotFound, Refused, Tampered
from jupyter_condaenv.engine.model import (
    Annotate,
    Changed,
    ChangePackages,
    Clone,
    CreateEnvironment,
    Message,
    Pack,
    Packed,
    Progress,
    RemoveEnvironment,
    Settings,
    StackEnvironment,
    Unpack,
)
from tests.channel import PLACEHOLDER, index, write_package

from .child import in_child, operate
from .harness import Operation, leftovers, names, problems, tree


@pytest.fixture
def source(little_settings: Settings) -> Path:
    prefix = Path(little_settings.envs_dirs[0]) / "source"
    operate(CreateEnvironment(prefix=str(prefix), specs=("alpha=1.0", "shape=3.0")), little_settings)
    operate(Annotate(prefix=str(prefix), frozen=True, protected=True), little_settings)
    (prefix / "mine.txt").write_text("mine\n")
    return prefix


def packed(prefix: Path, output: Path, settings: Settings) -> Path:
    result, _ = operate(Pack(prefix=str(prefix), output=str(output)), settings)
    assert isinstance(result, Packed)
    assert (result.path, result.size) == (str(output), output.stat().st_size)
    assert [path for path in output.parent.iterdir() if path.name.startswith(f".{output.name}")] == []
    return output


def unpacked(archive: Path, prefix: Path, settings: Settings) -> Changed:
    result, _ = operate(Unpack(prefix=str(prefix), archive=str(archive)), replace(settings, channels=("nowhere",)))
    assert isinstance(result, Changed)
    assert leftovers(prefix) == []
    return result


@pytest.mark.parametrize("name", ["packed.tar.gz", "packed.zip", "packed.tar"])
def test_there_and_back(source: Path, little_settings: Settings, tmp_path: Path, name: str) -> None:
    was, lock = tree(source), history.current_lock(source)
    archive = packed(source, tmp_path / name, little_settings)
    assert tree(source) == was
    target = tmp_path / "somewhere" / "else"
    result = unpacked(archive, target, little_settings)
    assert (result.revision, result.plan.verb) == (1, f"unpack of {name}")
    assert history.current_lock(target) == lock
    assert problems(target, "mine.txt") == []
    assert (target / "mine.txt").read_text() == "mine\n"
    assert (target / "etc/alpha.conf").read_text() == f"prefix = {target}\nversion = 1.0\n"
    assert os.readlink(target / "lib/libalpha.so") == "libalpha.so.1.0"
    assert subprocess.check_output([target / "bin/alpha"], text=True) == "1.0\n"
    # It is neither frozen nor protected, and can be changed.
    operate(ChangePackages(prefix=str(target), add=("gamma",)), little_settings)
    assert names(target) == {"alpha", "gamma", "shape"}
    operate(RemoveEnvironment(prefix=str(target)), little_settings)


@pytest.mark.slow
def test_a_zip_file_of_what_is_older_than_zip(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    for file in (source / "mine.txt", source / "bin/alpha", source / "conda-meta/alpha-1.0-0.json"):
        os.utime(file, (0, 0))
    unpacked(packed(source, tmp_path / "packed.zip", little_settings), tmp_path / "target", little_settings)
    assert problems(tmp_path / "target", "mine.txt") == []


def test_secrets_that_others_left_are_not_passed_on(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    """Neither by those who pack nor to those who unpack: mamba writes them into records, and conda's command line into
    the history."""
    record, mark = source / "conda-meta/alpha-1.0-0.json", little_settings.channels[0]
    record.write_text(record.read_text().replace(mark, "https://me:canary@host/t/canary/c"))
    with (source / "conda-meta/history").open("a") as file:
        file.write("# cmd: conda install -c https://me:canary@host/t/canary/c alpha\n")
    assert record.read_bytes().count(b"canary") >= 2
    archive = packed(source, tmp_path / "packed.tar", little_settings)
    assert b"canary" not in archive.read_bytes()
    assert b"https://host/c/noarch/alpha" in archive.read_bytes()
    theirs = remade(archive, changed={"conda-meta/alpha-1.0-0.json": record.read_bytes()})
    for number, one in enumerate((archive, theirs)):
        target = tmp_path / f"target-{number}"
        unpacked(one, target, little_settings)
        assert not any(b"canary" in path.read_bytes() for path in target.rglob("*") if path.is_file())
        assert problems(target, "mine.txt") == []


def test_with_a_python(real_settings: Settings, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target with a space"
    operate(CreateEnvironment(prefix=str(source), specs=("python", "prefixdemo", "entrydemo")), real_settings)
    archive = packed(source, tmp_path / "packed.tar.gz", real_settings)
    unpacked(archive, target, real_settings)
    assert subprocess.check_output([target / "bin/entrydemo"], text=True) == f"entrydemo {target}\n"
    assert problems(target) == []
    byhand = tmp_path / "byhand"
    byhand.mkdir()
    subprocess.run(["tar", "-xzf", archive, "-C", byhand], check=True)
    subprocess.run([byhand / "bin/python", byhand / "bin/conda-unpack"], check=True)
    entry = [byhand / "bin/python", byhand / "bin/entrydemo"]
    assert subprocess.check_output(entry, text=True) == f"entrydemo {byhand}\n"


@pytest.mark.slow
def test_python_in_a_zip_file_is_not_compiled_anew(real_settings: Settings, tmp_path: Path) -> None:
    source = tmp_path / "source"
    operate(CreateEnvironment(prefix=str(source), specs=("python", "pip")), real_settings)
    archive = packed(source, tmp_path / "packed.zip", real_settings)
    _, events = operate(Unpack(prefix=str(tmp_path / "target"), archive=str(archive)), real_settings)
    assert problems(tmp_path / "target") == []
    assert (
        max((event.total for event in events if isinstance(event, Progress) and event.phase == "compile"), default=0)
        < 10
    )


def test_what_is_named_like_python_can_be_moved_too(settings: Callable[..., Settings], tmp_path: Path) -> None:
    """conda-pack leaves what begins so as it was in its package: it may be the Python that unpacks."""
    channel, first, second = tmp_path / "channel", tmp_path / "first", tmp_path / "second"
    files = {"bin/python-config": f"#!/bin/sh\necho {PLACEHOLDER}\n"}
    write_package(channel, "config", "1.0", files=files, noarch="generic")
    index(channel)
    own = settings(channels=(channel.as_uri(),))
    operate(CreateEnvironment(prefix=str(tmp_path / "source"), specs=("config",)), own)
    unpacked(packed(tmp_path / "source", tmp_path / "packed.tar.gz", own), first, own)
    operate(Clone(prefix=str(second), source=str(first)), own)
    for prefix in (first, second):
        assert problems(prefix) == []
        assert subprocess.check_output([prefix / "bin/python-config"], text=True) == f"{prefix}\n"


def test_channels_that_may_not_be_used(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    archive, rc = packed(source, tmp_path / "packed.tar.gz", little_settings), tmp_path / "condarc"
    rc.write_text(f"denylist_channels: ['{little_settings.channels[0]}']")
    target = tmp_path / "target"
    with pytest.raises(Refused, match="may not be used here"):
        operate(Unpack(prefix=str(target), archive=str(archive)), little_settings, env={"CONDARC": str(rc)})
    assert not target.exists() and leftovers(target) == []


def test_where_it_cannot_be_packed(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "there.zip").write_text("precious")
    (tmp_path / "within").symlink_to(source / "bin")
    for output, error, told in (
        (tmp_path / "there.zip", AlreadyExists, "there already"),
        (tmp_path / "x.rar", InvalidRequest, "tells no format"),
        (tmp_path / "none" / "x.zip", InvalidRequest, "no folder"),
        (tmp_path / "within" / "x.zip", InvalidRequest, "lies in the environment"),
    ):
        with pytest.raises(error, match=told):
            operate(Pack(prefix=str(source), output=str(output)), little_settings)
    assert (tmp_path / "there.zip").read_text() == "precious"
    with pytest.raises(Refused, match="mksquashfs is not installed"):
        operate(Pack(prefix=str(source), output=str(tmp_path / "x.squashfs")), little_settings, {"PATH": "/nowhere"})
    with pytest.raises(NotFound):
        operate(Pack(prefix=str(tmp_path), output=str(tmp_path / "x.zip")), little_settings)
    operate(Pack(prefix=str(source), output=str(tmp_path / "there.zip"), force=True), little_settings)
    assert zipfile.is_zipfile(tmp_path / "there.zip")


def test_the_reserve_is_not_for_archives(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    tight = replace(little_settings, reserve=shutil.disk_usage(tmp_path).total)
    assert packed(source, tmp_path / "packed.tar.gz", tight).exists()


def test_an_overlay_is_not_packed(real_settings: Settings, tmp_path: Path) -> None:
    base, over = tmp_path / "base", tmp_path / "over"
    operate(CreateEnvironment(prefix=str(base), specs=("python",)), real_settings)
    operate(StackEnvironment(prefix=str(over), base=str(base), specs=("threadpoolctl",)), real_settings)
    with pytest.raises(Refused, match="only what comes on top"):
        operate(Pack(prefix=str(over), output=str(tmp_path / "x.zip")), real_settings)


SUM = "conda-meta/condaenv/packed.sha256"


class Member(NamedTuple):
    """Of an archive that nobody has packed honestly."""

    name: str
    type: bytes = tarfile.REGTYPE
    to: str = ""


def link(name: str, to: str) -> Member:
    return Member(name, tarfile.SYMTYPE, to)


def hard_link(name: str, to: str) -> Member:
    return Member(name, tarfile.LNKTYPE, to)


def remade(archive: Path, *added: Member, changed: Mapping[str, bytes | None] | None = None) -> Path:
    """``archive``, without its checksum, with ``added`` before all else; what is ``changed`` to None is left out."""
    changed, evil = {SUM: None, **(changed or {})}, archive.with_name("evil.tar")
    with tarfile.open(archive) as good, tarfile.open(evil, "w") as tar:
        for one in added:
            member = tarfile.TarInfo(one.name)
            member.type, member.linkname, member.size = one.type, one.to, 5 if one.type == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(b"evil\n"))
        for member in good:
            data = good.extractfile(member).read() if member.isfile() else b""  # type: ignore[union-attr]
            data = changed.get(member.name, data)  # type: ignore[assignment]
            if data is not None:
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return evil


def as_zip(archive: Path) -> Path:
    """The tar file ``archive`` as a zip file, which has no hard links: they become links."""
    zipped = archive.with_suffix(".zip")
    with tarfile.open(archive) as tar, zipfile.ZipFile(zipped, "w") as to:
        for member in tar:
            one = zipfile.ZipInfo(member.name)
            one.external_attr = ((stat.S_IFREG if member.isreg() else stat.S_IFLNK) | member.mode) << 16
            data = tar.extractfile(member).read() if member.isreg() else member.linkname.encode()  # type: ignore[union-attr]
            to.writestr(one, data)
    return zipped


def test_nothing_lands_elsewhere(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    """Neither by its name nor through a link, nor is anything deleted there."""
    archive, outside, target = packed(source, tmp_path / "good.tar", little_settings), tmp_path / "out", tmp_path / "to"
    outside.mkdir()
    for name in ("victim", "activate", "conda-unpack"):
        (outside / name).write_text("precious")
    was, there = tree(outside), set(tmp_path.iterdir())
    victim = f"{outside}/victim"
    state = {"conda-meta/history": None, "conda-meta/condaenv/packed.lock": None}
    record = "conda-meta/alpha-1.0-0.json"
    with tarfile.open(archive) as good:
        text = good.extractfile(record).read()  # type: ignore[union-attr]
        bin = {name: None for name in good.getnames() if name.startswith("bin/")}
    astray = {record: text.replace(b"share/alpha/same.txt", b"a/module.py")}
    cases: list[tuple[list[Member], Mapping[str, bytes | None]]] = [
        ([Member("../../../out/evil")], {}),
        ([Member(f"{outside}/evil")], {}),
        ([Member("a/../../../../out/evil")], {}),
        ([Member("fifo", tarfile.FIFOTYPE)], {}),
        ([link("a", str(outside)), Member("a/evil")], {}),
        ([link("a", "../../../out"), Member("a/evil")], {}),
        ([link("a", ".."), Member("a/evil")], {}),
        ([link("a", str(outside)), link("b", "a"), Member("b/evil")], {}),
        ([link("a", str(outside)), hard_link("b", "a"), Member("b/evil")], {}),
        ([Member("a/x"), link("a", str(outside)), Member("a/evil")], {}),
        ([hard_link("b", "../../../out/victim")], {}),
        ([hard_link("b", victim)], {}),
        ([link("conda-meta", str(outside))], {}),
        ([link("a", str(outside)), hard_link("conda-meta", "a")], {}),
        ([link("conda-meta/history", victim)], state),
        ([link("a", victim), hard_link("conda-meta/history", "a")], state),
        ([link("conda-meta/condaenv", str(outside))], state),
        ([link("Conda-Meta", str(outside))], {}),
        ([link("bin", str(outside))], bin),
        ([link("lib/__pycache__", str(outside))], {}),
        ([link("a", str(outside))], astray),
        ([], {record: text.replace(b"share/alpha/same.txt", b"../../../out/module.py")}),
    ]
    for members, changed in cases:
        evil = remade(archive, *members, changed=changed)
        plain = {member.type for member in members} <= {tarfile.REGTYPE, tarfile.SYMTYPE}
        for one in (evil, as_zip(evil)) if plain else (evil,):
            told = f"{one.name}: {members} {sorted(changed)}"
            with pytest.raises(InvalidRequest, match=r"would not stay in the environment|does not fit together"):
                operate(Unpack(prefix=str(target), archive=str(one)), little_settings)
                pytest.fail(told)
            assert tree(outside) == was, told
            assert not target.exists() and leftovers(target) == [], told
    assert {*tmp_path.iterdir()} - there == {tmp_path / name for name in ("evil.tar", "evil.zip", ".condaenv")}


def test_links_that_packages_have(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    """They may lead to the system, or be links to one another."""
    archive, target = packed(source, tmp_path / "good.tar", little_settings), tmp_path / "target"
    links = {"ssl": "/etc/ssl", "lib/up": "../share", "one": "ssl", "none": "nowhere"}
    evil = remade(archive, *(link(*one) for one in links.items()), Member("file"), hard_link("same", "file"))
    for one in (evil, as_zip(evil)):
        unpacked(one, target, little_settings)
        assert {name: os.readlink(target / name) for name in links} == links
        operate(RemoveEnvironment(prefix=str(target)), little_settings)


def test_what_is_no_packed_environment(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "target"
    whole = packed(source, tmp_path / "whole.tar.gz", little_settings).read_bytes()
    (tmp_path / "half.tar.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.zip").write_text("no archive")
    (tmp_path / "empty.tar.gz").write_bytes(b"")
    (tmp_path / "text.tar.gz").write_bytes(gzip.compress(b"no archive" * 100))
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.add(sys.executable, "bin/python")
    for name in ("half.tar.gz", "text.tar.gz"):
        with pytest.raises(Tampered, match="cannot be unpacked"):
            operate(Unpack(prefix=str(target), archive=str(tmp_path / name)), little_settings)
    for name, told in (
        ("text.zip", "is no archive"),
        ("empty.tar.gz", "is no archive"),
        ("other.tar", "not an environment that conda-pack packed"),
        ("image.squashfs", "it is mounted"),
    ):
        with pytest.raises(InvalidRequest, match=told):
            operate(Unpack(prefix=str(target), archive=str(tmp_path / name)), little_settings)
    with pytest.raises(NotFound, match=r"There is no file .*absent\.zip"):
        operate(Unpack(prefix=str(target), archive=str(tmp_path / "absent.zip")), little_settings)
    assert not target.exists() and leftovers(target) == []


def test_what_does_not_fit_together(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    """The disk is not blamed for it."""
    archive, target = packed(source, tmp_path / "good.tar", little_settings), tmp_path / "target"
    cases: list[tuple[list[Member], str]] = [
        ([Member("conda-meta")], "Not a directory|File exists, at 'conda-meta'"),
        ([Member("conda-meta/history/x")], "Is a directory, at 'conda-meta/history'"),
        ([hard_link("zz", "nosuch")], "there is no file 'nosuch', at 'zz'"),
        ([hard_link("zz", "lib"), Member("lib/x")], "there is no file 'lib', at 'zz'"),
        ([Member("x" * 300)], "File name too long, at 'xxx"),
        ([link("x", "y" * 5000)], "File name too long, at 'x'"),
        ([Member("x/y"), Member("x")], "Is a directory, at 'x'"),
    ]
    for members, why in cases:
        evil = remade(archive, *members)
        with pytest.raises(InvalidRequest, match=rf"What evil.tar holds does not fit together: ({why})"):
            operate(Unpack(prefix=str(target), archive=str(evil)), little_settings)
            pytest.fail(str(members))
        assert not target.exists() and leftovers(target) == []


def test_records_and_a_script_that_cannot_be_read(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    archive, target = packed(source, tmp_path / "good.tar", little_settings), tmp_path / "target"
    record, deep = "conda-meta/alpha-1.0-0.json", b"_prefix_records = " + b"-" * 200_000 + b"1"
    cases: list[tuple[Mapping[str, bytes], type[Exception], str]] = [
        ({record: b"{"}, Tampered, f"evil.tar cannot be unpacked: The record {record} is damaged"),
        ({"bin/conda-unpack": deep}, InvalidRequest, "not an environment that conda-pack packed"),
    ]
    for changed, error, told in cases:
        with pytest.raises(error, match=told):
            operate(Unpack(prefix=str(target), archive=str(remade(archive, changed=changed))), little_settings)
        assert not target.exists() and leftovers(target) == []


def test_a_file_that_two_packages_bring(settings: Callable[..., Settings], tmp_path: Path) -> None:
    """It is in the archive twice."""
    channel, prefix = tmp_path / "channel", tmp_path / "source"
    for name in ("one", "two"):
        write_package(channel, name, "1.0", files={"share/both.txt": name, f"share/{name}": ""}, noarch="generic")
    index(channel)
    theirs = settings(channels=(channel.as_uri(),))
    operate(CreateEnvironment(prefix=str(prefix), specs=("one", "two")), theirs)
    for name in ("packed.tar.gz", "packed.zip"):
        unpacked(packed(prefix, tmp_path / name, theirs), target := tmp_path / f"of-{name}", theirs)
        assert (target / "share/both.txt").read_text() in ("one", "two")


def flipped(archive: Path, place: int) -> Path:
    data = bytearray(archive.read_bytes())
    data[place] ^= 1
    bad = archive.with_name(f"bad-{archive.name}")
    bad.write_bytes(data)
    return bad


def place_of(member: str, archive: Path) -> int:
    with tarfile.open(archive) as tar:
        return tar.getmember(member).offset_data


@pytest.mark.parametrize("member", ["share/alpha/same.txt", "mine.txt", "bin/alpha", "conda-meta/alpha-1.0-0.json"])
def test_a_damaged_archive(source: Path, little_settings: Settings, tmp_path: Path, member: str) -> None:
    """One bit of one file is enough, in whatever format."""
    target, tar = tmp_path / "target", packed(source, tmp_path / "packed.tar", little_settings)
    place, data = place_of(member, tar), tar.read_bytes()
    (stored := tmp_path / "packed.tar.gz").write_bytes(gzip.compress(data, 0))
    zipped = as_zip(tar)
    of_gzip, of_zip = (one.read_bytes().index(data[place : place + 4]) for one in (stored, zipped))
    for archive, at in ((tar, place), (tar, place_of(member, tar) - 512), (stored, of_gzip), (zipped, of_zip)):
        with pytest.raises(Tampered, match="cannot be unpacked"):
            operate(Unpack(prefix=str(target), archive=str(flipped(archive, at))), little_settings)
            pytest.fail(f"{archive.name} at {at}")
        assert not target.exists() and leftovers(target) == []


def test_half_an_archive(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    target, tar = tmp_path / "target", packed(source, tmp_path / "packed.tar", little_settings)
    for end in (place_of("mine.txt", tar), place_of("mine.txt", tar) + 2, place_of(SUM, tar) - 512):
        (half := tmp_path / "half.tar").write_bytes(tar.read_bytes()[:end])
        with pytest.raises(Tampered, match=r"half.tar cannot be unpacked"):
            operate(Unpack(prefix=str(target), archive=str(half)), little_settings)
    assert not target.exists() and leftovers(target) == []


def test_what_its_owner_has_altered(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    """It is no damage; where nothing tells it from that, it is named."""
    target, file = tmp_path / "target", "share/alpha/same.txt"
    archive = packed(source, tmp_path / "packed.tar", little_settings)
    unpacked(remade(archive), target, little_settings)
    (target / file).unlink()
    (target / file).write_text("altered\n")
    shutil.rmtree(little_settings.cache_dir)  # else conda-pack takes the file from there
    archive = packed(target, tmp_path / "altered.tar", little_settings)
    for one, told in ((archive, []), (remade(archive), [file])):
        prefix = tmp_path / f"of-{one.name}"
        _, events = operate(Unpack(prefix=str(prefix), archive=str(one)), little_settings)
        assert (prefix / file).read_text() == "altered\n"
        warnings = [event.text for event in events if isinstance(event, Message)]
        assert [name in text for name, text in zip(told, warnings, strict=True)] == [True] * len(told), warnings


def _perform_by_umask(mask: int, request: Pack, settings: Settings) -> None:
    from jupyter_condaenv.engine import operations

    os.umask(mask)
    operations.perform(request, settings, lambda event: None)


def test_who_may_read_it(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    archive = tmp_path / "packed.tar.gz"
    in_child(_perform_by_umask, 0o027, Pack(prefix=str(source), output=str(archive)), little_settings)
    assert stat.S_IMODE(archive.stat().st_mode) == 0o640


def test_a_large_file_that_is_no_archive(little_settings: Settings, tmp_path: Path) -> None:
    """It is not read to its end, and room is no matter."""
    with (tmp_path / "zeros.tar.gz").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InvalidRequest, match="is no archive"):
        operate(Unpack(prefix=str(tmp_path / "target"), archive=str(tmp_path / "zeros.tar.gz")), little_settings)


def test_the_script_in_it_is_not_run(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    archive = packed(source, tmp_path / "good.tar", little_settings)
    with tarfile.open(archive) as good:
        script = good.extractfile("bin/conda-unpack").read()  # type: ignore[union-attr]
    script += f"\nopen({str(tmp_path / 'ran')!r}, 'w')\n".encode()
    unpacked(remade(archive, changed={"bin/conda-unpack": script}), tmp_path / "target", little_settings)
    assert not (tmp_path / "ran").exists() and not (tmp_path / "target/bin/conda-unpack").exists()


def test_no_other_file_is_given_a_prefix(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    """Neither by its name nor through a link."""
    archive, victim = packed(source, tmp_path / "good.tar", little_settings), tmp_path / "victim"
    victim.write_text("alpha")
    places = [(name, "alpha", "text") for name in ("../../victim", "link", str(victim))]
    script = f"_prefix_records = {places!r}".encode()
    evil = remade(archive, link("link", str(victim)), changed={"bin/conda-unpack": script})
    unpacked(evil, tmp_path / "target", little_settings)
    assert victim.read_text() == "alpha"


@pytest.mark.parametrize("phase", ["stage", "commit", "pack"])
def test_a_kill_leaves_all_or_nothing(source: Path, little_settings: Settings, tmp_path: Path, phase: str) -> None:
    archive, target = tmp_path / "packed.tar", tmp_path / "target"
    if phase != "pack":
        packed(source, archive, little_settings)
    pack, unpack = (
        Pack(prefix=str(source), output=str(archive)),
        Unpack(prefix=str(target), archive=str(archive)),
    )
    with Operation(pack if phase == "pack" else unpack, little_settings) as operation:
        operation.until(phase)
    if phase == "pack":
        assert not archive.exists() or tarfile.is_tarfile(archive)
        archive.unlink(missing_ok=True)
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        link = tmp_path / ".theirs.tar.pack-1"
        link.symlink_to(elsewhere)
        packed(source, archive.with_name("other.tar"), little_settings)
        assert {*tmp_path.glob(".*.pack-*")} == {link}, "one of any name tidies up in the folder"
        assert list(elsewhere.iterdir()) == []
        packed(source, archive, little_settings)
    if not target.exists():
        unpacked(archive, target, little_settings)
    assert problems(target, "mine.txt") == []
