"""Archives that are not what the index promises, caches that somebody edited, and downloads that fail."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import convert
from msgspec.structs import replace

from jupyter_condaenv.engine.model import ChangePackages, CreateEnvironment, Lock, Settings
from tests.channel import ChannelServer, write_package

from .harness import Operation, changed, leftovers, poll, problems, refused, run, tree

TAG = "CACHEDIR.TAG"
Make = Callable[..., Settings]


@pytest.fixture
def own_channel(little: Path, tmp_path: Path) -> Path:
    """A copy of the small channel, to be spoilt."""
    shutil.copytree(little, tmp_path / "channel")
    return tmp_path / "channel"


@pytest.fixture
def server(own_channel: Path) -> Iterator[ChannelServer]:
    with ChannelServer(own_channel) as running:
        yield running


def prefix_of(settings: Settings, name: str = "demo") -> Path:
    return Path(settings.envs_dirs[0]) / name


def spoil(archive: Path) -> None:
    """Other bytes, as many, in the middle."""
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 0xFF
    archive.unlink()
    archive.write_bytes(data)


def archive(channel: Path, name: str) -> Path:
    return next(channel.glob(f"*/{name}-*.conda"))


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def delete(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("harm", "codes"),
    [(spoil, ("tampered",)), (truncate, ("tampered", "channel_error")), (delete, ("channel_error",))],
    ids=["other bytes", "truncated", "missing"],
)
@pytest.mark.parametrize("scheme", ["file", "http"])
@pytest.mark.parametrize(
    "there", [pytest.param(False, id="create"), pytest.param(True, id="add", marks=pytest.mark.slow)]
)
def test_a_bad_archive(  # type: ignore[no-untyped-def]
    harm, codes, scheme: str, there: bool, own_channel: Path, server: ChannelServer, settings: Make
) -> None:
    ours = settings(channels=(own_channel.as_uri() if scheme == "file" else server.url,))
    prefix = prefix_of(ours)
    good = archive(own_channel, "gamma").read_bytes()
    if there:
        run(CreateEnvironment(prefix=str(prefix), specs=("alpha",)), ours)
    before = tree(prefix)
    request = (
        ChangePackages(prefix=str(prefix), add=("gamma",))
        if there
        else CreateEnvironment(prefix=str(prefix), specs=("alpha", "gamma"))
    )
    path = archive(own_channel, "gamma")
    harm(path)
    for _ in range(2):
        failure = refused(request, ours, *codes)
        assert failure["hint"]
        assert "gamma" in failure["message"]
        assert tree(prefix) == before
        assert leftovers(prefix) == []
    path.write_bytes(good)
    run(request, ours)
    assert (prefix / "share/gamma/g.txt").read_text() == "gamma\n"
    assert problems(prefix, TAG) == []


def test_an_archive_that_changed_after_it_was_unpacked_is_not_trusted_to_repair_the_cache(
    own_channel: Path, settings: Make
) -> None:
    """A damaged cache is filled again from the archive, which must be looked at again."""
    ours = settings(channels=(own_channel.as_uri(),))
    run(CreateEnvironment(prefix=str(prefix_of(ours, "first")), specs=("gamma",)), ours)
    write_package(own_channel, "gamma", "1.0", files={"share/gamma/g.txt": "evil!\n"}, noarch="generic")
    edit_cache(ours, "share/gamma/g.txt", "hurt!\n")
    failure = refused(CreateEnvironment(prefix=str(prefix_of(ours)), specs=("gamma",)), ours, "tampered")
    assert "gamma" in failure["message"]
    assert not prefix_of(ours).exists()


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_it_is_told_whose_fault_it_is(
    scheme: str, own_channel: Path, server: ChannelServer, settings: Make, tmp_path: Path
) -> None:
    ours = settings(channels=(own_channel.as_uri() if scheme == "file" else server.url,))
    plain = CreateEnvironment(prefix=str(prefix_of(ours)), specs=("gamma",))
    lock = convert(run(plain, ours)["plan"]["lock"], Lock)
    (gamma,) = lock.packages
    altered = replace(lock, packages=(replace(gamma, sha256="0" * 64),))
    fresh = changed(ours, cache_dir=str(tmp_path / "fresh"))
    other = str(prefix_of(ours, "other"))

    failure = refused(CreateEnvironment(prefix=other, lock=altered), fresh, "tampered")
    assert failure["message"] == (
        f"The lock says {'0' * 64} for gamma 1.0 0, and its channel has {gamma.sha256}, in its index as well."
    )
    assert "altered the lock" in failure["hint"]

    write_package(own_channel, "gamma", "1.0", files={"share/gamma/g.txt": "evil!\n"}, noarch="generic")
    failure = refused(CreateEnvironment(prefix=other, lock=lock), fresh, "tampered")
    assert failure["message"].startswith("What came as gamma 1.0 0 has the hash ")
    assert failure["message"].endswith(f"and its channel's index says {gamma.sha256}.")

    failure = refused(CreateEnvironment(prefix=other, lock=altered), fresh, "tampered")
    assert failure["message"].startswith(f"Lock and channel disagree on gamma 1.0 0: the lock says {'0' * 64}, and")
    assert failure["details"]["package"] == "gamma"


def edit_cache(settings: Settings, path: str, text: str) -> None:
    (found,) = Path(settings.cache_dir).glob(f"pkgs/*/{path}")
    found.write_text(text)


@pytest.mark.parametrize("scheme", ["file", "http"])
@pytest.mark.parametrize("way", ["in the cache", "through an environment"])
def test_an_edited_cache_is_repaired(
    way: str, scheme: str, own_channel: Path, server: ChannelServer, settings: Make
) -> None:
    ours = settings(channels=(own_channel.as_uri() if scheme == "file" else server.url,))
    run(CreateEnvironment(prefix=str(prefix_of(ours, "first")), specs=("gamma", "alpha")), ours)
    if way == "in the cache":
        edit_cache(ours, "share/gamma/g.txt", "evil!\n")
    else:
        edited = prefix_of(ours, "first") / "share/gamma/g.txt"
        assert edited.stat().st_nlink > 1
        with edited.open("r+") as file:
            file.write("evil!")
    run(CreateEnvironment(prefix=str(prefix_of(ours)), specs=("gamma", "alpha")), ours)
    assert (prefix_of(ours) / "share/gamma/g.txt").read_text() == "gamma\n"
    assert problems(prefix_of(ours), TAG) == []


def test_an_archive_tampered_with_on_the_way(server: ChannelServer, settings: Make) -> None:
    ours = settings(channels=(server.url,))
    request = CreateEnvironment(prefix=str(prefix_of(ours)), specs=("alpha", "gamma"))
    server.tamper = {"*/gamma-*.conda"}
    refused(request, ours, "tampered")
    assert not prefix_of(ours).exists()
    assert not list(Path(ours.cache_dir).glob("pkgs/gamma*/share/gamma/g.txt"))
    server.tamper = set()
    run(request, ours)
    assert problems(prefix_of(ours), TAG) == []


@pytest.mark.parametrize("fault", ["drop", "fail"])
def test_a_fault_that_passes_is_got_over(fault: str, server: ChannelServer, settings: Make) -> None:
    ours = settings(channels=(server.url,))
    request = CreateEnvironment(prefix=str(prefix_of(ours)), specs=("wide", "gamma"))
    if fault == "drop":
        server.drop = {"*/wide-*.conda": 1}
    else:
        server.fail = {"*/wide-*.conda": (503, 1)}
    with Operation(request, ours) as operation:
        operation.finish()
        told = operation.failure
    if told is not None:  # it may give up, but in words, and leave nothing
        assert told["code"] == "channel_error"
        assert not prefix_of(ours).exists() and leftovers(prefix_of(ours)) == []
        run(request, ours)
    assert fault == "drop" or told is None, "503 is tried again"
    assert problems(prefix_of(ours), TAG) == []


def test_an_archive_that_is_not_there(server: ChannelServer, settings: Make) -> None:
    ours = settings(channels=(server.url,))
    request = CreateEnvironment(prefix=str(prefix_of(ours)), specs=("gamma",))
    server.fail = {"*/gamma-*.conda": (404, 1000)}
    assert "gamma" in refused(request, ours, "channel_error")["message"]
    assert not prefix_of(ours).exists()
    server.fail = {}
    run(request, ours)


def test_a_stalled_download_is_ended_by_a_kill(server: ChannelServer, settings: Make) -> None:
    ours = settings(channels=(server.url,))
    request = CreateEnvironment(prefix=str(prefix_of(ours)), specs=("wide", "gamma"))
    server.stall = {"*/wide-*.conda"}
    with Operation(request, ours) as operation:
        operation.until("download")
        poll(lambda: any("/wide-" in each.path for each in server.log))
        assert operation.process.poll() is None
        operation.kill()
    assert not prefix_of(ours).exists()
    server.stall = set()
    server.release()
    run(request, ours)
    assert problems(prefix_of(ours), TAG) == []
    assert leftovers(prefix_of(ours)) == []


def test_a_server_that_is_gone(own_channel: Path, settings: Make) -> None:
    with ChannelServer(own_channel) as server:
        ours = settings(channels=(server.url,))
        prefix = prefix_of(ours)
        run(CreateEnvironment(prefix=str(prefix), specs=("alpha",)), ours)
    before = tree(prefix)
    refused(ChangePackages(prefix=str(prefix), add=("gamma",)), ours, "channel_error")
    assert tree(prefix) == before
    refused(
        CreateEnvironment(prefix=str(prefix_of(ours, "other")), specs=("gamma",)),
        changed(ours, cache_dir=ours.cache_dir + "-empty"),
        "channel_error",
    )
    assert not prefix_of(ours, "other").exists()
