"""From one state of a directory to the next: killed at every single step, and with everything odd in the tree."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_condaenv.engine import carryover, exchange, staging, trees
from jupyter_condaenv.engine.errors import ReadOnly
from jupyter_condaenv.engine.staging import Workspace

from . import places
from .harness import leftovers, poll, tree

CHANGING = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.chmod", "os.truncate", "shutil.rmtree"}


def child(function: Callable[[], object], *, user: int = 0) -> int:
    """Run ``function`` in a process of its own and return how that ended: 0, 1 for an exception, -9 when killed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of other fixtures do nothing in the child
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if user:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            function()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed_at(number: int, function: Callable[[], object]) -> bool:
    """Run ``function`` and kill it right before its ``number``-th change of the file system; False: it was done."""

    def run() -> None:
        left = number

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            writes = event in CHANGING or (event == "open" and "w" in str(arguments[1]))
            if writes:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        function()

    code = child(run)
    assert code in (0, -signal.SIGKILL)
    return code != 0


OLD = {
    "conda-meta/history": "one\n",
    "conda-meta/a.json": "{}",
    "same.txt": "same",
    "changed.txt": "old",
    "gone.txt": "gone",
    "gone/one.txt": "1",
    "gone/deep/two.txt": "2",
    "shape": "a file",
    "folder/inner.txt": "inner",
    "mine/user.txt": "mine",
}


def make(prefix: Path, files: dict[str, str] = OLD) -> Path:
    for name, text in files.items():
        write(prefix / name, text)
    return prefix


def write(path: Path, text: str) -> None:
    """As a new file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")


def edit(stage: Path) -> None:
    """Everything that a change of packages can do."""
    with (stage / "conda-meta" / "history").open("a") as history:
        history.write("two\n")
    write(stage / "changed.txt", "new")
    for name in ("gone.txt", "gone/one.txt", "gone/deep/two.txt", "shape", "folder/inner.txt"):
        (stage / name).unlink()
    for name in ("gone/deep", "gone", "folder"):
        (stage / name).rmdir()
    write(stage / "shape" / "inner.txt", "now a folder")
    write(stage / "folder", "now a file")
    write(stage / "added" / "deep" / "three.txt", "3")
    (stage / "added" / "link").symlink_to("deep/three.txt")


def change(work: Workspace, editing: Callable[[Path], None] = edit) -> None:
    exchange.recover(work)
    snapshot = staging.make_stage(work)
    editing(work.stage)
    exchange.commit(work, snapshot)


def beside(prefix: Path) -> Workspace:
    work = staging.workspace(prefix)
    assert not work.inside
    return work


def inside(prefix: Path) -> Workspace:
    return Workspace(prefix, prefix / "conda-meta" / staging.WORK_NAME)


def content(prefix: Path) -> dict[str, tuple[object, ...]]:
    """The tree without the mark that each change leaves."""
    return {path: what for path, what in tree(prefix).items() if not path.startswith("conda-meta/condaenv")}


@pytest.fixture
def states(tmp_path: Path) -> tuple[dict[str, tuple[object, ...]], dict[str, tuple[object, ...]]]:
    prefix = make(tmp_path / "reference" / "env")
    old = content(prefix)
    change(beside(prefix))
    return old, content(prefix)


@pytest.mark.slow
@pytest.mark.parametrize("where", [beside, pytest.param(inside, marks=pytest.mark.slow)])
def test_a_kill_before_every_single_step_of_a_change(where, states, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    old, new = states
    found = []
    number = 0
    while True:
        work = where(make(tmp_path / str(number) / "env"))
        if not killed_at(number, lambda: change(work)):  # noqa: B023
            break
        assert child(lambda: exchange.recover(work)) == 0  # noqa: B023
        now = content(work.prefix)
        assert now in (old, new), number
        found.append("old" if now == old else "new")
        if now == old:
            change(work)
        assert content(work.prefix) == new, number
        poll(lambda: _settle(work))  # noqa: B023
        assert leftovers(work.prefix) == []
        number += 1
    assert content(work.prefix) == new
    assert {"old", "new"} == set(found)
    assert sorted(found, reverse=True) == found, "once it is the new one it stays the new one"


def _settle(work: Workspace) -> bool:
    exchange.recover(work)
    return all(exchange._retire(work, old) for old in exchange.replaced(work))


@pytest.mark.slow
@pytest.mark.parametrize("where", [beside, inside])
def test_a_kill_while_recovering_from_a_kill(where, states, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    old, new = states
    first = last = 0
    while True:
        for second in range(0, 60, 5):
            work = where(make(tmp_path / f"{first}-{second}" / "env"))
            if not killed_at(first, lambda: change(work)):  # noqa: B023
                assert last, "it was killed at least once"
                return
            again = killed_at(second, lambda: exchange.recover(work))  # noqa: B023
            exchange.recover(work)
            assert content(work.prefix) in (old, new), (first, second)
            last = first
            if not again:
                break
        first += 7


@pytest.mark.parametrize("where", [beside, pytest.param(inside, marks=pytest.mark.slow)])
def test_a_kill_before_every_single_step_of_a_removal(where, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    number = 0
    ends = set()
    while True:
        work = where(make(tmp_path / str(number) / "env"))
        work.root.mkdir(parents=True)
        old = content(work.prefix)
        if not killed_at(number, lambda: exchange.remove(work)):  # noqa: B023
            break
        exchange.recover(work)
        now = content(work.prefix)
        assert now == old or not any(what[0] == "file" for what in now.values()), number
        ends.add(now == old)
        number += 1
    assert not work.prefix.exists()
    assert ends == {True, False}
    assert leftovers(work.prefix) == []


@pytest.mark.slow
def test_a_kill_before_every_single_step_of_settling(tmp_path: Path) -> None:
    number = 0
    while True:
        prefix = make(tmp_path / str(number) / "env")
        work = beside(prefix)
        change(work)
        (old,) = exchange.replaced(work)
        write(old / "mine" / "late.txt", "late")
        write(old / "mine" / "user.txt", "edited")
        if not killed_at(number, lambda: exchange.settle(str(prefix))):  # noqa: B023
            break
        poll(lambda: exchange.settle(str(prefix)))  # noqa: B023
        assert (prefix / "mine" / "late.txt").read_text() == "late", number
        assert (prefix / "mine" / "user.txt").read_text() == "edited", number
        assert leftovers(prefix) == []
        number += 1
    assert number > 10


# --- what is written meanwhile ---


def test_what_was_written_into_the_old_tree_is_carried_over(tmp_path: Path) -> None:
    prefix = make(tmp_path / "env")
    work = beside(prefix)
    change(work)
    (old,) = exchange.replaced(work)
    write(old / "new" / "file.txt", "new")
    write(old / "gone" / "late.txt", "in a folder that is gone")
    write(old / "shape.txt", "")
    write(old / "same.txt", "replaced by the user")
    write(old / "changed.txt", "replaced by both")
    write(old / "folder" / "late.txt", "in a folder that is a file now")
    write(old / "__pycache__" / "nothing.cpython-311.pyc", "of a module that is not there")
    write(old / "mod.py", "")
    write(old / "__pycache__" / "mod.cpython-311.pyc", "of one that is")
    (old / "emptied").mkdir(mode=0o700)
    (old / "new" / "link").symlink_to("nowhere")
    os.mkfifo(old / "new" / "fifo")
    exchange.sweep(work)
    found = tree(prefix)
    assert (prefix / "new/file.txt").read_text() == "new"
    assert (prefix / "gone/late.txt").read_text() == "in a folder that is gone"
    assert (prefix / "same.txt").read_text() == "replaced by the user"
    assert (prefix / "changed.txt").read_text() == "new"
    assert (prefix / "changed.txt.saved-1").read_text() == "replaced by both"
    assert (prefix / "folder").read_text() == "now a file"
    assert (prefix / "folder.saved/late.txt").read_text() == "in a folder that is a file now"
    assert "__pycache__/nothing.cpython-311.pyc" not in found
    assert (prefix / "__pycache__/mod.cpython-311.pyc").exists()
    assert (prefix / "emptied").stat().st_mode & 0o777 == 0o700
    assert os.readlink(prefix / "new/link") == "nowhere"
    assert (prefix / "new/fifo").is_fifo()
    exchange.sweep(work)
    assert tree(prefix) == found, "what was carried over is not carried over again"
    poll(lambda: exchange.settle(str(prefix)))
    assert tree(prefix) == found


def test_a_file_replaced_while_the_stage_was_prepared_stays_the_newer_one(tmp_path: Path) -> None:
    prefix = make(tmp_path / "env")
    work = beside(prefix)
    snapshot = staging.make_stage(work)
    edit(work.stage)
    write(prefix / "mine/user.txt", "edited meanwhile")
    write(prefix / "changed.txt", "edited meanwhile too")
    exchange.commit(work, snapshot)
    exchange.sweep(work)
    assert (prefix / "mine/user.txt").read_text() == "edited meanwhile"
    assert (prefix / "changed.txt").read_text() == "new"
    assert (prefix / "changed.txt.saved-1").read_text() == "edited meanwhile too"


def test_the_same_in_place(tmp_path: Path) -> None:
    prefix = make(tmp_path / "env")
    work = inside(prefix)
    snapshot = staging.make_stage(work)
    edit(work.stage)
    write(prefix / "mine/user.txt", "edited meanwhile")
    write(prefix / "changed.txt", "edited meanwhile too")
    write(prefix / "gone/late.txt", "late")
    write(prefix / "added/deep/three.txt", "mine")
    exchange.commit(work, snapshot)
    assert (prefix / "mine/user.txt").read_text() == "edited meanwhile"
    assert (prefix / "changed.txt").read_text() == "new"
    assert (prefix / "changed.txt.saved-1").read_text() == "edited meanwhile too"
    assert (prefix / "gone/late.txt").read_text() == "late"
    assert (prefix / "added/deep/three.txt").read_text() == "3"
    assert (prefix / "added/deep/three.txt.saved-1").read_text() == "mine"
    assert leftovers(prefix) == []


def test_a_newer_file_is_not_replaced_by_an_older_one(tmp_path: Path) -> None:
    """Somebody may write between our look at a file and our change of it."""
    prefix, source = make(tmp_path / "env"), tmp_path / "source"
    target = prefix / "mine/user.txt"
    write(source, "older")
    before = os.lstat(target).st_ino
    os.link(target, tmp_path / "keeps the inode")
    write(target, "newest")
    carryover._supersede(source, target, before)
    assert target.read_text() == "newest"
    assert (prefix / "mine/user.txt.saved-1").read_text() == "older"
    assert len(os.listdir(prefix / "mine")) == 2


def test_a_file_that_is_replaced_is_there_at_any_moment(tmp_path: Path) -> None:
    prefix, source = make(tmp_path / "env"), tmp_path / "source"
    target = prefix / "mine/user.txt"
    program = "import sys\nn = 0\nwhile n < 20000:\n    open(sys.argv[1]).close()\n    n += 1\n"
    with subprocess.Popen([sys.executable, "-S", "-c", program, str(target)]) as reader:
        while reader.poll() is None:
            write(source, "newer")
            carryover._supersede(source, target, os.lstat(target).st_ino)
    assert reader.returncode == 0
    assert os.listdir(prefix / "mine") == ["user.txt"]


@pytest.mark.parametrize("linked", [False, True], ids=["plain", "through a link"])
@pytest.mark.parametrize("way", ["cwd", "file"])
def test_a_tree_that_a_process_works_in_is_kept(way: str, linked: bool, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    prefix = make(tmp_path / ("link" if linked else "real") / "env")
    program = (
        "import sys; f = open('mine/log', 'a'); print(1, flush=True); sys.stdin.read(); f.write('late'); f.close()"
    )
    if way == "file":
        program = "import os; f = open('mine/log', 'a'); os.chdir('/');" + program.partition(";")[2].partition(";")[2]
        program = "import sys\n" + program
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=prefix, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        change(beside(prefix))
        (old,) = exchange.replaced(beside(prefix))
        for _ in range(3):
            assert not exchange.settle(str(prefix))
        assert old.is_dir()
        process.stdin.close()
        process.wait()
        poll(lambda: exchange.settle(str(prefix)))
    assert not old.exists()
    assert (prefix / "mine/log").read_text() == "late"
    assert leftovers(prefix) == []


def test_a_tree_whose_snapshot_somebody_deleted_is_not_taken_for_new(tmp_path: Path) -> None:
    prefix = make(tmp_path / "env")
    work = beside(prefix)
    change(work)
    new = content(prefix)
    next(work.root.glob("old-*.snapshot")).unlink()
    poll(lambda: exchange.settle(str(prefix)))
    assert content(prefix) == new


# --- odd things ---


def odd(prefix: Path) -> None:
    """What may lie about in a folder that people use."""
    mine = prefix / "mine"
    (mine / "loop").symlink_to("loop")
    (mine / "up").symlink_to("..")
    (mine / "dangling").symlink_to("/nowhere/at/all")
    os.mkfifo(mine / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(mine)  # the path of a socket has to be short
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
    write(mine / ("n" * 255), "a long name")
    with open(os.fsencode(mine) + b"/caf\xe9 \xff", "w") as file:
        file.write("no UTF-8")
    write(mine / "new\nline", "a newline")
    os.link(mine / "user.txt", mine / "the same inode")
    write(mine / "secret/file", "not for reading")
    write(mine / "secret/mode", "not for reading")
    write(mine / "frozen/file", "in a folder that is not for writing")
    (mine / "secret/mode").chmod(0)
    (mine / "frozen").chmod(0o555)
    (mine / "setgid").mkdir()
    (mine / "setgid").chmod(0o2775)
    for path in (mine / "user.txt", mine / "frozen", mine):
        os.utime(path, (1_500_000_000, 1_500_000_000))


def details(prefix: Path) -> dict[str, tuple[object, ...]]:
    """Content, mode, owner and time of all that is the user's."""
    found = {}
    for path, what in tree(prefix / "mine").items():
        status = os.lstat(prefix / "mine" / path)
        found[path] = (*what, status.st_uid, status.st_gid, status.st_mtime_ns, status.st_mode)
    return found


@pytest.mark.parametrize("where", [beside, inside])
def test_odd_things_survive_a_change(where, states, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    prefix = make(tmp_path / "env")
    odd(prefix)
    if os.geteuid() == 0:
        os.chown(prefix / "mine/setgid", 12345, 12345)
        (prefix / "mine/setgid").chmod(0o2775)
    before = details(prefix)
    work = where(prefix)
    change(work)
    poll(lambda: _settle(work))
    assert details(prefix) == before
    assert os.lstat(prefix / "mine/user.txt").st_ino == os.lstat(prefix / "mine/the same inode").st_ino
    assert leftovers(prefix) == []
    now = {path: what for path, what in content(prefix).items() if not path.startswith("mine")}
    assert now == {path: what for path, what in states[1].items() if not path.startswith("mine")}
    exchange.remove(work)
    assert not prefix.exists() and leftovers(prefix) == []


def test_what_its_owner_cannot_read_stays_where_it_is(states, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Nobody can copy it, so the trees are not exchanged: the change is made in place."""
    prefix = make(tmp_path / "envs" / "env")
    write(prefix / "mine/closed/file", "closed")
    write(prefix / "mine/half/file", "half")
    user = places.NOBODY if os.geteuid() == 0 else 0
    if user:
        places.reach(prefix)
        places.own(tmp_path / "envs", user)
        os.chown(prefix / "mine/half/file", 0, 0)
        (prefix / "mine/half/file").chmod(0o600)
    (prefix / "mine/closed").chmod(0)
    inode = os.lstat(prefix / "mine/closed").st_ino
    work = beside(prefix)
    try:
        assert child(lambda: change(work), user=user) == 0
        assert os.lstat(prefix / "mine/closed").st_ino == inode
        assert exchange.replaced(work) == []
        assert leftovers(prefix) == []
    finally:
        (prefix / "mine/closed").chmod(0o755)
    assert (prefix / "mine/closed/file").read_text() == "closed"
    if os.geteuid() == 0:
        assert (prefix / "mine/half/file").read_text() == "half"
    now = {path: what for path, what in content(prefix).items() if not path.startswith("mine")}
    assert now == {path: what for path, what in states[1].items() if not path.startswith("mine")}


def test_folders_without_permissions_are_deleted_too(tmp_path: Path) -> None:
    tree_ = make(tmp_path / "tree")
    outside = make(tmp_path / "outside")
    (outside / "mine").chmod(0o500)
    (tree_ / "mine" / "link").symlink_to(outside / "mine")
    for name in ("gone/deep", "gone", "mine"):
        (tree_ / name).chmod(0)
    user = places.NOBODY if os.geteuid() == 0 else 0
    if user:
        places.reach(tmp_path)
        places.own(tree_, user)
        places.own(outside, user)
        os.chown(tmp_path, user, user)
    assert child(lambda: trees.remove_tree(tree_), user=user) == 0
    assert not tree_.exists()
    assert (outside / "mine").stat().st_mode & 0o777 == 0o500


@pytest.mark.parametrize("name", ["-rf", "[a-z]*", "ünï cödé 世界", "a b", "lock", "'quoted\"", "n" * 200])
def test_prefixes_with_odd_names(name: str, states, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    prefix = make(tmp_path / name)
    change(beside(prefix))
    assert content(prefix) == states[1]
    poll(lambda: exchange.settle(str(prefix)))
    assert leftovers(prefix) == []


def test_a_prefix_that_is_a_link_stays_a_link(states, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    real = make(tmp_path / "disk" / "env")
    link = tmp_path / "envs" / "alias"
    link.parent.mkdir()
    link.symlink_to(real)
    work = staging.workspace(link)
    assert work == staging.workspace(real), "both names have the same lock"
    change(work)
    assert link.is_symlink() and content(real) == states[1]
    poll(lambda: exchange.settle(str(link)))
    assert leftovers(real) == [] and leftovers(link) == []


def test_another_file_system_inside_stays_where_it_is(states, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    prefix = make(tmp_path / "env")
    with places.tmpfs(prefix / "mine" / "volume"):
        write(prefix / "mine/volume/data", "data")
        change(beside(prefix))
        assert os.path.ismount(prefix / "mine/volume")
        assert (prefix / "mine/volume/data").read_text() == "data"
        assert exchange.replaced(beside(prefix)) == []
        assert leftovers(prefix) == []
        assert (prefix / "shape/inner.txt").read_text() == "now a folder"


@pytest.mark.slow
def test_a_change_left_half_way_is_found_when_the_prefix_is_no_mount_point_any_more(states, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    prefix = make(tmp_path / "env")
    number = 0
    while not inside(prefix).journal.exists():
        assert killed_at(number, lambda: change(inside(prefix)))
        number += 1
    assert killed_at(number + 8, lambda: change(inside(prefix)))
    assert content(prefix) not in states and inside(prefix).journal.exists()
    exchange.recover(beside(prefix))
    assert content(prefix) == states[0]
    assert leftovers(prefix) == []


@pytest.mark.parametrize("name", ["env", "a b\\c"])
def test_a_bind_mount_is_seen_as_a_mount_point(name: str, tmp_path: Path) -> None:
    volume, prefix = make(tmp_path / "volume"), tmp_path / name
    assert not staging.workspace(volume).inside
    with places.mounted("--bind", volume, prefix):
        assert staging.workspace(prefix).inside


def test_an_environment_of_somebody_else_is_read_only(tmp_path: Path) -> None:
    places.need_root("an environment of another user")
    prefix = make(tmp_path / "envs" / "env")
    places.reach(prefix)
    before = tree(prefix)

    def attempt() -> None:
        with pytest.raises(ReadOnly, match="cannot be written") as caught:
            staging.workspace(prefix)
        assert "stack" in caught.value.hint
        assert exchange.settle(str(prefix))

    assert child(attempt, user=places.NOBODY) == 0
    assert tree(prefix) == before


def test_folders_keep_their_owner_when_root_changes_them(tmp_path: Path) -> None:
    places.need_root("an environment of another user")
    prefix = make(tmp_path / "env")
    places.own(prefix)
    change(beside(prefix))
    assert prefix.stat().st_uid == (prefix / "mine").stat().st_uid == places.NOBODY
