"""Plans, history and differences as the command line shows them."""

from __future__ import annotations

import msgspec

from jupyter_condaenv.cli import plans
from jupyter_condaenv.engine import changes
from jupyter_condaenv.engine.model import (
    Change,
    Changed,
    Environment,
    Lock,
    Package,
    PipChange,
    PipPart,
    Plan,
    Revision,
    Room,
    Unasked,
    Variable,
)


def package(name: str, version: str, build: str = "0", size: int = 0) -> Package:
    file_name = f"{name}-{version}-{build}.conda"
    url = f"https://example.org/c/noarch/{file_name}"
    return Package(
        name=name, version=version, build=build, size=size, subdir="noarch", url=url, channel="c", file_name=file_name
    )


def test_what_was_asked_of_pip_is_told_beside_the_rest() -> None:
    lock = Lock(platform="linux-64", channels=(), specs=("numpy >=1.20,<3", "pandas"), packages=())
    asked = msgspec.structs.replace(lock, pip_specs=("humanize",))
    revision = Revision(number=2, time="2026-01-01T00:00:00", author="me", verb="add", lock=asked)
    assert plans.revisions([revision.summary])[1].endswith("numpy >=1.20,<3; pandas; by pip: humanize")
    lines = plans.revisions([revision.summary], [revision.number + 1])
    assert lines[2].split() == [str(revision.number + 1), "-", "-", "damaged", "-"]
    assert "doctor ENV --fix" in lines[3]
    before = msgspec.structs.replace(revision, lock=lock)
    told = [" ".join(line.split()) for line in plans.difference(changes.difference(before, revision))]
    assert told == ["asked of pip for humanize"]
    told = [" ".join(line.split()) for line in plans.difference(changes.difference(revision, before))]
    assert told == ["no longer asked of pip for humanize"]


def test_what_is_to_download_for_pip_is_told_beside_the_rest() -> None:
    lock = Lock(platform="linux-64", channels=(), specs=(), packages=())
    part = PipPart(changes=(PipChange(name="humanize", after="4.0"),), resolved=True, download_bytes=128_000)
    plan = Plan(prefix="/p", verb="add", before="x", lock=lock, changes=(), download_bytes=0, pip=part)
    assert plans.plan(plan)[-1] == "128.0 kB to download for pip"
    assert "download" not in " ".join(plans.plan(plan, done=True))


def test_variables_are_a_line_of_the_history_of_a_difference_and_of_a_plan() -> None:
    lock = Lock(platform="linux-64", channels=(), specs=("numpy",), packages=())
    one = Revision(number=1, time="2026-01-01T00:00:00", author="me", verb="add", lock=lock, variables=())
    words = "rollback to 1, then add numpy"
    other = msgspec.structs.replace(one, words=words, variables=(Variable(name="MODE", value="wet"),))
    line = plans.revisions([other.summary])[1]
    assert words in line and line.endswith("numpy; variables: MODE")
    assert plans.difference(changes.difference(one, other)) == ["variables: MODE = wet"]
    assert plans.difference(changes.difference(other, one)) == ["variables: MODE unset"]
    plan = Plan(prefix="/p", verb="rollback", before="x", lock=lock, changes=(), download_bytes=0, unset=("MODE",))
    assert plans.plan(plan, done=True) == ["variables: MODE unset"]


def test_a_plan_says_what_happens_to_each_package() -> None:
    changes = (
        Change(kind="remove", before=package("gone", "1")),
        Change(kind="downgrade", before=package("down", "2"), after=package("down", "1")),
        Change(kind="upgrade", before=package("up", "1"), after=package("up", "2", size=2_000_000)),
        Change(kind="rebuild", before=package("same", "1", "a"), after=package("same", "1", "b")),
        Change(kind="add", after=package("new", "1", size=1000)),
    )
    lock = Lock(platform="noarch", channels=("c",), specs=("new",), packages=())
    moved = (Unasked(name="down", because="new 1 needs down <2"), Unasked(name="gone"))
    room = Room(bytes=3_000_000, inodes=12, shared=5_000, unknown=1)
    plan = Plan(
        prefix="/x",
        verb="change",
        before="",
        lock=lock,
        changes=changes,
        download_bytes=2_001_000,
        unasked=moved,
        room=room,
    )
    lines = plans.plan(plan)
    assert [line.split() for line in lines[:5] + lines[-2:-1]] == [
        ["new", "new", "1", "0", "1.0", "kB"],
        ["up", "up", "1", "->", "2", "0", "2.0", "MB"],
        ["down", "down", "2", "->", "1", "0"],
        ["rebuilt", "same", "1", "a", "->", "b"],
        ["removed", "gone", "1", "0"],
        ["1", "new,", "1", "up,", "1", "down,", "1", "rebuilt,", "1", "removed;", "2.0", "MB", "to", "download"],
    ]
    assert lines[5:8] == ["Not asked for, but:", "  down: new 1 needs down <2", "  gone: moves as well"]
    assert lines[-1] == "at least 3.0 MB and 12 files more on the disk; 5.0 kB shared by hard links"
    assert not any("on the disk" in line for line in plans.plan(plan, done=True))


def test_of_a_new_environment_the_packages_that_were_asked_for_are_listed() -> None:
    """Also those that were asked for by the URL or the path of their archive."""
    packages = (package("numpy", "1"), package("tool", "1"), package("my-lib", "2"), package("other", "1"))
    specs = ("numpy>=1", "https://host/c/noarch/tool-1-0.conda", "/home/me/my-lib-2-0.conda")
    lock = Lock(platform="noarch", channels=("c",), specs=specs, packages=packages)
    changes = tuple(Change(kind="add", after=one) for one in packages)
    made = Plan(prefix="/x", verb="create", before="", lock=lock, changes=changes, download_bytes=0)
    lines = plans.changed(Changed(environment=Environment(name="x", prefix="/x"), plan=made, revision=1))
    assert [line.split()[1] for line in lines[:3]] == ["my-lib", "numpy", "tool"]
    assert lines[3].startswith("  ... and 1 package more")


def test_a_package_from_another_channel_says_from_which() -> None:
    other = msgspec.structs.replace(package("same", "1"), channel="https://other", sha256="2" * 64)
    change = Change(kind="rechannel", before=package("same", "1"), after=other)
    assert plans.change_row(change)[:2] == ("elsewhere", "same")
    assert plans.change_row(change)[-1] == "from https://other"
