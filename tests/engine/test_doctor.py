"""Each thing that can be wrong with an environment, made for real: it is found, and mended where that can be."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_condaenv.engine import exchange, health, history, staging
from jupyter_condaenv.engine.model import (
    Annotate,
    ChangePackages,
    CheckHealth,
    CreateEnvironment,
    Examined,
    Finding,
    Health,
    Rollback,
    Settings,
    StackEnvironment,
    Strategy,
)
from jupyter_condaenv.engine.prefix import read_record, record_files
from tests.channel import File, index, write_package

from . import places
from .child import operate
from .harness import Operation, changed, problems, refused, run, settled, tree

Make = Callable[..., Settings]
MINE = ("CACHEDIR.TAG", "mine/")


def made(settings: Settings, *specs: str, name: str = "demo") -> Path:
    prefix = Path(settings.envs_dirs[0]) / name
    operate(CreateEnvironment(prefix=str(prefix), specs=specs or ("alpha=1.0", "gamma")), settings)
    return prefix


def examined(prefix: Path, settings: Settings, *, fix: bool = False) -> Health:
    result, _ = operate(CheckHealth(prefix=str(prefix), fix=fix), settings)
    assert isinstance(result, Examined)
    for finding in (*result.health.findings, *result.health.fixed):
        assert finding.text.endswith(".") and finding.hint.endswith("."), finding
    return result.health


def found(prefix: Path, settings: Settings) -> Finding:
    """The only thing that is wrong. Looking changes nothing."""
    before = tree(prefix)
    (finding,) = examined(prefix, settings).findings
    assert tree(prefix) == before
    return finding


def mended(prefix: Path, settings: Settings, *codes: str) -> Health:
    """After mending: what was wrong was mended, nothing is wrong any more, and the files are those of the packages."""
    health = examined(prefix, settings, fix=True)
    assert [one.code for one in health.findings] == []
    assert {one.code for one in health.fixed} == set(codes)
    assert examined(prefix, settings).findings == ()
    return health


def as_of_conda(prefix: Path) -> None:
    """As if another tool had made it."""
    shutil.rmtree(prefix / "conda-meta/condaenv")
    path = prefix / "conda-meta/history"
    path.write_text(path.read_text().replace("jupyter condaenv", "conda"))


def record(prefix: Path, name: str) -> Path:
    (path,) = [path for path in record_files(prefix) if path.name.rsplit("-", 2)[0] == name]
    return path


def test_a_sound_environment(little_settings: Settings) -> None:
    prefix = made(little_settings)
    before = tree(prefix)
    health = examined(prefix, little_settings, fix=True)
    assert (health.findings, health.fixed, health.prefix) == ((), (), str(prefix))
    assert tree(prefix) == before  # nothing to mend, so no revision either


def test_missing_files(little_settings: Settings) -> None:
    prefix = made(little_settings)
    whole = tree(prefix, ours=False)
    (prefix / "share/alpha/version.txt").unlink()
    shutil.rmtree(prefix / "share/gamma")
    finding = found(prefix, little_settings)
    assert (finding.code, finding.severity, finding.fixable) == ("missing_files", "damage", True)
    assert (finding.packages, finding.paths) == (("alpha", "gamma"), ("share/alpha/version.txt", "share/gamma/g.txt"))
    assert "share/gamma/g.txt" in finding.text
    mended(prefix, little_settings, "missing_files")
    assert tree(prefix, ours=False) == whole
    last = history.latest(prefix)
    assert last is not None and (last.number, last.verb) == (2, "doctor")


def test_what_was_altered_is_kept_also_where_the_record_is_damaged(little_settings: Settings) -> None:
    prefix = made(little_settings)
    altered = prefix / "share/alpha/same.txt"
    altered.unlink()
    altered.write_text("altered\n")
    next((prefix / "conda-meta").glob("alpha-*.json")).write_text("{")
    mended(prefix, little_settings, "damaged_record")
    assert altered.read_text() == "the same in both\n"
    assert altered.with_name("same.txt.saved-1").read_text() == "altered\n"
    assert [path.name for path in prefix.rglob("*.saved-*")] == ["same.txt.saved-1"]


def test_altered_files_are_put_back_and_what_was_altered_is_kept(little_settings: Settings) -> None:
    """Also where it is the same file as in the cache and in another environment."""
    prefix, other = made(little_settings), made(little_settings, name="other")
    whole = tree(prefix, ours=False)
    (prefix / "share/alpha/same.txt").write_text("altered\n")  # by its hard link
    (prefix / "etc/alpha.conf").write_text("mine = 1\n")
    (prefix / "share/alpha/version.txt").unlink()
    (prefix / "share/alpha/version.txt").write_text("1.1\n")  # as many bytes
    assert (other / "share/alpha/same.txt").read_text() == "altered\n"
    finding = found(prefix, little_settings)
    assert finding.code == "altered_files" and "By hard links they are so in other as well" in finding.text
    assert set(finding.paths) == {"share/alpha/same.txt", "etc/alpha.conf", "share/alpha/version.txt"}
    mended(prefix, little_settings, "altered_files")
    now = tree(prefix, ours=False)
    saved = {path: what for path, what in now.items() if path.endswith(".saved-1")}
    assert {path: what for path, what in now.items() if path not in saved} == whole
    assert (prefix / "etc/alpha.conf.saved-1").read_text() == "mine = 1\n"
    assert (prefix / "share/alpha/same.txt.saved-1").read_text() == "altered\n"
    assert "By hard links" not in found(other, little_settings).text
    mended(other, little_settings, "altered_files")


def test_a_file_in_the_place_of_a_folder_and_the_other_way_round(little_settings: Settings) -> None:
    prefix = made(little_settings)
    shutil.rmtree(prefix / "share/gamma")
    (prefix / "share/gamma").write_text("mine\n")
    (prefix / "share/alpha/same.txt").unlink()
    (prefix / "share/alpha/same.txt").mkdir()
    (prefix / "share/alpha/same.txt/mine").write_text("mine too\n")
    mended(prefix, little_settings, "missing_files", "altered_files")
    assert (prefix / "share/gamma/g.txt").is_file()
    assert (prefix / "share/gamma.saved-1").read_text() == "mine\n"
    assert (prefix / "share/alpha/same.txt.saved-1/mine").read_text() == "mine too\n"


def test_a_file_in_the_place_of_a_link(little_settings: Settings) -> None:
    prefix = made(little_settings)
    (prefix / "lib/libalpha.so").unlink()
    (prefix / "lib/libalpha.so").write_text("mine\n")
    assert found(prefix, little_settings).paths == ("lib/libalpha.so",)
    mended(prefix, little_settings, "altered_files")
    assert (prefix / "lib/libalpha.so").is_symlink()
    assert (prefix / "lib/libalpha.so.saved-1").read_text() == "mine\n"


def test_what_may_not_be_read_and_a_python_that_may_not_be_run(settings: Make, tmp_path: Path) -> None:
    channel = tmp_path / "channel"
    files = {"bin/python3.11": File("", mode=0o755), "share/text": "text"}
    write_package(channel, "python", "3.11.0", files=files)
    index(channel)
    own = settings(channels=(channel.as_uri(),))
    prefix = made(own, "python")
    (prefix / "bin/python3.11").chmod(0o644)  # also of the cache, by its hard link
    (prefix / "share/text").chmod(0)
    assert set(found(prefix, own).paths) == {"bin/python3.11", "share/text"}
    mended(prefix, own, "closed_files")
    assert stat.S_IMODE((prefix / "bin/python3.11").stat().st_mode) == 0o755
    assert stat.S_IMODE((prefix / "share/text").stat().st_mode) == 0o400


def test_broken_links(little_settings: Settings) -> None:
    prefix = made(little_settings)
    whole = tree(prefix, ours=False)
    (prefix / "lib/libalpha.so").unlink()
    (prefix / "lib/libalpha.so").symlink_to("libalpha.so.0.9")
    (prefix / "mine").symlink_to("nowhere")
    broken, dangling = examined(prefix, little_settings).findings
    assert (broken.code, broken.paths) == ("broken_links", ("lib/libalpha.so",))
    assert (dangling.code, dangling.severity, dangling.fixable) == ("dangling_links", "advice", False)
    health = examined(prefix, little_settings, fix=True)
    assert [one.code for one in health.fixed] == ["broken_links"]
    assert [one.code for one in health.findings] == ["dangling_links"]
    (prefix / "mine").unlink()
    assert tree(prefix, ours=False) == whole


@pytest.mark.parametrize("known", ["by a revision", "by the channel"])
@pytest.mark.parametrize("harm", ["truncated", "empty", "other JSON"])
def test_a_damaged_record(known: str, harm: str, little_settings: Settings) -> None:
    prefix = made(little_settings)
    whole = tree(prefix, ours=False)
    path = record(prefix, "alpha")
    good = path.read_bytes()
    path.write_bytes({"truncated": good[: len(good) // 2], "empty": b"", "other JSON": b"[]"}[harm])
    if known == "by the channel":
        as_of_conda(prefix)
    finding = found(prefix, little_settings)
    assert (finding.code, finding.packages, finding.paths) == (
        "damaged_record",
        ("alpha",),
        (f"conda-meta/{path.name}",),
    )
    mended(prefix, little_settings, "damaged_record")
    assert tree(prefix, ours=False).keys() == whole.keys()
    assert problems(prefix, *MINE) == []
    assert read_record(path).package() == msgspec.json.decode(good, type=type(read_record(path))).package()


@pytest.mark.parametrize("harm", ["empty", "link to nothing", "folder"])
def test_a_damaged_record_of_a_package_that_nobody_has(harm: str, little_settings: Settings) -> None:
    """It is put aside, so that all the rest can be mended, and changed again."""
    prefix = made(little_settings)
    as_of_conda(prefix)
    path = record(prefix, "alpha").with_name("alpha-9.9-0.json")
    record(prefix, "alpha").unlink()
    if harm == "folder":
        path.mkdir()
    elif harm == "empty":
        path.write_bytes(b"")
    else:
        path.symlink_to("nowhere")
    lost = prefix / "share/gamma/g.txt"
    content = lost.read_bytes()
    lost.unlink()
    with Operation(CheckHealth(prefix=str(prefix), fix=True), little_settings) as operation:
        health = operation.expect_result()["health"]
    assert {one["code"] for one in health["fixed"]} == {"damaged_record", "missing_files"}
    (told,) = [event["text"] for event in operation.events if "alpha-9.9-0.json" in event.get("text", "")]
    assert "put aside" in told and "add it" in told
    assert lost.read_bytes() == content
    assert os.path.lexists(path.with_name(f"{path.name}.saved-1")) and not os.path.lexists(path)
    assert (prefix / "share/alpha/version.txt").exists()
    assert "damaged_record" not in {one.code for one in examined(prefix, little_settings).findings}
    run(ChangePackages(prefix=str(prefix), add=("alpha=1.0",)), little_settings)
    assert record(prefix, "alpha").name == "alpha-1.0-0.json"


def test_a_folder_in_the_place_of_a_record(little_settings: Settings) -> None:
    prefix = made(little_settings)
    path = record(prefix, "alpha")
    path.unlink()
    path.mkdir()
    mended(prefix, little_settings, "damaged_record")
    assert path.is_file() and path.with_name(f"{path.name}.saved-1").is_dir()


def test_two_records_of_one_package(little_settings: Settings) -> None:
    """As another tool leaves them that was killed during an upgrade."""
    other = made(little_settings, "alpha=2.0", name="other")
    prefix = made(little_settings)
    whole = tree(prefix, ours=False)
    shutil.copy2(record(other, "alpha"), prefix / "conda-meta")
    shutil.copy2(other / "share/alpha/only-2.0.txt", prefix / "share/alpha")
    shutil.copy2(other / "share/alpha/version.txt", prefix / "share/alpha")
    findings = {one.code: one for one in examined(prefix, little_settings).findings}
    assert findings["double_record"].paths == ("conda-meta/alpha-2.0-0.json",)
    mended(prefix, little_settings, *findings)
    assert tree(prefix, ours=False) == whole


def test_a_damaged_revision(little_settings: Settings) -> None:
    prefix = made(little_settings)
    operate(ChangePackages(prefix=str(prefix), add=("beta",)), little_settings)
    revision = prefix / "conda-meta/condaenv/revisions/0002.json"
    revision.write_text("{")
    findings = {one.code for one in examined(prefix, little_settings).findings}
    assert findings == {"damaged_history", "drift"}
    mended(prefix, little_settings, "damaged_history", "drift")
    assert revision.with_name("0002.json.saved-1").read_text() == "{"
    verbs = [(one.number, one.verb) for one in history.readable(prefix)[0]]
    assert verbs == [(1, "create"), (3, "doctor")], "a number is given once"
    operate(Rollback(prefix=str(prefix), revision=1), little_settings)
    assert examined(prefix, little_settings).findings == ()


def test_revisions_that_somebody_has_deleted(little_settings: Settings) -> None:
    prefix = made(little_settings)
    whole = tree(prefix, ours=False)
    shutil.rmtree(prefix / "conda-meta/condaenv/revisions")
    (finding,) = examined(prefix, little_settings).findings
    assert finding.code == "damaged_history" and "It has had revisions" in finding.text
    mended(prefix, little_settings, "damaged_history")
    assert [(one.number, one.lock.specs) for one in history.readable(prefix)[0]] == [(1, ("alpha=1.0", "gamma"))]
    assert tree(prefix, ours=False) == whole


def test_packages_without_their_needs(little_settings: Settings) -> None:
    """As `conda remove --force` leaves them."""
    prefix = made(little_settings, "beta", "gamma")
    whole = tree(prefix, ours=False)
    path = record(prefix, "alpha")
    for entry in read_record(path).paths:
        (prefix / entry.path).unlink()
    path.unlink()
    findings = {one.code: one for one in examined(prefix, little_settings).findings}
    assert set(findings) == {"missing_needs", "drift"}
    assert findings["missing_needs"].packages == ("beta",)
    assert "beta needs alpha" in findings["missing_needs"].text
    mended(prefix, little_settings, "missing_needs", "drift")
    assert tree(prefix, ours=False).keys() >= whole.keys()
    assert problems(prefix, *MINE) == []


def test_what_is_added_by_mending_is_chosen_as_all_else(settings: Make, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    write_package(first, "low", "1.0", noarch="generic")
    for version in ("2.0", "3.0"):
        write_package(second, "low", version, depends=["__cuda"], noarch="generic")
    write_package(second, "high", "1.0", depends=["low >=2"], noarch="generic")
    for channel in (first, second):
        index(channel)
    ours = settings(channels=(first.as_uri(), second.as_uri()))
    prefix = Path(ours.envs_dirs[0]) / "env"
    strategy = Strategy(channel_priority="flexible", virtual_packages=("__cuda=12.4",))
    operate(CreateEnvironment(prefix=str(prefix), specs=("high",), strategy=strategy), ours)
    before = history.current_lock(prefix)
    (prefix / "conda-meta" / "pinned").write_text("low 2.*\n")
    record(prefix, "low").unlink()
    mended(prefix, ours, "missing_needs", "drift")
    lock = history.current_lock(prefix)
    assert {one.name: one.version for one in lock.packages} == {"high": "1.0", "low": "2.0"}
    assert (lock.channel_priority, lock.declared) == (before.channel_priority, before.declared)


def test_a_need_of_another_version(settings: Make, tmp_path: Path) -> None:
    channel = tmp_path / "channel"
    for version in ("1.0", "2.0"):
        write_package(channel, "low", version, files={"share/low": version}, noarch="generic")
    write_package(channel, "high", "1.0", files={"share/high": ""}, depends=["low >=2"], noarch="generic")
    index(channel)
    ours = settings(channels=(channel.as_uri(),))
    prefix, old = made(ours, "high"), made(ours, "low=1.0", name="old")
    record(prefix, "low").unlink()
    shutil.copy2(record(old, "low"), prefix / "conda-meta")
    shutil.copy2(old / "share/low", prefix / "share/low")
    findings = {one.code: one for one in examined(prefix, ours).findings}
    assert "high needs low >=2 and there is 1.0" in findings["missing_needs"].text
    mended(prefix, ours, "missing_needs", "drift")
    assert (prefix / "share/low").read_text() == "2.0"


def test_drift_becomes_a_revision(little_settings: Settings) -> None:
    """What another tool did is what somebody wanted."""
    prefix, other = made(little_settings, "alpha=1.0"), made(little_settings, "gamma", name="other")
    shutil.copy2(record(other, "gamma"), prefix / "conda-meta")
    shutil.copytree(other / "share/gamma", prefix / "share/gamma")
    finding = found(prefix, little_settings)
    assert (finding.code, finding.severity, finding.packages) == ("drift", "advice", ("gamma",))
    mended(prefix, little_settings, "drift")
    assert {package.name for package in history.current_lock(prefix).packages} == {"alpha", "gamma"}
    operate(Rollback(prefix=str(prefix)), little_settings)
    assert not (prefix / "share/gamma").exists()


def test_drift_is_told_also_beside_a_damaged_record(little_settings: Settings) -> None:
    """What is mended becomes a revision without what another tool has taken away."""
    prefix = made(little_settings, "alpha=1.0", "gamma")
    record(prefix, "gamma").unlink()
    shutil.rmtree(prefix / "share/gamma")
    record(prefix, "alpha").write_text("{")
    findings = {one.code: one.packages for one in examined(prefix, little_settings).findings}
    assert findings == {"damaged_record": ("alpha",), "drift": ("gamma",)}
    mended(prefix, little_settings, "damaged_record", "drift")


def test_an_operation_that_was_killed(little_settings: Settings) -> None:
    prefix = made(little_settings)
    whole = tree(prefix)
    with Operation(ChangePackages(prefix=str(prefix), add=("wide=1.0",)), little_settings) as operation:
        operation.until("link")
        operation.kill()
    finding = found(prefix, little_settings)
    assert (finding.code, finding.fixable) == ("interrupted", True)
    assert "stage" in finding.paths
    mended(prefix, little_settings, "interrupted")
    assert tree(prefix) == whole
    assert staging.leftovers(staging.workspace(prefix)) == []


def test_a_package_that_is_linked_anew_does_not_bring_a_permission_back(little_settings: Settings) -> None:
    prefix = made(little_settings)
    (prefix / "share/alpha/same.txt").chmod(0o666)  # also of the cache, by its hard link
    (prefix / "share/alpha/version.txt").unlink()
    mended(prefix, little_settings, "missing_files", "world_writable")


def test_what_everybody_may_write(little_settings: Settings) -> None:
    prefix = made(little_settings)
    whole = tree(prefix, ours=False)
    (prefix / "share/alpha/same.txt").chmod(0o666)
    (prefix / "share/gamma").chmod(0o777)
    (prefix / "mine").mkdir()
    (prefix / "mine").chmod(0o1777)  # like /tmp: nobody can put something in another's place
    finding = found(prefix, little_settings)
    assert (finding.code, set(finding.paths)) == ("world_writable", {"share/alpha/same.txt", "share/gamma"})
    mended(prefix, little_settings, "world_writable")
    assert stat.S_IMODE((prefix / "share/alpha/same.txt").stat().st_mode) == 0o664
    assert stat.S_IMODE((prefix / "share/gamma").stat().st_mode) == 0o775
    assert {
        path: what[-1] for path, what in tree(prefix, ours=False).items() if path in whole and what[0] == "file"
    } == {path: what[-1] for path, what in whole.items() if what[0] == "file"}


def test_the_cache_on_another_file_system(little_settings: Settings, tmp_path: Path) -> None:
    with places.tmpfs(tmp_path / "elsewhere"):
        ours = changed(little_settings, cache_dir=str(tmp_path / "elsewhere" / "cache"))
        finding = found(made(ours), ours)
        assert (finding.code, finding.severity, finding.fixable) == ("other_file_system", "advice", False)
        assert ours.cache_dir in finding.text and "cache_dir" in finding.hint


def test_channels_that_are_mixed_without_strict_priority(little: Path, settings: Make, tmp_path: Path) -> None:
    second = tmp_path / "second"
    write_package(second, "delta", "1.0", files={"share/delta": ""}, noarch="generic")
    index(second)
    channels = (little.as_uri(), second.as_uri())
    loose = settings(channels=channels, channel_priority="flexible")
    finding = found(made(loose, "gamma", "delta"), loose)
    assert (finding.code, finding.severity) == ("mixed_channels", "advice")
    assert all(channel in finding.text for channel in channels)
    strict = settings(channels=channels)
    assert examined(made(strict, "gamma", "delta", name="strict"), strict).findings == ()


def test_what_cannot_be_had_stays_as_it_is_and_the_rest_is_mended(settings: Make, tmp_path: Path, little: Path) -> None:
    shutil.copytree(little, tmp_path / "channel")
    ours = settings(channels=((tmp_path / "channel").as_uri(),))
    prefix = made(ours)
    (prefix / "share/gamma/g.txt").unlink()
    (prefix / "etc/alpha.conf").unlink()
    shutil.rmtree(Path(ours.cache_dir) / "pkgs" / "gamma-1.0-0")
    next((tmp_path / "channel").glob("*/gamma-*.conda")).unlink()
    with Operation(CheckHealth(prefix=str(prefix), fix=True), ours) as operation:
        health = operation.expect_result()["health"]
    assert any("gamma" in event.get("text", "") for event in operation.events if event["event"] == "message")
    assert [(one["code"], one["packages"]) for one in health["findings"]] == [("missing_files", ["gamma"])]
    assert (prefix / "etc/alpha.conf").read_text().startswith(f"prefix = {prefix}\n")


@pytest.mark.slow
def test_mending_is_whole_or_not_at_all(little_settings: Settings) -> None:
    """Killed at each step of it, what was damaged is as it was, or mended."""
    prefix = made(little_settings, "alpha=1.0", "wide=1.0")
    whole = tree(prefix, ours=False)
    for number in range(0, 1200, 3):
        (prefix / f"share/wide/{number % 40:02}/{number:04}.txt").unlink()
    damaged = tree(prefix, ours=False)
    for phase in ("stage", "link", "check", "commit"):
        with Operation(CheckHealth(prefix=str(prefix), fix=True), little_settings) as operation:
            operation.until("check")
            while operation.phases[-1] != phase or (phase == "check" and "link" not in operation.phases):
                operation.until(phase)
            operation.kill()
        exchange.settle(str(prefix))
        assert tree(prefix, ours=False) in (damaged, whole)
    examined(prefix, little_settings, fix=True)
    assert tree(prefix, ours=False) == whole
    settled(prefix)


def test_an_archive_that_is_not_what_the_index_promises_is_not_linked(
    settings: Make, tmp_path: Path, little: Path
) -> None:
    shutil.copytree(little, tmp_path / "channel")
    ours = settings(channels=((tmp_path / "channel").as_uri(),))
    prefix = made(ours)
    (prefix / "share/gamma/g.txt").unlink()
    shutil.rmtree(Path(ours.cache_dir) / "pkgs" / "gamma-1.0-0")
    write_package(tmp_path / "channel", "gamma", "1.0", files={"share/gamma/g.txt": "evil!\n"}, noarch="generic")
    before = tree(prefix)
    refused(CheckHealth(prefix=str(prefix), fix=True), ours, "tampered")
    assert tree(prefix) == before


def test_a_link_that_leads_out_is_not_followed(little_settings: Settings, tmp_path: Path) -> None:
    """A folder of a package that somebody has moved elsewhere and linked."""
    prefix = made(little_settings)
    outside = tmp_path / "outside"
    shutil.move(prefix / "share/alpha", outside)
    (prefix / "share/alpha").symlink_to(outside)
    (outside / "version.txt").write_text("other")
    (prefix / "share/gamma/g.txt").unlink()
    before = tree(outside)
    with Operation(CheckHealth(prefix=str(prefix), fix=True), little_settings) as operation:
        health = operation.expect_result()["health"]
    assert [one["code"] for one in health["findings"]] == ["altered_files"]
    assert [one["code"] for one in health["fixed"]] == ["missing_files"]
    assert any("alpha is a link" in event.get("text", "") for event in operation.events)
    assert tree(outside) == before


def test_somebody_elses_environment_is_looked_at_and_not_mended(little_settings: Settings) -> None:
    prefix = made(little_settings)
    (prefix / "share/gamma/g.txt").unlink()
    before = tree(prefix)
    prefix.chmod(0o555)
    try:
        with places.unwritable(prefix.parent) as user:
            result = run(CheckHealth(prefix=str(prefix)), little_settings, user)
            assert [one["code"] for one in result["health"]["findings"]] == ["missing_files"]
            refused(CheckHealth(prefix=str(prefix), fix=True), little_settings, "read_only", before=user)
    finally:
        prefix.chmod(0o755)
    assert tree(prefix) == before


def test_a_frozen_environment_is_not_mended(little_settings: Settings) -> None:
    prefix = made(little_settings)
    run(Annotate(prefix=str(prefix), frozen=True), little_settings)
    (prefix / "share/gamma/g.txt").unlink()
    assert found(prefix, little_settings).code == "missing_files"
    refused(CheckHealth(prefix=str(prefix), fix=True), little_settings, "refused")
    assert not (prefix / "share/gamma/g.txt").exists()


def test_what_was_found_is_remembered(little_settings: Settings) -> None:
    prefix = made(little_settings)
    assert health.latest(str(prefix), little_settings) is None
    told = examined(prefix, little_settings)
    health.remember(told, little_settings)
    assert health.latest(str(prefix), little_settings) == told
    next((Path(little_settings.data_dir) / "health").iterdir()).write_text("{")
    assert health.latest(str(prefix), little_settings) is None


# --- with a Python ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(channel_dir: Path, warm_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    place = tmp_path_factory.mktemp("doctor")
    return Settings(
        envs_dirs=(str(place / "envs"),),
        cache_dir=str(warm_cache),
        data_dir=str(place / "data"),
        kernels_dir=str(place / "kernels"),
        channels=(channel_dir.as_uri(),),
    )


@pytest.fixture(scope="module")
def pythonic(shared: Settings) -> Path:
    """Whoever damages it mends it."""
    return made(shared, "python", "pip", "smallpkg=1.1", "libjpeg-turbo")


def site_of(prefix: Path) -> Path:
    return next(prefix.glob("lib/python3*/site-packages"))


def wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> Path:
    info = f"{name}-{version}.dist-info"
    texts = dict(files)
    texts[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    texts[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    texts[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*texts, f"{info}/RECORD"))
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for place, text in texts.items():
            archive.writestr(place, text)
    return path


def pip(prefix: Path, *arguments: str | Path) -> None:
    options = ("--no-index", "--no-deps", "--disable-pip-version-check", "--root-user-action=ignore")
    command: list[Any] = [prefix / "bin/python", "-m", "pip", "install", *options, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_missing_and_stale_bytecode(pythonic: Path, shared: Settings) -> None:
    site = site_of(pythonic)
    whole = tree(pythonic, ours=False)
    shutil.rmtree(site / "smallpkg/__pycache__")
    (stale,) = (site.parent / "json/__pycache__").glob("decoder.*.pyc")
    stale.unlink()
    stale.write_bytes(b"not compiled at all")
    finding = found(pythonic, shared)
    assert (finding.code, finding.severity, finding.packages) == ("missing_bytecode", "advice", ("python", "smallpkg"))
    mended(pythonic, shared, "missing_bytecode")
    assert tree(pythonic, ours=False).keys() == whole.keys()
    assert problems(pythonic, *MINE) == []
    check = "import json.decoder, smallpkg; print(json.decoder.__cached__, smallpkg.__cached__)"
    done = subprocess.run([pythonic / "bin/python", "-Iv", "-c", check], capture_output=True, text=True, check=True)
    assert not [line for line in done.stderr.splitlines() if "bytecode is stale" in line]


@pytest.mark.parametrize("lost", [pytest.param("smallpkg", marks=pytest.mark.slow), "python"])
def test_several_damages_at_once(lost: str, pythonic: Path, shared: Settings) -> None:
    """None hides another: without the record of Python its version is known by name, and so is what has to be
    compiled; of a package with an altered file, the others."""
    site = site_of(pythonic)
    whole = tree(pythonic, ours=False)
    package, folder = ("python", site.parent / "json") if lost == "smallpkg" else ("smallpkg", site / "smallpkg")
    gone = [path for path in (folder / "__pycache__").glob("*.pyc") if not path.name.startswith(("decoder", "core"))]
    for path in gone:
        path.unlink()
    edited = next(path for path in (folder / "decoder.py", folder / "core.py") if path.exists())
    text = edited.read_text()
    edited.unlink()  # it is the cache's, too
    edited.write_text(f"{text}# edited\n")
    os.utime(edited, (1, 1))  # long before it is mended
    record(pythonic, lost).write_text("{")

    findings = {one.code: one for one in examined(pythonic, shared).findings}
    assert {code: one.packages for code, one in findings.items()} == {
        "damaged_record": (lost,),
        "altered_files": (package,),
        "missing_bytecode": (package,),
    }
    assert set(findings["missing_bytecode"].paths) == {str(path.relative_to(pythonic)) for path in gone}
    mended(pythonic, shared, *findings)
    saved = edited.with_name(f"{edited.name}.saved-1")
    saved.unlink()
    assert tree(pythonic, ours=False).keys() == whole.keys()
    assert problems(pythonic, *MINE) == []


@pytest.mark.slow
@pytest.mark.parametrize("way", ["in place of conda's", pytest.param("beside conda's", marks=pytest.mark.slow)])
def test_pip_over_conda(way: str, pythonic: Path, shared: Settings, tmp_path: Path) -> None:
    site = site_of(pythonic)
    whole = tree(pythonic, ours=False)
    path = wheel(tmp_path, "smallpkg", "9.0", {"smallpkg/__init__.py": "__version__ = '9.0'\n", "smallpkg/nine.py": ""})
    pip(pythonic, path, *(["--ignore-installed"] if way == "beside conda's" else []))
    findings = {one.code: one for one in examined(pythonic, shared).findings}
    assert findings["shadowed"].packages == ("smallpkg",)
    assert "smallpkg 9.0" in findings["shadowed"].text
    health = examined(pythonic, shared, fix=True)
    assert [one.code for one in health.findings] == []
    assert "shadowed" in {one.code for one in health.fixed}
    now = tree(pythonic, ours=False)
    assert {path: what for path, what in now.items() if not path.endswith(".pyc")} == {
        path: what for path, what in whole.items() if not path.endswith(".pyc")
    }
    assert not list(site.glob("**/nine*"))
    assert problems(pythonic, *MINE) == []


@pytest.mark.slow
def test_what_pip_installed_beside_is_left_alone(pythonic: Path, shared: Settings, tmp_path: Path) -> None:
    pip(pythonic, wheel(tmp_path, "mypkg", "1.0", {"mypkg/__init__.py": "", "smallpkg_plugin.py": ""}))
    assert examined(pythonic, shared).findings == ()
    (site_of(pythonic) / "smallpkg/extra.py").unlink()
    mended(pythonic, shared, "missing_files")
    assert (site_of(pythonic) / "mypkg/__init__.py").exists()


# --- stacks ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stacked(shared: Settings, pythonic: Path) -> tuple[Path, Path]:
    over = Path(shared.envs_dirs[0]) / "over"
    operate(StackEnvironment(prefix=str(over), base=str(pythonic), specs=("traitlets",)), shared)
    return pythonic, over


def test_an_overlay(stacked: tuple[Path, Path], shared: Settings) -> None:
    base, over = stacked
    assert examined(over, shared).findings == ()
    whole = tree(over, ours=False)
    link = next(path for path in (over / "lib").iterdir() if path.name.startswith("libjpeg.so"))
    name = link.name
    link.unlink()
    link.symlink_to(base / "lib" / f"{name}.old")
    link.rename(link.with_name(f"{name}.old"))
    link = link.with_name(f"{name}.old")
    finding = found(over, shared)
    assert (finding.code, finding.paths) == ("broken_links", (f"lib/{name}.old",))
    (site_of(over) / "traitlets/__init__.py").unlink()
    mended(over, shared, "broken_links", "missing_files")
    assert tree(over, ours=False) == whole


def test_another_python_in_the_place_of_the_bases(stacked: tuple[Path, Path], shared: Settings) -> None:
    base, over = stacked
    whole = tree(over, ours=False)
    python, versioned = over / "bin/python", next((over / "bin").glob("python3.*"))
    python.unlink()
    shutil.copy(base / "bin/python", python)
    versioned.unlink()
    (over / "bin/python3").unlink()
    (over / "bin/python3").symlink_to(sys.executable)
    finding = found(over, shared)
    assert (finding.code, finding.fixable) == ("foreign_python", True)
    assert finding.paths == ("bin/python", "bin/python3", f"bin/{versioned.name}")
    mended(over, shared, "foreign_python")
    kept = python.with_name("python.saved-1")
    assert kept.read_bytes() == (base / "bin/python").read_bytes()
    kept.unlink()
    assert tree(over, ours=False) == whole


def test_a_base_in_which_pip_has_changed_something(
    stacked: tuple[Path, Path], shared: Settings, tmp_path: Path
) -> None:
    base, over = stacked
    pip(base, wheel(tmp_path, "mypkg", "2.0", {"mypkg/__init__.py": ""}))
    assert found(over, shared).code == "moved_base"
    mended(over, shared, "moved_base")


def test_a_base_that_has_moved(stacked: tuple[Path, Path], shared: Settings) -> None:
    base, over = stacked
    operate(ChangePackages(prefix=str(base), add=("smallpkg=2.0",)), shared)
    finding = found(over, shared)
    assert (finding.code, finding.fixable) == ("moved_base", True)
    mended(over, shared, "moved_base")
    last = history.latest(over)
    assert last is not None and last.lock.base is not None
    assert "2.0" in {package.version for package in last.lock.base.packages if package.name == "smallpkg"}


def test_a_base_that_is_gone(stacked: tuple[Path, Path], shared: Settings) -> None:
    base, over = stacked
    before = tree(over)
    base.rename(base.with_name("away"))
    health = examined(over, shared, fix=True)
    base.with_name("away").rename(base)
    dead = health.findings[0]
    assert (dead.code, dead.severity, dead.fixable) == ("dead_base", "damage", False)
    assert str(base) in dead.text
    assert {one.code for one in health.findings} == {"dead_base", "dangling_links"}
    assert health.fixed == ()
    assert tree(over) == before
