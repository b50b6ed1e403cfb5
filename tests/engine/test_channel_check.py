"""Channels that are asked whether packages can be had from them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from jupyter_condaenv.engine.model import ChannelReport, CheckChannels, Checked, Settings
from jupyter_condaenv.engine.rattler import host
from tests.channel import ChannelServer, index, write_package

from .child import operate

CANARY = "canary-6f1d"


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two subdirs, of which the one for this machine has no index in pieces."""
    place = tmp_path_factory.mktemp("checked") / "channel"
    for name in ("a", "b"):
        write_package(place, name, "1.0", files={f"share/{name}": name}, noarch="generic")
    write_package(place, "native", "1.0", files={"share/native": "n"})
    index(place)
    (place / host.platform() / "repodata_shards.msgpack.zst").unlink()
    return place


def check(settings: Settings, *channels: str) -> tuple[ChannelReport, ...]:
    (result, _) = operate(CheckChannels(channels=channels), settings, env={"RATTLER_AUTH_FILE": None})
    assert isinstance(result, Checked)
    return result.channels


@pytest.mark.parametrize("over", ["HTTP", "files"])
def test_one_that_is_well(over: str, channel: Path, settings: Callable[..., Settings]) -> None:
    with ChannelServer(channel) as server:
        url = server.url if over == "HTTP" else channel.as_uri()
        (report,) = check(settings(channels=(url,)))
    assert (report.url, report.reachable, report.authorised, report.problem) == (url, True, True, "")
    found = {one.subdir: (one.shards, one.packages) for one in report.subdirs}
    assert found == {"noarch": (True, 2), host.platform(): (False, 1)}
    made = [datetime.fromisoformat(one.updated) for one in report.subdirs]
    began = datetime.fromtimestamp(channel.stat().st_mtime, timezone.utc)
    assert all(abs((time - began).total_seconds()) < 600 for time in made)


def test_with_and_without_a_login(channel: Path, settings: Callable[..., Settings], tmp_path: Path) -> None:
    ours = settings()
    with ChannelServer(channel, token=CANARY) as server:
        (report,) = check(ours, server.url)
        assert (report.reachable, report.authorised, report.subdirs) == (True, False, ())
        assert "401" in report.problem and "netrc" in report.hint
        home = tmp_path / "home" / ".rattler"
        home.mkdir(parents=True)
        (home / "credentials.json").write_text(json.dumps({"127.0.0.1": {"CondaToken": f"wrong-{CANARY}"}}))
        (report,) = check(ours, server.url)
        assert "403" in report.problem and CANARY not in repr(report)
        (home / "credentials.json").write_text(json.dumps({"127.0.0.1": {"CondaToken": CANARY}}))
        (report,) = check(ours, server.url)
        assert (report.authorised, report.problem, len(report.subdirs)) == (True, "", 2)
        assert all(one.updated for one in report.subdirs)


def test_one_that_knows_its_files_by_their_dates_alone(channel: Path, settings: Callable[..., Settings]) -> None:
    ours = settings()
    with ChannelServer(channel, etags=False) as server:
        first = check(ours, server.url)
        assert check(ours, server.url) == first
        assert 304 in [request.status for request in server.log]
    assert first[0].problem == "" and all(one.updated for one in first[0].subdirs)


def test_each_has_its_own_fault(channel: Path, settings: Callable[..., Settings], tmp_path: Path, unused: str) -> None:
    shutil.copytree(channel, tmp_path / "damaged")
    (tmp_path / "damaged" / "noarch" / "repodata.json").write_text("{")
    (tmp_path / "empty").mkdir()
    with ChannelServer(channel) as server, ChannelServer(channel, fail={"*": (503, 1000)}) as failing:
        reports = check(
            settings(),
            unused,
            f"{server.url}/nowhere",
            failing.url,
            server.url,
            str(tmp_path / "nowhere"),
            str(tmp_path / "empty"),
            str(tmp_path / "damaged"),
        )
    told = [(report.reachable, report.problem) for report in reports]
    assert [one[0] for one in told] == [False, True, True, True, False, False, False]
    for (_, problem), words in zip(
        told, ("not answer", "no channel", "fails", "", "cannot be read", "no noarch", "damaged"), strict=True
    ):
        assert words in problem and bool(words) == bool(problem)
    assert all(report.hint for report in reports if report.problem)


def test_one_that_never_answers(channel: Path, settings: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".condarc").write_text("remote_read_timeout_secs: 0.5\n")
    with ChannelServer(channel, latency=1000.0) as server:
        (report,) = check(settings(), server.url)
    assert not report.reachable
    assert "no answer came within 0.5 seconds" in report.problem


@pytest.fixture
def unused(tmp_path: Path) -> str:
    """An address at which nobody answers. Retries are for those who may yet."""
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / ".condarc").write_text("remote_max_retries: 0\n")
    with ChannelServer(tmp_path) as server:
        return server.url
