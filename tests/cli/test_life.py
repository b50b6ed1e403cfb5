"""An environment's life, told in commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.kernels.test_offers import with_kernel

from .conftest import Person


def installed(prefix: Path) -> set[str]:
    """The packages in ``prefix``, as ``name-version``."""
    return {"-".join(path.stem.split("-")[:2]) for path in (prefix / "conda-meta").glob("*.json")}


def test_create_change_delete(person: Person, small_channel: Path) -> None:
    person.run("create", "geo", "tool<2", "-c", small_channel)
    prefix = person.envs / "geo"
    assert installed(prefix) == {"tool-1.0"}
    assert "geo" in person.run("list").out

    done = person.run("add", "geo", "old")
    assert installed(prefix) == {"tool-1.0", "old-1.0"}
    assert "old" in done.out
    assert done.err.index("Solving") < done.err.index("1 new; ") < done.err.index("Linking")

    person.run("remove", "geo", "old")
    assert installed(prefix) == {"tool-1.0"}

    person.run("delete", "geo", "--yes")
    assert not prefix.exists()
    assert "geo" not in person.run("list").out


@pytest.mark.slow
def test_what_others_have_made_is_found(person: Person) -> None:
    theirs = with_kernel(person.home / "miniforge3" / "envs" / "theirs")
    assert "theirs" not in person.run("list").out
    told = person.run("scan").out
    assert f"new  {theirs}  kernel condaenv-theirs-" in told
    assert ": 1 new environment, 1 kernel written.\n1 environment in all; `list` shows them.\n" in told
    assert str(theirs) in person.run("list").out
    (found,) = person.run("list", "--json").last["environments"]
    (name,) = found["kernels"]
    spec = json.loads((person.home / "jupyter" / "kernels" / name / "kernel.json").read_text())
    assert spec["display_name"] == "Python 3.12 [theirs (~/miniforge3)]"
    assert not (theirs / "was-run").exists()
    shutil.rmtree(theirs.parent)
    told = person.run("scan").out
    assert f"gone     {theirs}" in told
    assert f"removed  kernel {name}" in told
    assert not (person.home / "jupyter" / "kernels" / name).exists()


def test_a_pattern_that_could_lead_anywhere_is_refused(person: Person) -> None:
    (person.home / "config").mkdir()
    (person.home / "config" / "jupyter_condaenv_config.json").write_text('{"CondaEnv": {"find": ["~/**"]}}')
    assert "'~/**' is no pattern" in person.run("scan", code=2).err


@pytest.mark.slow
def test_update_moves_what_is_named(person: Person, make: Callable[..., Path], small_channel: Path) -> None:
    prefix = make("geo", "old")
    assert installed(prefix) == {"old-1.0", "tool-1.0"}
    person.run("remove", "geo", "old")
    person.run("add", "geo", "tool")
    person.run("update", "geo", "tool")
    assert installed(prefix) == {"tool-2.0"}


@pytest.mark.slow
def test_paths_are_as_good_as_names(person: Person, small_channel: Path) -> None:
    place = person.home / "elsewhere" / "env"
    person.run("create", "elsewhere/env", "tool", "-c", small_channel)
    assert installed(place) == {"tool-2.0"}
    for meant in ("elsewhere/env", "./elsewhere/env", place, "~/elsewhere/env"):
        assert str(place) in person.run("show", meant).out
    person.run("delete", place, "--yes")
    assert not place.exists()


def test_a_channel_may_be_a_directory_near_by(person: Person, small_channel: Path) -> None:
    (person.home / "here").symlink_to(small_channel)
    person.run("create", "geo", "tool", "-c", "./here")
    assert installed(person.envs / "geo") == {"tool-2.0"}


def test_options_may_stand_between_specs(person: Person, small_channel: Path) -> None:
    person.run("create", "geo", "-c", small_channel, "tool", "--json", "big")
    assert installed(person.envs / "geo") == {"tool-2.0", "big-1.0"}


@pytest.mark.slow
def test_move_protect_freeze_tag_note(person: Person, make: Callable[..., Path]) -> None:
    prefix = make("geo", "tool<2")
    assert f"{prefix} is now {person.envs / 'terra'}" in person.run("move", "geo", "terra").out
    assert person.run("rename", "terra", "x", code=2).err.endswith("Did you mean move?\n")
    person.run("tag", "terra", "prod", "teaching")
    person.run("note", "terra", "of the course")
    person.run("protect", "terra")
    person.run("freeze", "terra", "-m", "The exam uses it.")
    listed = person.run("list").out.splitlines()
    assert "TAGS" in listed[0] and "prod teaching" in listed[1]
    said = person.run("show", "terra").out
    assert all(word in said for word in ("neither deleted", "The exam uses it.", "prod teaching", "of the course"))
    assert "hint: Put packages on top" in person.run("add", "terra", "extra", code=5).err
    unfrozen = person.run("unfreeze", "terra")
    assert "terra is no longer frozen" in unfrozen.out + unfrozen.err
    assert "unprotect terra" in person.run("delete", "terra", "--yes", code=5).err
    free = person.run("unprotect", "terra")
    assert "terra is no longer protected" in free.out + free.err
    person.run("untag", "terra", "prod", "teaching")
    assert "Nothing is noted" in person.run("note", "terra", "").out
    person.run("delete", "terra", "--yes")


@pytest.mark.slow
def test_pack_unpack_adopt(person: Person, make: Callable[..., Path]) -> None:
    prefix = make("geo", "tool<2")
    assert "Wrote" in person.run("pack", "geo", "geo.tar.gz").out
    assert "there already" in person.run("pack", "geo", "geo.tar.gz", code=5).err
    person.run("pack", "geo", "geo.tar.gz", "--force")
    person.run("unpack", "geo.tar.gz", "terra")
    assert installed(person.envs / "terra") == installed(prefix) == {"tool-1.0"}
    assert "1 package because of tool<2" in person.run("adopt", "terra").out


@pytest.mark.slow
def test_history_diff_rollback(person: Person, make: Callable[..., Path]) -> None:
    prefix = make("geo", "tool<2")
    person.run("add", "geo", "big", "tool=2.0")
    rows = [line.split() for line in person.run("history", "geo").out.splitlines()]
    assert [(row[0], row[4], row[5:]) for row in rows[1:]] == [
        ("1", "create", ["tool<2"]),
        ("2", "add", ["big,", "tool=2.0", "tool=2.0;", "big"]),
    ]

    lines = [line.split() for line in person.run("diff", "geo", "1", "2").out.splitlines()]
    assert ["up", "tool", "1.0", "->", "2.0"] in [line[:5] for line in lines]
    assert ["new", "big", "1.0"] in [line[:3] for line in lines]
    assert ["no", "longer", "asked", "for", "tool<2"] in lines
    assert person.run("diff", "geo", "2", "2").out == "They do not differ.\n"

    person.run("plan", "rollback", "geo", "1", "-o", "plan.json")
    assert installed(prefix) == {"tool-2.0", "big-1.0"}
    deferred = prefix / "conda-meta" / "condaenv" / "deferred.json"
    deferred.write_bytes((person.home / "plan.json").read_bytes())
    waits = "Waiting for the next start of a kernel, and no revision yet: rollback to 1: "
    assert person.run("history", "geo").out.splitlines()[-1].startswith(waits)
    person.run("drop-deferred", "geo")
    assert "down" in person.run("apply", "plan.json").out
    assert installed(prefix) == {"tool-1.0"}
    person.run("rollback", "geo")
    assert installed(prefix) == {"tool-2.0", "big-1.0"}
    person.run("rollback", "geo", "1")
    assert installed(prefix) == {"tool-1.0"}

    shutil.rmtree(prefix / "conda-meta/condaenv/revisions")
    assert "Its history is gone" in person.run("history", "geo").out


@pytest.mark.slow
def test_a_revision_that_cannot_be(person: Person, make: Callable[..., Path]) -> None:
    make("geo", "tool")
    for arguments in (("rollback", "geo", "7"), ("diff", "geo", "1", "7")):
        assert "geo has no revision 7" in person.run(*arguments, code=3).err
    for number in ("0", "-1", "one"):
        person.run("rollback", "geo", number, code=2)
    assert "already" in person.run("rollback", "geo", "1", code=5).err


@pytest.mark.slow
def test_what_is_wrong_is_told_and_mended(person: Person, make: Callable[..., Path]) -> None:
    prefix = make("geo", "tool")
    assert person.run("doctor", "geo").out == "geo is as it should be.\n"
    (prefix / "bin/tool").unlink()
    (prefix / "dangling").symlink_to("nowhere")
    lines = person.run("doctor", "geo", code=8).out.splitlines()
    assert lines[0] == "damage: 1 file of tool is missing: bin/tool."
    assert lines[1].startswith("  With --fix: ")
    assert lines[2].startswith("advice: 1 link")
    assert lines[-1] == "geo: 2 findings, of which --fix can mend 1."
    assert "damage" in person.run("doctor", "geo", code=8).out
    health = person.run("doctor", "geo", "--json", code=8).last["health"]
    assert [one["code"] for one in health["findings"]] == ["missing_files", "dangling_links"]
    lines = person.run("doctor", "geo", "--fix").out.splitlines()  # advice is no failure
    assert lines[:2] == ["Found and mended:", "  1 file of tool is missing: bin/tool."]
    assert (prefix / "bin/tool").exists()
    person.run("doctor", "nowhere", code=3)


@pytest.mark.slow
def test_what_nobody_needs_is_shown_and_then_deleted(person: Person, make: Callable[..., Path]) -> None:
    make("geo", "big")
    make("two", "tool")
    person.run("delete", "geo", "--yes")
    package = person.home / "cache/jupyter-condaenv/pkgs/big-1.0-0"
    lines = person.run("clean", "packages", "--preview").out.splitlines()
    assert lines[1].split()[0] == "packages" and str(package) in lines[1]
    assert lines[-1].endswith("could be freed.")
    assert "--yes" in person.run("clean", code=2, stdin=subprocess.DEVNULL).err
    assert package.is_dir()
    assert person.run("clean", "packages", "--yes").out.splitlines()[-1].endswith(" freed.")
    assert not package.exists()
    assert person.run("clean", "packages", "--yes").out == "There is nothing that nobody needs.\n"
    jobs = person.home / "jupyter/condaenv/jobs"
    day = datetime.now(timezone.utc) - timedelta(days=10)
    old = jobs / f"{day:%Y%m%d}-{next(jobs.iterdir()).name.split('-', 1)[1]}"
    shutil.copytree(next(folder for folder in jobs.iterdir() if (folder / "result.json").exists()), old)
    assert str(old) in person.run("clean", "jobs", "--yes").out
    assert not old.exists() and len(list(jobs.iterdir())) > 3
    person.run("clean", "everything", code=2)


@pytest.mark.slow
def test_when_an_environment_was_last_used(person: Person, make: Callable[..., Path]) -> None:
    make("geo", "tool")
    make("two", "tool")
    person.run("run", "geo", "--", "tool")
    geo, two = person.run("storage", "--json").last["storage"]["environments"]
    age = datetime.now(timezone.utc) - datetime.fromisoformat(geo["last_used"])
    assert timedelta(seconds=-2) <= age < timedelta(minutes=10)
    assert "last_used" not in two
    assert geo["last_used"][:10] in person.run("storage").out


@pytest.mark.slow
def test_storage_is_measured(person: Person, make: Callable[..., Path]) -> None:
    prefix = make("geo", "big")
    make("two", "tool")
    (prefix / "mine").write_bytes(b"x" * 3_000_000)
    lines = person.run("storage").out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["NAME", "geo", "two"]
    assert str(prefix) in lines[1] and "3.0 MB" in lines[1] and "3.5 MB" in lines[1]
    assert lines[3] == f"Package cache {person.home / 'cache' / 'jupyter-condaenv'}:"
    told = person.run("storage", "--json").last["storage"]
    geo, two = told["environments"]
    assert geo["alone"] - geo["freed"] > 500_000 > two["alone"]
    assert told["cache"]["packages"] > 500_000 > told["cache"]["unlinked"]
    person.run("delete", "geo", "--yes")
    assert person.run("storage", "--json").last["storage"]["cache"]["unlinked"] > 500_000


@pytest.mark.slow
def test_a_clone_is_an_environment_of_its_own(owner: Person) -> None:
    script = "#!/bin/sh\necho mine\n"
    place = owner.envs / "base-env" / "bin" / "mine"
    place.write_text(script)
    place.chmod(0o755)
    try:
        done = owner.run("clone", "base-env", "twin")
        assert "kernel condaenv-twin" in done.out
        assert owner.run("run", "twin", "--", "mine").out == "mine\n"
        told = owner.run(
            "run", "twin", "--", "python", "-c", "import sys, ipykernel; print(sys.prefix, ipykernel.__file__)"
        )
        assert {Path(part).is_relative_to(owner.envs / "twin") for part in told.out.split()} == {True}
        assert owner.run("run", "twin", "--", "jupyter", "kernelspec", "--version").out
        assert "clone of base-env" in owner.run("history", "twin").out
    finally:
        place.unlink()
        owner.run("delete", "twin", "--yes", code=None)


@pytest.mark.slow
def test_a_plan_changes_nothing_and_is_applied_as_shown(person: Person, make: Callable[..., Path]) -> None:
    prefix = make("geo", "tool<2")
    shown = person.run("plan", "add", "geo", "big", "-o", "plan.json")
    assert installed(prefix) == {"tool-1.0"}
    assert "big" in shown.out
    assert "1 new" in shown.out

    person.run("apply", "plan.json")
    assert installed(prefix) == {"tool-1.0", "big-1.0"}


@pytest.mark.slow
def test_a_plan_that_is_no_longer_true_is_refused(person: Person, make: Callable[..., Path]) -> None:
    prefix = make("geo", "tool")
    person.run("plan", "add", "geo", "big", "-o", "plan.json")
    person.run("add", "geo", "extra")
    before = installed(prefix)
    refused = person.run("apply", "plan.json", "--json", code=5)
    assert refused.last["error"]["code"] == "outdated"
    assert installed(prefix) == before


def test_a_lock_makes_the_same_environment(person: Person, make: Callable[..., Path]) -> None:
    prefix = make("geo", "old", "big")
    person.run("lock", "geo", "-o", "geo.lock.json")
    person.run("create", "twin", "--lock", "geo.lock.json")
    assert installed(person.envs / "twin") == installed(prefix)


@pytest.mark.slow
def test_a_lock_can_be_piped(person: Person, make: Callable[..., Path]) -> None:
    make("geo", "tool")
    lock = json.loads(person.run("lock", "geo").out)
    assert [package["name"] for package in lock["packages"]] == ["tool"]
    assert lock["specs"] == ["tool"]


def test_show_says_what_was_asked_for_and_what_is_there(person: Person, make: Callable[..., Path]) -> None:
    make("geo", "extra")
    lines = [line.split() for line in person.run("show", "geo").out.splitlines()]
    assert ["asked", "for", "extra"] in lines
    assert ["tool", "2.0"] in [line[:2] for line in lines]


def test_run_has_what_the_environment_has(person: Person, make: Callable[..., Path]) -> None:
    make("geo", "tool<2")
    assert person.run("run", "geo", "--", "tool").out == "tool 1.0\n"
    assert person.run("run", "geo", "tool", "--any-option").out == "tool 1.0\n"


def test_run_ends_as_the_command_ends(person: Person, make: Callable[..., Path]) -> None:
    make("geo", "tool")
    person.run("run", "geo", "--", "sh", "-c", "exit 42", code=42)
    assert "nowhere" in person.run("run", "geo", "--", "nowhere", code=127).err
    person.run("run", "geo", "--", "/etc/passwd", code=126)


def test_run_passes_input_through(person: Person, make: Callable[..., Path]) -> None:
    make("geo", "tool")
    with person.start("run", "geo", "--", "cat") as process:
        out, _ = process.communicate("said\n", timeout=60)
    assert out == "said\n"


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_no_error(person: Person, make: Callable[..., Path]) -> None:
    make("geo", "tool", "extra", "big")
    with person.start("show", "geo", stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == ""
    assert process.returncode == 141


def test_others_may_read_an_environment_as_far_as_the_umask_lets_them(
    person: Person, make: Callable[..., Path]
) -> None:
    mask = os.umask(0o022)
    try:
        prefix = make("geo", "tool")
    finally:
        os.umask(mask)
    closed = [path for path in prefix.rglob("*") if not path.is_symlink() and not path.stat().st_mode & 0o004]
    assert closed == []


@pytest.mark.slow
def test_adding_a_bare_name_takes_nothing_back(person: Person, make: Callable[..., Path]) -> None:
    make("geo", "tool<2")
    done = person.run("add", "geo", "tool")
    assert "already as asked for" in done.out + done.err
    assert person.run("show", "geo", "--json").last["specs"] == ["tool<2"]


@pytest.mark.slow
def test_json_may_stand_before_or_after_what_run_runs_in(person: Person, make: Callable[..., Path]) -> None:
    make("geo", "tool")
    for arguments in (["geo", "--json", "--"], ["--json", "geo", "--"], ["--json", "geo"]):
        assert person.run("run", *arguments, "tool").out == "tool 2.0\n"
        assert person.run("run", *arguments, "nosuch", code=127).last["error"]["code"] == "not_found"
    assert person.run("run", "geo", "echo", "--json").out == "--json\n"


def test_a_place_that_can_hold_nothing_is_refused_at_once(person: Person, small_channel: Path) -> None:
    for place in ("/proc/env", "/dev/null/env"):
        assert person.run("create", place, "tool", "-c", small_channel, code=None).code in (5, 7)


def test_a_folder_that_nobody_may_look_into(person: Person, small_channel: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may look everywhere; this needs root not to be: run the tests as an ordinary user")
    (person.home / "closed").mkdir(mode=0o000)
    for command in (("create", "closed/env", "tool", "-c", small_channel), ("show", "closed/env")):
        ended = person.run(*command, code=None)
        assert ended.code in (5, 7), ended


@pytest.mark.slow
def test_a_configuration_file_to_start_from(person: Person) -> None:
    place = Path(person.env["JUPYTER_CONFIG_DIR"], "jupyter_condaenv_config.py")
    assert person.run("--generate-config").out == f"Wrote {place}.\n"
    place.write_text("c.CondaEnv.solve_timeout = 7\n")
    refused = person.run("--generate-config", "--json", code=5).last["error"]
    assert (refused["code"], "--yes" in refused["hint"]) == ("already_exists", True)
    assert place.read_text() == "c.CondaEnv.solve_timeout = 7\n"
    assert person.run("--generate-config", "--yes", "--json").last == {"result": "written", "path": str(place)}
    assert "# c.CondaEnv.solve_timeout = 120.0" in place.read_text()


@pytest.mark.slow
def test_an_environment_from_a_file(person: Person, small_channel: Path) -> None:
    (person.home / "environment.yml").write_text(
        f"name: geo\nchannels: [{small_channel.as_uri()}]\ndependencies: [tool<2, pip: [requests, -e .]]\n"
        "variables: {MODE: dry}\n"
    )
    refused = person.run("create", "--file", "environment.yml", code=2)
    assert "'-e .' is an option of pip" in refused.err and "--without-pip" in refused.err
    done = person.run("create", "-f", "environment.yml", "--without-pip")
    assert "left out" in done.err
    assert installed(person.envs / "geo") == {"tool-1.0"}
    assert person.run("run", "geo", "--", "sh", "-c", "echo $MODE").out == "dry\n"

    person.run("create", "other", "--file", "environment.yml", "--without-pip", "--display-name", "Other")
    assert installed(person.envs / "other") == {"tool-1.0"}
    lock = person.home / "lock.json"
    person.run("lock", "geo", "-o", lock)
    person.run("plan", "create", "third", "--file", lock)
    person.run("create", "third", "--file", lock)
    assert installed(person.envs / "third") == {"tool-1.0"}

    assert "- tool<2\n" in person.run("export", "geo").out
    assert "- tool=1.0\n" in person.run("export", "geo", "--pinned").out
    assert person.run("export", "geo", "--format", "explicit", "--json").last["name"] == "explicit.txt"
    person.run("export", "geo", "--format", "conda-lock", "-o", "conda-lock.yml")
    person.run("create", "fourth", "--file", "conda-lock.yml")
    assert installed(person.envs / "fourth") == {"tool-1.0"}
    assert "cannot be written" in person.run("export", "geo", "-o", "nowhere/x.yml", code=2).err

    (person.home / "pixi.toml").write_text(
        f"[workspace]\nchannels = ['{small_channel.as_uri()}']\nchannel-priority = 'disabled'\n"
        "solve-strategy = 'lowest'\n[dependencies]\ntool = '*'\n[system-requirements]\ncuda = '12.4'\n"
    )
    planned = person.run("plan", "create", "fifth", "-f", "pixi.toml", "--channel-priority", "strict", "--json")
    lock = planned.last["plan"]["lock"]
    assert (lock["resolution"], lock["declared"]) == ("lowest", ["__cuda=12.4"])
    assert "channel_priority" not in lock, "what a person says counts, and is what there is by default"
    followed, otherwise = (line["event"]["text"] for line in planned.lines[1:3])
    assert "solve-strategy = lowest; a machine with __cuda=12.4" in followed
    assert otherwise.endswith("asked for here: channel-priority = disabled")


@pytest.mark.slow
def test_a_file_changes_an_environment(person: Person, make: Callable[..., Path], small_channel: Path) -> None:
    prefix = make("geo", "tool=1", "old")
    file = person.home / "environment.yml"
    file.write_text(
        f"channels: [{small_channel.as_uri()}]\ndependencies: [big, pip: [-e .]]\nvariables: {{MODE: dry}}\n"
    )
    assert "--without-pip" in person.run("add", "geo", "-f", file, code=2).err
    assert "new" in person.run("plan", "add", "geo", "--file", file, "--without-pip").out
    person.run("add", "geo", "--file", "environment.yml", "--without-pip")
    assert installed(prefix) == {"tool-1.0", "old-1.0", "big-1.0"}
    assert person.run("run", "geo", "--", "sh", "-c", "echo $MODE").out == "dry\n"
    file.write_text("dependencies: [extra]\n")
    planned = person.run("plan", "update", "geo", "--file", file, "--prune", "--json").last["plan"]
    assert {(one["kind"], (one.get("after") or one["before"])["name"]) for one in planned["changes"]} == {
        ("add", "extra"),
        ("upgrade", "tool"),
        ("remove", "old"),
        ("remove", "big"),
    }
    person.run("update", "geo", "--file", file, "--prune")
    assert installed(prefix) == {"extra-1.0", "tool-2.0"}
    person.run("lock", "geo", "-o", "lock.json")
    assert "exactly which" in person.run("add", "geo", "--file", "lock.json", code=2).err
    for option in (("--without-pip",), ("--prune",), ("--environment", "x")):
        assert "--file" in person.run("update", "geo", "tool", *option, code=2).err
    assert "either" in person.run("update", "geo", "tool", "--all", "--file", file, code=2).err.lower()


@pytest.mark.slow
def test_a_file_that_cannot_be_made_an_environment_of(person: Person, small_channel: Path) -> None:
    path = person.home / "environment.yml"
    path.write_text("chanels: []\ndependencies: [tool]\n")
    assert "line 1" in person.run("create", "geo", "--file", path, code=2).err
    path.write_text("dependencies: [tool]\n")
    assert "has no name" in person.run("create", "--file", path, code=2).err
    path.write_text("name: ../geo\ndependencies: [tool]\n")
    person.run("create", "--file", path, code=2)
    for more in (("tool",), ("--lock", path)):
        assert "--file" in person.run("create", "geo", *more, "--file", path, code=2).err
    assert "ENV" in person.run("create", code=2).err
    for option in (("--without-pip",), ("--environment", "test")):
        assert "--file" in person.run("create", "geo", "tool", *option, code=2).err
    pixi = person.home / "pixi.toml"
    pixi.write_text("[workspace]\nchannels = []\n[environments]\ntest = []\n")
    assert "among default, test" in person.run("create", "geo", "-f", pixi, "--environment", "x", code=2).err
    person.run("create", "geo", "--file", person.home / "none.yml", code=3)
    assert not person.envs.exists()


@pytest.mark.slow
def test_a_plan_says_what_else_moves_and_what_may_not(
    person: Person, make: Callable[..., Path], small_channel: Path
) -> None:
    prefix = make("geo", "tool=1")
    person.run("add", "geo", "tool=*", "big")
    told = person.run("plan", "add", "geo", "extra").out
    assert "  tool: extra 1.0 needs tool >=2\n" in told
    assert "more on the disk" in told
    frozen = person.run("plan", "add", "geo", "extra", "--freeze-installed", code=4)
    assert "--freeze-installed" in frozen.err

    assert "1 up" in person.run("plan", "update", "geo", "--all").out
    assert "--all" in person.run("update", "geo", code=2).err
    oldest = person.run("plan", "update", "geo", "--all", "--resolution", "lowest", "--json")
    assert oldest.last["plan"]["lock"]["resolution"] == "lowest"
    assert "soon" in person.run("plan", "update", "geo", "--all", "--exclude-newer", "soon", code=2).err
    nothing = person.run("plan", "update", "geo", "--all", "--exclude-newer", "2020-01-01", "--json")
    assert nothing.last["plan"]["changes"] == [], "what is installed may stay"

    person.run("change", "geo", "--add", "extra", "--remove", "big", "--update", "tool")
    assert installed(prefix) == {"extra-1.0", "tool-2.0"}


@pytest.mark.slow
def test_why_something_cannot_be_had(person: Person, make: Callable[..., Path], small_channel: Path) -> None:
    refused = person.run("create", "both", "old", "extra", "-c", small_channel, code=4)
    assert "explain" in refused.err
    told = person.run("explain", "create", "both", "old", "extra", "-c", small_channel).out
    assert "old and extra cannot be had together, by way of tool." in told
    assert "  do without old: extra 1.0\n" in told
    assert told.endswith(
        "What can live together, each in an environment of its own:\n"
        "  jupyter condaenv create NAME old\n  jupyter condaenv create NAME extra\n"
    )
    assert not (person.envs / "both").exists()

    make("geo", "old")
    kept = person.run("why-not", "geo", "tool=2").out
    assert "old 1.0, which is there, needs tool <2." in kept
    possible = person.run("why-not", "geo", "big", "--json").last
    assert possible["explanation"]["possible"] is True
    assert "--seconds" in person.run("why-not", "geo", "big", "--seconds", "0", code=2).err


@pytest.mark.slow
def test_kernels_come_with_what_is_one_and_go_with_their_environment(person: Person, small_channel: Path) -> None:
    told = person.run("create", "geo", "tool", "-c", small_channel).err
    assert "geo has no kernel: add ipykernel to it" in told
    refused = person.run("kernel", "geo", code=5).err
    assert "geo has no kernel" in refused and f"jupyter condaenv add {person.envs / 'geo'} ipykernel" in refused

    folder = person.envs / "geo/share/jupyter/kernels/tool"
    folder.mkdir(parents=True)
    spec = {"argv": ["tool", "{connection_file}"], "display_name": "Tool", "language": "tool"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    assert "condaenv.tool-geo" in person.run("kernel", "geo").out
    assert person.run("list", "--json").last["environments"][0]["kernels"] == ["condaenv.tool-geo"]
    (written,) = person.home.rglob("condaenv.tool-geo/kernel.json")

    shutil.rmtree(person.envs / "geo")
    person.run("create", "other", "tool", "-c", small_channel)
    assert not written.parent.exists()


@pytest.mark.slow
def test_jobs_say_what_they_were_asked_for(person: Person, make: Callable[..., Path]) -> None:
    make("geo", "tool")
    person.run("change", "geo", "--add", "extra", "--update", "tool", "--now")
    listed = person.run("jobs").out.splitlines()[1:]
    assert "  add extra, update tool  " in listed[0] and "  create  " in listed[1]
    assert "  add extra, update tool  " in person.run("jobs", "show", listed[0].split()[0]).out
