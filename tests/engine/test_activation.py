"""Activation against what conda does (``activation/``), scripts that misbehave, the cache, and what a launch adds."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from jupyter_condaenv.engine.activation import cache, threads
from jupyter_condaenv.engine.activation.cache import activated
from jupyter_condaenv.engine.activation.capture import capture
from jupyter_condaenv.engine.activation.launch import join_levels, launch_environment, read_at_start, split_levels
from jupyter_condaenv.engine.activation.rules import Activation
from tests.jobs.conftest import eventually

from . import places
from .conda_cases import DIFFERENT_ON_PURPOSE, IDS, SYSTEM, Case


@pytest.mark.parametrize("name", IDS)
def test_as_conda_does(name: str, tmp_path: Path) -> None:
    case = Case(name, tmp_path)
    ran = case.run()
    if not case.asked["survivable"]:
        assert "activate.d/" in "".join(ran.warnings), "the script at fault is named"
    elif name in DIFFERENT_ON_PURPOSE:
        assert case.changes(ran.env) != case.expected["final"], "no longer different: strike it from the list"
    else:
        assert case.changes(ran.env) == case.expected["final"]


def test_the_account_of_the_cases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    equal, different, handled = [], [], []
    for name in IDS:
        case = Case(name, tmp_path / name)
        env = case.run().env
        if not case.asked["survivable"]:
            handled.append(name)
        elif case.changes(env) == case.expected["final"]:
            equal.append(name)
        else:
            different.append(name)
    with capsys.disabled():
        print(f"\nactivation: {len(equal)} cases equal to conda, {len(different)} different on purpose,", end=" ")
        print(f"{len(handled)} not survivable but handled")
        for name in different:
            print(f"  {name}: {DIFFERENT_ON_PURPOSE.get(name, 'NOT ON PURPOSE')}")
    assert set(different) == set(DIFFERENT_ON_PURPOSE)
    assert len(equal) + len(different) + len(handled) == len(IDS) == 27


def test_what_is_different_on_purpose_is_better(tmp_path: Path) -> None:
    quoted = Case("env-vars-d-single-quote", tmp_path / "1").run().env
    assert (quoted["EV_SQ"], quoted["SCRIPT_RAN"]) == ("it's", "1")
    broken = Case("env-vars-d-bad-json", tmp_path / "2").run()
    assert (broken.env["FIRST"], broken.env["SCRIPT_RAN"]) == ("1", "1")
    assert "env_vars.d/b.json" in broken.warnings[0]
    assert Case("name-needs-quoting", tmp_path / "3").run().env["RAN_DOLLAR"] == "1"


def test_a_shell_that_dies_gives_what_conda_had_at_its_end_and_all_that_comes_after(tmp_path: Path) -> None:
    case = Case("exit-zero", tmp_path)
    env = case.run().env
    at_exit = case.expected["steps"][0]["at_exit"]
    assert case.changes(env) == {**at_exit, "set": {**at_exit["set"], "STEP_C": "1"}}


# --- scripts that misbehave ------------------------------------------------------------------------------------------


class Prefix:
    """An environment made of scripts. ``activate`` runs it and gives the variables; ``warnings`` is what it told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cache = path.parent / "cache"
        (path / "conda-meta").mkdir(parents=True)
        self.environ = {"PATH": SYSTEM, "HOME": str(path), "LANG": "C.UTF-8"}
        self.warnings: list[str] = []

    def write(self, name: str, text: str, folder: str = "etc/conda/activate.d") -> Path:
        file = self.path / folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def activate(self, limit: float = 20.0) -> dict[str, str]:
        changes, self.hung = capture((str(self.path),), self.environ, limit)
        self.warnings = changes.warnings
        return changes.apply(self.environ)

    def start(self, limit: float = 20.0) -> dict[str, str]:
        """As ``activate``, through the cache."""
        changes = activated((str(self.path),), self.environ, str(self.cache), limit)
        self.warnings = changes.warnings
        return changes.apply(self.environ)


@pytest.fixture
def prefix(tmp_path: Path) -> Prefix:
    return Prefix(tmp_path / "prefix")


HOSTILE = {
    "exit 3": "ended the shell",
    "exit 0": "ended the shell",
    "set -e; false": "ended the shell",
    "set -u; echo $SURELY_MISSING": "ended the shell",
    "exec true": "ended the shell",
    "kill -KILL $$": "signal 9",
    "trap - EXIT; exit 5": "exit status 5",
    'for f in /proc/$$/fd/*; do n=${f##*/}; [ $n -gt 2 ] && eval "exec $n>&-"; done': "ended the shell",
    "set -eu": "errexit and nounset",
    "exec >/dev/null 2>&1": "",
    "exec 0<&- 1>&- 2>&-": "",
    "set -- other arguments; shift; IFS=/; PS1=nothing": "",
    "cd /; set -f; shopt -s nullglob; readonly SOMETHING=1": "",
    "break; continue; return 7": "",
    "a=(1 2); declare -A m=([x]=y); [[ $a == 1 ]]": "",
    "printf() { :; }; env() { :; }; read() { exit; }; export() { :; }; unset -f export": "",
    "if [": "is not all bash",
    "sleep 1000 & disown": "",
    "env -0; printf 'X=1\\0'; echo \"export Y=1\"": "",
    "unset PATH; PATH=/none; unset PATH": "",
    "export PATH=$CONDA_PREFIX/x:$PATH; LD_PRELOAD=/not/there.so": "",
    "read -r line; cat; head -c1 /dev/stdin": "",
    "export HUGE=$(head -c 100000 /dev/zero | tr '\\0' x)": "",
    "export TOO_HUGE=$(head -c 200000 /dev/zero | tr '\\0' x)": "no command can be run",
    "recurse() { recurse; }; recurse": "",
    "ulimit -n 20; ulimit -c 0": "",
    "readonly CONDA_PREFIX PATH BEFORE": "",
    "shopt -s expand_aliases; alias export=exit builtin=exit .=exit": "",
    "greet() { echo hi; }; export -f greet; greet": "",
    "trap 'exit 9' DEBUG": "ended the shell",
    "trap '' TERM INT HUP; trap 'echo gone' EXIT ERR": "",
    "kill -TERM $$; wait": "ended the shell",
    "set -o posix; set -o noglob; set -o allexport": "",
    "enable -n builtin printf read eval": "ended the shell",
    "exec 200</dev/null 201</dev/null 202</dev/null 203</dev/null 204</dev/null": "ended the shell",
    "export NEW_LINES=$'a\\nb\\n' BYTES=$'\\xff\\xfe'": "",
    "export BASH_ENV=/none ENV=/none PROMPT_COMMAND='exit 1' PS4='$(exit)' SHELLOPTS": "",
    "(setsid sleep 1000 &)": "",
    "unset HOME; hash -r; umask 777": "",
    "coproc cat; exec 1>&${COPROC[1]}": "",
}


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_a_script_does_the_others_run(prefix: Prefix, text: str) -> None:
    prefix.write("1.sh", "export BEFORE=1\n")
    prefix.write("2 at fault.sh", text + "\n")
    prefix.write("3.sh", 'export AFTER="$BEFORE$CONDA_SHLVL"\n')
    env = prefix.activate()
    assert (env["BEFORE"], env["AFTER"], env["CONDA_PREFIX"]) == ("1", "11", str(prefix.path))
    assert not {"X", "Y", "PWD", "SHLVL", "_"} & env.keys()
    assert not [name for name in env if "condaenv" in name]
    if HOSTILE[text]:
        (warning,) = prefix.warnings
        assert "/2 at fault.sh" in warning and HOSTILE[text] in warning
    else:
        assert prefix.warnings == []


def test_what_a_script_set_before_it_ended_the_shell_is_kept(prefix: Prefix) -> None:
    prefix.write("1.sh", "export KEPT=1\nhelper() { exit; }\nhelper\n")
    assert prefix.activate()["KEPT"] == "1"


@pytest.mark.parametrize("way", ["while :; do :; done", "kill -STOP $$", "set -o noexec", "wait", "cat <&200"])
def test_a_script_that_hangs_is_stopped_and_named(prefix: Prefix, way: str) -> None:
    prefix.write("1.sh", "export BEFORE=1\n")
    prefix.write("2.sh", f"sleep 1000 & echo $! >$CONDA_PREFIX/child; {way}\n")
    prefix.write("3.sh", "export AFTER=1\n")
    began = time.monotonic()
    env = prefix.activate(limit=0.5)
    assert time.monotonic() - began < 10
    assert (env["BEFORE"], env["AFTER"]) == ("1", "1")
    assert prefix.hung
    assert "/2.sh did not end within 0.5 seconds" in prefix.warnings[0]
    child = int((prefix.path / "child").read_text())
    eventually(lambda: not sleeps(child))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("path", ["etc/conda/activate.d/2.sh", "etc/conda/env_vars.d/2", "conda-meta/state"])
def test_a_pipe_that_nobody_writes_into_is_left_out_and_named(prefix: Prefix, path: str) -> None:
    prefix.write("1.sh", "export BEFORE=1\n")
    prefix.write("3.sh", "export AFTER=1\n")
    pipe = prefix.path / path
    pipe.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(pipe)
    env = prefix.activate(limit=0.5)
    assert (env["BEFORE"], env["AFTER"]) == ("1", "1")
    (warning,) = prefix.warnings
    assert str(pipe) in warning


def sleeps(pid: int) -> bool:
    """Whether that is still the program which the script started."""
    try:
        process = psutil.Process(pid)
        return process.name() == "sleep" and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_many_scripts_that_hang_do_not_add_up(prefix: Prefix) -> None:
    for number in range(9):
        prefix.write(f"{number}.sh", "while :; do :; done\n")
    began = time.monotonic()
    prefix.activate(limit=0.4)
    assert time.monotonic() - began < 3
    assert "/8.sh was not run" in prefix.warnings[-1]


def test_variables_are_never_expanded(prefix: Prefix) -> None:
    values = {"A": "$(touch $CONDA_PREFIX/x) `id` ${HOME}", "B": "'\"\\", "C": "a\nb", "D": "ü ", "lower": "1", "N": 3}
    prefix.write("a.json", json.dumps(values), "etc/conda/env_vars.d")
    prefix.write("state", json.dumps({"env_vars": {"D": "state wins", "GONE": "***unset***"}}), "conda-meta")
    prefix.write("s.sh", 'export SEEN="$A$B$C$D$LOWER"\n')
    env = prefix.activate()
    assert [env[name] for name in "ABCDN"] == [values["A"], values["B"], values["C"], "state wins", "3"]
    assert env["SEEN"] == f"{values['A']}{values['B']}{values['C']}state wins1"
    assert "lower" not in env and "GONE" not in env
    assert not (prefix.path / "x").exists()


def test_variables_that_no_file_may_set(prefix: Prefix) -> None:
    bad = {"PATH": "/evil", "CONDA_PREFIX": "/evil", "a b": "1", "N\n": "1", "L": ["1"], "Z": "a\0b", "OK": None}
    prefix.write("a.json", json.dumps(bad), "etc/conda/env_vars.d")
    env = prefix.activate()
    assert (env["PATH"], env["CONDA_PREFIX"]) == (f"{prefix.path}/bin:{SYSTEM}", str(prefix.path))
    assert (env["OK"], len(prefix.warnings)) == ("", 6)
    assert not {"a b", "A B", "N\n", "L", "Z"} & env.keys()


def test_the_start_files_of_the_callers_bash_are_not_read(prefix: Prefix) -> None:
    prefix.write("s.sh", 'export SEEN="$BASH_ENV|$FROM_START_FILE"\n')
    start = prefix.write("start", "export FROM_START_FILE=1\n", ".")
    prefix.environ |= {"BASH_ENV": str(start), "SHELLOPTS": "errexit:nounset", "BASH_FUNC_f%%": "() { echo hi\n}"}
    env = prefix.activate()
    assert env["SEEN"] == f"{start}|"
    assert {name: env[name] for name in prefix.environ if name != "PATH"}.items() <= prefix.environ.items()


def test_without_bash_the_plain_part_remains(prefix: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix.write("s.sh", "export NEVER=1\n")
    prefix.write("a.json", '{"PLAIN": "1"}', "etc/conda/env_vars.d")
    monkeypatch.setenv("PATH", "/none")
    prefix.environ["PATH"] = "/none"
    env = prefix.activate()
    assert (env["PLAIN"], env["CONDA_PREFIX"], env["PATH"]) == ("1", str(prefix.path), f"{prefix.path}/bin:/none")
    assert "NEVER" not in env
    assert "bash cannot be started" in prefix.warnings[0]


# --- what was active before ------------------------------------------------------------------------------------------


def test_a_stack_that_was_inherited_is_left_level_by_level(tmp_path: Path) -> None:
    old, older, new = Prefix(tmp_path / "old"), Prefix(tmp_path / "older"), Prefix(tmp_path / "new")
    for each in (old, older):
        each.write("s.sh", f"export {each.path.name.upper()}=1\n")
        each.write("s.sh", f"unset {each.path.name.upper()}\n", "etc/conda/deactivate.d")
        each.write("a.json", '{"SHARED": "theirs"}', "etc/conda/env_vars.d")
    with Activation(old.environ | {"SHARED": "the user's"}) as server:
        server.activate(str(older.path))
        server.activate(str(old.path), stack=True)
    assert server.env["OLD"] == server.env["OLDER"] == "1"
    env = capture((str(new.path),), server.env)[0].apply(server.env)
    assert env == {
        **old.environ,
        "SHARED": "the user's",
        "PATH": f"{new.path}/bin:{SYSTEM}",
        "CONDA_PREFIX": str(new.path),
        "CONDA_SHLVL": "1",
        "CONDA_DEFAULT_ENV": str(new.path),
        "CONDA_PROMPT_MODIFIER": f"({new.path}) ",
    }


def test_an_inherited_environment_that_is_gone_leaves_the_path(prefix: Prefix) -> None:
    prefix.environ |= {"PATH": f"/a:/gone/bin:{SYSTEM}", "CONDA_PREFIX": "/gone", "CONDA_SHLVL": "not a number"}
    env = prefix.activate()
    assert (env["PATH"], env["CONDA_SHLVL"]) == (f"{prefix.path}/bin:/a:{SYSTEM}", "1")


def test_activating_what_is_active_changes_nothing(prefix: Prefix) -> None:
    prefix.write("s.sh", "export ONE=1\n")
    once = prefix.activate()
    with Activation(once) as again:
        again.activate(str(prefix.path))
    assert again.env == once
    prefix.environ = once
    assert prefix.activate() == once


# --- the cache -------------------------------------------------------------------------------------------------------


@pytest.fixture
def counted(prefix: Prefix) -> Callable[[], int]:
    """The prefix gets a script that counts how often it runs; this tells."""
    prefix.write("count.sh", 'echo >>"$CONDA_PREFIX/count"; export COMPILER="${CFLAGS:-none}"\n')
    return lambda: (prefix.path / "count").read_text().count("\n")


def test_scripts_run_once(prefix: Prefix, counted: Callable[[], int]) -> None:
    first = prefix.start()
    prefix.environ["PATH"] = f"/another:{SYSTEM}"
    prefix.environ["UNRELATED"] = "1"
    assert prefix.start() == {**first, "UNRELATED": "1", "PATH": f"{prefix.path}/bin:/another:{SYSTEM}"}
    assert counted() == 1


def test_a_deactivated_path_fits_other_paths_too(prefix: Prefix, counted: Callable[[], int]) -> None:
    prefix.environ |= {"CONDA_PREFIX": "/gone", "CONDA_SHLVL": "1"}
    for start in ("/a", "/b"):
        prefix.environ["PATH"] = f"{start}:/gone/bin:{SYSTEM}"
        assert prefix.start()["PATH"] == f"{prefix.path}/bin:{start}:{SYSTEM}"
    assert counted() == 1


def touch_sourced(prefix: Prefix) -> None:
    prefix.write("real.sh", "export FROM_SOURCED=2\n", "share")


CHANGES: dict[str, Callable[[Prefix], object]] = {
    "a script more": lambda prefix: prefix.write("z.sh", "export Z=1\n"),
    "a script less": lambda prefix: (prefix.path / "etc/conda/activate.d/other.sh").unlink(),
    "a script replaced by one as old and as long": lambda prefix: replaced(
        prefix.path / "etc/conda/activate.d/other.sh"
    ),
    "a script rewritten, as old and as long as before": lambda prefix: rewritten(
        prefix.path / "etc/conda/activate.d/other.sh"
    ),
    "a file of variables": lambda prefix: prefix.write("v.json", '{"V": "1"}', "etc/conda/env_vars.d"),
    "the state file": lambda prefix: prefix.write("state", '{"env_vars": {"S": "1"}}', "conda-meta"),
    "a package": lambda prefix: prefix.write("package-1-0.json", "{}", "conda-meta"),
    "a file that a script sources": touch_sourced,
    "a file that a sourced file sources": lambda prefix: prefix.write("absent.sh", "export THERE=1\n", "share"),
    "a variable that scripts read": lambda prefix: prefix.environ.update(CFLAGS="-O2"),
    "a variable that sourced files read": lambda prefix: prefix.environ.update(ONLY_SOURCED="1"),
    "a variable whose name scripts make": lambda prefix: prefix.environ.update(GFORTRAN="mine"),
    "a file that a script reads by its path": lambda prefix: prefix.write("told.txt", "2\n", "share"),
    "a file in the home directory": lambda prefix: prefix.write("licence", "", "home"),
    "a folder that a script asks for": lambda prefix: (prefix.path / "opt").mkdir(),
    "another environment inherited": lambda prefix: prefix.environ.update(CONDA_PREFIX="/gone", CONDA_SHLVL="1"),
}


def replaced(path: Path) -> None:
    before = path.stat()
    new = path.with_name("new")
    new.write_text(path.read_text().replace("1", "2"))
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.replace(path)


def rewritten(path: Path) -> None:
    before = path.stat()
    path.write_text(path.read_text().replace("1", "2"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_anything_it_saw_is_seen(prefix: Prefix, counted: Callable[[], int], what: str) -> None:
    prefix.write("other.sh", 'export OTHER=1; for tool in gfortran; do :; done\n. "${CONDA_PREFIX}/share/real.sh"\n')
    prefix.write("real.sh", "echo $ONLY_SOURCED\nsource $CONDA_PREFIX/share/absent.sh 2>/dev/null\n", "share")
    looks = 'dir="$CONDA_PREFIX/share"\nexport TOLD=$(cat $dir/told.txt 2>/dev/null)\n'
    prefix.environ["HOME"] = f"{prefix.path}/home"
    looks += "[ -e ~/licence ] && export LICENCE=1\n"
    prefix.write("looks.sh", looks + '[ -d "$CONDA_PREFIX/opt" ] && export OPT=1\n')
    prefix.start()
    prefix.start()
    assert counted() == 1
    CHANGES[what](prefix)
    env = prefix.start()
    assert counted() == 2
    assert env == prefix.start() == prefix.activate()


def test_what_a_folder_has_besides_is_not_looked_at(prefix: Prefix, counted: Callable[[], int]) -> None:
    (prefix.path / "opt").mkdir()
    prefix.write("looks.sh", '[ -d "$CONDA_PREFIX/opt" ] && export OPT=1\n')
    prefix.start()
    (prefix.path / "opt" / "more").touch()
    prefix.start()
    assert counted() == 1


def test_hosts_are_told_apart_where_a_script_asks_for_the_name() -> None:
    assert cache._mentioned({"hostname"}, {"HOSTNAME": "old"}) == {"": os.uname().nodename, "HOSTNAME": "old"}
    assert cache._mentioned({"home"}, {"HOME": "/me"}) == {"HOME": "/me"}


@pytest.mark.parametrize("script", ["export HERE=$PWD/data\n", "export HERE=$(pwd)/data\n"])
def test_folders_are_told_apart_where_a_script_asks_for_its_own(
    prefix: Prefix, counted: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    prefix.write("here.sh", script)
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        assert prefix.start()["HERE"] == prefix.start()["HERE"] == f"{folder}/data"
    assert counted() == 2


@pytest.mark.parametrize("text", [b"export A=1\nif [\nfalse", bytes(range(256)) * 4, b"export A=1\nfor (\n"])
def test_a_script_that_is_not_bash_is_told(prefix: Prefix, text: bytes) -> None:
    script = prefix.write("odd.sh", "")
    script.write_bytes(text)
    prefix.start()
    (told,) = prefix.warnings
    assert told.startswith(f"{script} is not all bash, and did not run to its end: ")


def test_a_home_of_python_that_is_none_is_left_out(prefix: Prefix) -> None:
    (prefix.path / "lib/python3.11/encodings").mkdir(parents=True)
    for home, kept in (("/nonexistent", False), ("$CONDA_PREFIX", True)):
        prefix.write("home.sh", f"export PYTHONHOME={home}\n")
        env, told = launch_environment((str(prefix.path),), prefix.environ, str(prefix.cache))
        assert ("PYTHONHOME" in env) is kept
        assert (told == []) is kept, told


def test_warnings_are_repeated(prefix: Prefix, counted: Callable[[], int]) -> None:
    prefix.write("x.sh", "exit\n")
    prefix.start()
    told = prefix.warnings
    prefix.start()
    assert prefix.warnings == told != []
    assert counted() == 1


def test_a_capture_that_hung_is_used_again_but_not_for_ever(
    prefix: Prefix, counted: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix.write("x.sh", "while :; do :; done\n")
    prefix.start(limit=0.3)
    prefix.start(limit=0.3)
    assert counted() == 1
    (record,) = prefix.cache.iterdir()
    content = json.loads(record.read_text())
    assert 0 < content["until"] - time.time() <= cache.HUNG_KEPT
    record.write_text(json.dumps({**content, "until": 1.0}))
    prefix.start(limit=0.3)
    assert counted() == 2


def owned_by_another(path: Path) -> None:
    if os.geteuid():
        pytest.skip("another owner needs root. Run the tests as root, in a container for instance")
    os.chown(path, 12345, -1)


def a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


PLANTED: dict[str, Callable[[Path], None]] = {
    "the owner": owned_by_another,
    "the mode": lambda record: record.chmod(0o666),
    "writable by the group": lambda record: record.chmod(0o620),
    "a link": a_link,
    "a pipe": lambda record: (record.unlink(), os.mkfifo(record, 0o600))[1],
    "cut off": lambda record: os.truncate(record, record.stat().st_size - 1),
    "no text": lambda record: record.write_bytes(b"\xff"),
    "very deep": lambda record: record.write_text("[" * 200_000),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_record_is_replaced(prefix: Prefix, counted: Callable[[], int], what: str) -> None:
    prefix.start()
    (record,) = prefix.cache.iterdir()
    content = json.loads(record.read_text())
    record.write_text(json.dumps({**content, "set": {**content["set"], "LD_PRELOAD": "/evil.so"}}))
    assert "LD_PRELOAD" in prefix.start(), "as it is read where nothing is wrong with it"
    PLANTED[what](record)
    for _ in range(2):
        assert "LD_PRELOAD" not in prefix.start()
        assert prefix.warnings == []
    assert counted() == 2
    assert (record.is_symlink(), record.stat().st_mode & 0o777, record.stat().st_uid) == (False, 0o600, os.geteuid())


def test_a_folder_in_place_of_a_record_is_told(prefix: Prefix, counted: Callable[[], int]) -> None:
    prefix.start()
    (record,) = prefix.cache.iterdir()
    record.unlink()
    record.mkdir()
    assert prefix.start()["COMPILER"] == "none"
    assert "not kept for the next start" in prefix.warnings[-1]


@pytest.mark.parametrize("spoil", [lambda folder: folder.chmod(0o777), owned_by_another], ids=["mode", "owner"])
def test_a_cache_that_others_can_write_is_not_used(
    prefix: Prefix, counted: Callable[[], int], spoil: Callable[[Path], None]
) -> None:
    prefix.start()
    spoil(prefix.cache)
    for starts in (2, 3):
        prefix.start()
        assert counted() == starts
        assert "can be written by somebody else" in prefix.warnings[-1]


def test_a_cache_that_is_a_link_is_not_used(prefix: Prefix, counted: Callable[[], int], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    prefix.cache.symlink_to(tmp_path / "elsewhere")
    assert prefix.start()["COMPILER"] == "none"
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert prefix.warnings


def test_the_cache_is_private_and_whole(prefix: Prefix, counted: Callable[[], int]) -> None:
    prefix.start()
    (record,) = prefix.cache.iterdir()
    assert (prefix.cache.stat().st_mode & 0o777, record.stat().st_mode & 0o777) == (0o700, 0o600)
    for text in ("", "{", "[]", "{}", '{"files": 1}'):
        record.write_text(text)
        assert prefix.start()["COMPILER"] == "none"
        assert json.loads(record.read_text())["words"]


def test_bytes_that_are_no_text_survive_the_cache(prefix: Prefix) -> None:
    prefix.write("s.sh", "export ODD=$'caf\\xe9'\n")
    assert os.fsencode(prefix.start()["ODD"]) == os.fsencode(prefix.start()["ODD"]) == b"caf\xe9"


def test_a_valid_record_costs_little(prefix: Prefix) -> None:
    for number in range(20):
        prefix.write(f"{number}.sh", f"export VARIABLE_{number}=$CONDA_PREFIX/{number}\n" * 20)
    prefix.start()
    best = 1.0
    for _ in range(20):
        began = time.process_time()
        prefix.start()
        best = min(best, time.process_time() - began)
    assert best < 0.005


# --- levels as one argument ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prefix", ["/a b", "/a:b", "/a\\0072", "/{connection_file}", "/ü日", "/n\nl\n", "/b\udce9", "/'\"$`%s"]
)
def test_levels_survive_as_one_argument(prefix: str) -> None:
    argument = join_levels(("/base", prefix, "/top"))
    assert split_levels(argument) == ("/base", prefix, "/top")
    assert argument.count(":") == 2
    assert not set("{}\n\udce9") & set(argument)


# --- what a launch adds ----------------------------------------------------------------------------------------------


def launched(prefixes: tuple[str, ...], environ: dict[str, str], kept: Path) -> dict[str, str]:
    return launch_environment(prefixes, environ, str(kept))[0]


def test_anothers_python_is_left_behind(prefix: Prefix) -> None:
    prefix.write("s.sh", 'export SEEN="$PYTHONPATH"\n')
    prefix.environ |= {"PYTHONPATH": "/theirs", "PYTHONHOME": "/theirs", "VIRTUAL_ENV": "/theirs"}
    env = launched((str(prefix.path),), prefix.environ, prefix.cache)
    assert not {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"} & env.keys()
    assert (env["PYTHONNOUSERSITE"], env["SEEN"]) == ("1", "")
    prefix.write("t.sh", "export PYTHONPATH=$CONDA_PREFIX/own\n")
    assert launched((str(prefix.path),), prefix.environ, prefix.cache)["PYTHONPATH"] == f"{prefix.path}/own"


def test_cuda_is_named_where_it_is(tmp_path: Path) -> None:
    base, top = Prefix(tmp_path / "base"), Prefix(tmp_path / "top")
    both = (str(base.path), str(top.path))
    base.environ["CUDA_VISIBLE_DEVICES"] = "1"
    (base.path / "targets").mkdir()
    assert not {"CUDA_HOME", "CUDA_PATH"} & launched(both, base.environ, base.cache).keys()
    base.write("nvcc", "", "bin")
    env = launched(both, base.environ, base.cache)
    assert (env["CUDA_HOME"], env["CUDA_PATH"], env["CUDA_VISIBLE_DEVICES"]) == (both[0], both[0], "1")
    top.write("nvcc", "", "bin")
    assert launched(both, base.environ, base.cache)["CUDA_HOME"] == both[1]
    env = launched(both, {**base.environ, "CUDA_PATH": "/usr/local/cuda"}, base.cache)
    assert ("CUDA_HOME" in env, env["CUDA_PATH"]) == (False, "/usr/local/cuda")


def test_cuda_of_another_environment_gives_way(tmp_path: Path) -> None:
    other, own = Prefix(tmp_path / "other"), Prefix(tmp_path / "own")
    own.write("nvcc", "", "bin")
    own.write("ptxas", "", "bin").chmod(0o755)
    left = {"CUDA_HOME": str(other.path), "CUDA_PATH": f"{other.path}/targets/x86_64-linux"}
    env = launched((str(own.path),), own.environ | left, own.cache)
    assert (env["CUDA_HOME"], env["CUDA_PATH"]) == (str(own.path), str(own.path))
    env = launched((str(own.path),), own.environ | left | {"CUDA_PATH": "/opt/cuda"}, own.cache)
    assert (env["CUDA_HOME"], env["CUDA_PATH"]) == (left["CUDA_HOME"], "/opt/cuda"), "a person has chosen"
    own_choice = {"CUDA_HOME": f"{own.path}/targets/x86_64-linux"}
    assert launched((str(own.path),), own.environ | own_choice, own.cache)["CUDA_HOME"] == own_choice["CUDA_HOME"]
    assert shutil.which("ptxas", path=env["PATH"]) == f"{own.path}/bin/ptxas", "where XLA looks for it"
    assert "XLA_FLAGS" not in env


def test_cuda_of_a_lower_level_gives_way_unless_a_script_names_it(tmp_path: Path) -> None:
    base, top = Prefix(tmp_path / "base"), Prefix(tmp_path / "top")
    both = (str(base.path), str(top.path))
    base.write("nvcc", "", "bin")
    left = base.environ | {"CUDA_HOME": both[0], "CUDA_PATH": f"{both[0]}/targets/x86_64-linux"}
    assert launched(both, left, base.cache)["CUDA_PATH"] == left["CUDA_PATH"], "the top has none"
    top.write("nvcc", "", "bin")
    env = launched(both, left, base.cache)
    assert (env["CUDA_HOME"], env["CUDA_PATH"]) == (both[1], both[1])
    assert launched(both, left | {"CUDA_PATH": "/opt/cuda"}, base.cache)["CUDA_HOME"] == both[0], "a person has chosen"
    top.write("s.sh", f"export CUDA_HOME={both[0]}/targets/aarch64-linux\n")
    assert launched(both, left, base.cache)["CUDA_HOME"] == f"{both[0]}/targets/aarch64-linux"


def test_an_overlay_names_the_data_and_versions_of_its_base(tmp_path: Path) -> None:
    base, top = Prefix(tmp_path / "base"), Prefix(tmp_path / "top of it")
    both = (str(base.path), str(top.path))
    assert "JUPYTER_PATH" not in launched(both, base.environ, base.cache)
    top.write("pyvenv.cfg", "", ".")
    own = {"JUPYTER_PATH": "/mine", "PIP_CONSTRAINT": "mine.txt"}
    env = launched(both, {**base.environ, **own}, base.cache)
    assert (env["JUPYTER_PATH"], env["PIP_CONSTRAINT"]) == (f"{base.path}/share/jupyter:/mine", "mine.txt")
    constraints = top.write("constraints.txt", "", "conda-meta/condaenv")
    env = launched(both, {**base.environ, **own}, base.cache)
    assert env["PIP_CONSTRAINT"].split() == [constraints.as_uri(), "mine.txt"]


def test_what_a_launch_added_to_an_environment_is_left_with_it(tmp_path: Path) -> None:
    """As where a kernel starts another one, and where a shell activates one after the other."""
    base, top, other = Prefix(tmp_path / "base"), Prefix(tmp_path / "top of it"), Prefix(tmp_path / "other")
    both, kept = (str(base.path), str(top.path)), str(base.cache)
    top.write("pyvenv.cfg", "", ".")
    top.write("constraints.txt", "", "conda-meta/condaenv")
    top.write("nvcc", "", "bin")
    clean = base.environ | {"LD_LIBRARY_PATH": "/mine", "JUPYTER_PATH": "/mine", "PIP_CONSTRAINT": "mine.txt"}
    for server in (base.environ, clean):
        active = launch_environment(both, server, kept, ("--library-path=prefix",))[0]
        assert {"LD_LIBRARY_PATH", "JUPYTER_PATH", "PIP_CONSTRAINT", "CUDA_HOME", "CUDA_PATH"} <= active.keys()
        assert launched((str(other.path),), active, base.cache) == launched((str(other.path),), server, base.cache)
        assert launch_environment(both, active, kept, ("--library-path=prefix",))[0] == active
    below = launch_environment((str(other.path),), active, kept, ("--inherit=CONDA",))[0]
    assert below["LD_LIBRARY_PATH"] == active["LD_LIBRARY_PATH"]


THREADS = threads._THREADS


def test_threads_follow_the_limit_but_not_a_persons_own_choice(prefix: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    processors = len(os.sched_getaffinity(0))
    prefix.environ["CPU_LIMIT"] = "0.5"
    if processors == 1:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    env = launched((str(prefix.path),), prefix.environ, prefix.cache)
    assert {env[name] for name in THREADS} == {"1"}
    prefix.environ |= {"OMP_NUM_THREADS": "7", "NUMBA_NUM_THREADS": "5"}
    env = launched((str(prefix.path),), prefix.environ, prefix.cache)
    assert (env["OMP_NUM_THREADS"], env["NUMBA_NUM_THREADS"], env["LOKY_MAX_CPU_COUNT"]) == ("7", "5", "1")
    assert not {"MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"} & env.keys(), "they follow OMP_NUM_THREADS"
    prefix.environ |= dict.fromkeys(THREADS, "")
    env = launched((str(prefix.path),), prefix.environ, prefix.cache)
    assert {env[name] for name in THREADS} == {"1"}, "empty is what conda leaves of a variable that it unsets"


def test_the_first_of_limit_quota_and_affinity_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    (tmp_path / "groups").write_text("0::/a\n")
    quota = tmp_path / "a/cpu.max"
    quota.parent.mkdir()
    quota.write_text("400000 100000")

    def limit(**env: str) -> int | None:
        return threads.thread_limit(env, str(tmp_path / "groups"), str(tmp_path))

    assert [limit(CPU_LIMIT="2.5"), limit(CPU_LIMIT="nonsense"), limit()] == [2, 4, 4]
    assert limit(CPU_LIMIT="8") == 8
    quota.write_text("max 100000")
    assert [limit(CPU_LIMIT="100"), limit()] == [None, None]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7})
    assert [limit(), limit(CPU_LIMIT="2"), limit(CPU_LIMIT="8")] == [3, 2, 3]


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/a/b\n", {"cpu.max": "max 100000", "a/cpu.max": "150000 100000", "a/b/cpu.max": "max 100000"}, 1.5),
        ("0::/a/b\n", {"a/cpu.max": "150000 100000", "a/b/cpu.max": "50000 100000"}, 0.5),
        ("0::/\n", {"cpu.max": "max 100000"}, None),
        ("0::/not/mounted\n", {"cpu.max": "200000 100000"}, 2.0),
        (
            "4:memory:/x\n3:cpu,cpuacct:/a\n",
            {"cpu/a/cpu.cfs_quota_us": "25000", "cpu/a/cpu.cfs_period_us": "50000"},
            0.5,
        ),
        (  # a container that has no name space for its group, which lies at the root of what it sees
            "4:cpu,cpuacct:/docker/4f2a\n0::/docker/4f2a\n",
            {"cpu/cpu.cfs_quota_us": "150000", "cpu/cpu.cfs_period_us": "100000"},
            1.5,
        ),
        (  # systemd's mixture: the controllers are those of version 1
            "2:cpu,cpuacct:/user.slice\n1:name=systemd:/user.slice/session-1.scope\n0::/user.slice/session-1.scope\n",
            {
                "cpu/user.slice/cpu.cfs_quota_us": "300000",
                "cpu/user.slice/cpu.cfs_period_us": "100000",
                "unified/user.slice/cgroup.procs": "",
            },
            3.0,
        ),
        (  # a pod: its slice has the quota, the container none
            "0::/kubepods.slice/kubepods-burstable.slice/pod1.slice/cri-containerd-1.scope\n",
            {
                "kubepods.slice/cpu.max": "max 100000",
                "kubepods.slice/kubepods-burstable.slice/cpu.max": "max 100000",
                "kubepods.slice/kubepods-burstable.slice/pod1.slice/cpu.max": "250000 100000",
                "kubepods.slice/kubepods-burstable.slice/pod1.slice/cri-containerd-1.scope/cpu.max": "max 100000",
            },
            2.5,
        ),
        ("0::/../other\n", {"cpu.max": "100000 100000"}, 1.0),
        ("3:cpu:/a\n", {"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "50000"}, None),
        ("0::/\n", {"cpu.max": "nonsense"}, None),
    ],
)
def test_the_lowest_quota_counts(tmp_path: Path, groups: str, files: dict[str, str], expected: float | None) -> None:
    (tmp_path / "groups").write_text(groups)
    for name, text in files.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(text)
    assert threads._quota(str(tmp_path / "groups"), str(tmp_path / "root")) == expected


def test_only_what_is_read_at_start_needs_another_start() -> None:
    old = {"LD_LIBRARY_PATH": "/a", "PATH": "/b"}
    assert not read_at_start(old, {**old, "PATH": "/c", "LD_GOLD": "/x", "LDFLAGS": "-O"})
    for name in ("LD_LIBRARY_PATH", "LC_ALL", "PYTHONHASHSEED", "MALLOC_ARENA_MAX", "DYLD_LIBRARY_PATH"):
        assert read_at_start(old, {**old, name: "changed"})
    assert read_at_start(old, {"PATH": "/b"})
    assert not read_at_start(old, {**old, "PYTHONPYCACHEPREFIX": "/c"})


def test_an_environment_without_bytecode_that_cannot_be_written_is_compiled_for_the_user(prefix: Prefix) -> None:
    library = prefix.path / "lib/python3.11"
    library.mkdir(parents=True)
    environ = {**prefix.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    mine = launched((str(prefix.path),), environ, prefix.cache)
    assert "PYTHONPYCACHEPREFIX" not in mine and "PYTHONDONTWRITEBYTECODE" in mine
    with places.read_only(prefix.path):
        env = launched((str(prefix.path),), environ, prefix.cache)
        assert env["PYTHONPYCACHEPREFIX"] == str(prefix.cache.parent / "bytecode")
        assert "PYTHONDONTWRITEBYTECODE" not in env
        own = launched((str(prefix.path),), {**environ, "PYTHONPYCACHEPREFIX": "/mine"}, prefix.cache)
        assert own["PYTHONPYCACHEPREFIX"] == "/mine"
    (library / "__pycache__").mkdir()
    with places.read_only(prefix.path):
        assert "PYTHONPYCACHEPREFIX" not in launched((str(prefix.path),), environ, prefix.cache)
