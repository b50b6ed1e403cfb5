"""How packages are chosen: up to when they count, the newest or the oldest, from which channel, and for how long one
looks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import solve, specfiles
from jupyter_condaenv.engine.errors import InvalidRequest, Unsatisfiable
from jupyter_condaenv.engine.model import (
    Adopt,
    Adopted,
    Changed,
    ChangePackages,
    CreateEnvironment,
    Message,
    Plan,
    Settings,
    StackEnvironment,
    Strategy,
)
from tests.channel import index

from .child import in_child, operate
from .tiny import generic

YEARS = {"1.0": 2021, "2.0": 2022, "3.0": 2023}


def dated(channel: Path, *, indexed: dict[str, int] | None = None, silent: tuple[str, ...] = ()) -> Path:
    """Index ``channel`` so that each version has come in the middle of its year; ``silent`` packages do not say when,
    and versions in ``indexed`` came into the channel later than they were built."""
    index(channel)
    for path in channel.glob("*/repodata.json"):
        data = json.loads(path.read_text())
        for record in data["packages.conda"].values():
            record.pop("indexed_timestamp", None)
            record["timestamp"] = _july(YEARS[record["version"]])
            if record["version"] in (indexed or {}):
                record["indexed_timestamp"] = _july((indexed or {})[record["version"]])
            if record["name"] in silent:
                del record["timestamp"]
        path.write_text(json.dumps(data))
        path.with_name("repodata.json.zst").unlink(missing_ok=True)
    return channel


def _july(year: int) -> int:
    return int(datetime(year, 7, 1, tzinfo=timezone.utc).timestamp() * 1000)


@pytest.fixture(scope="session")
def years(tmp_path_factory: pytest.TempPathFactory) -> Path:
    channel = tmp_path_factory.mktemp("years")
    for version in YEARS:
        generic(channel, "base", version)
        generic(channel, "tool", version, depends=["base"])
    generic(channel, "python", "1.0")
    return dated(channel)


@pytest.fixture
def own(years: Path, settings: Callable[..., Settings]) -> Settings:
    return settings(channels=(years.as_uri(),))


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    return tmp_path / "envs" / "project"


def created(prefix: Path, settings: Settings, *specs: str, **how: Any) -> Plan:
    request = CreateEnvironment(prefix=str(prefix), specs=specs, strategy=Strategy(**how))
    return in_child(solve.plan, request, settings)


def changed(prefix: Path, settings: Settings, how: Strategy, **what: Any) -> Plan:
    return in_child(solve.plan, ChangePackages(prefix=str(prefix), strategy=how, **what), settings)


def versions(plan: Plan) -> dict[str, str]:
    return {package.name: package.version for package in plan.lock.packages}


# --- up to when ---


def test_what_is_newer_is_left_out(own: Settings, prefix: Path) -> None:
    made = created(prefix, own, "tool", exclude_newer="2022-12-31")
    assert versions(made) == {"base": "2.0", "tool": "2.0"}
    assert made.lock.exclude_newer == "2023-01-01T00:00:00+00:00"
    assert versions(created(prefix, own, "tool", exclude_newer="2023-07-01")) == {"base": "3.0", "tool": "3.0"}
    assert versions(created(prefix, own, "tool", exclude_newer="1 day")) == {"base": "3.0", "tool": "3.0"}
    with pytest.raises(Unsatisfiable, match="tool") as caught:
        created(prefix, own, "tool", exclude_newer="2020-01-01")
    assert "exclude_newer" in caught.value.hint


def test_named_packages_may_be_newer(own: Settings, prefix: Path) -> None:
    made = created(prefix, own, "tool", exclude_newer="2021-12-31", exclude_newer_except=("Tool",))
    assert versions(made) == {"base": "1.0", "tool": "3.0"}


def test_a_manifest_of_pixi_says_how_old(own: Settings, prefix: Path, years: Path) -> None:
    text = f"[workspace]\nchannels = ['{years.as_uri()}']\nexclude-newer = '2022-12-31'\n"
    text += "[dependencies]\ntool = '*'\n[exclude-newer]\nbase = '0d'\n"
    found = specfiles.read("pixi.toml", text)
    for site, expected in (("", {"base": "3.0", "tool": "2.0"}), ("2021-12-31", {"base": "1.0", "tool": "1.0"})):
        request = specfiles.creation(found, "pixi.toml", str(prefix), site_cutoff=site)
        made = in_child(solve.plan, request, replace(own, exclude_newer=site))
        assert versions(made) == expected


def test_what_is_made_of_a_manifest_is_changed_as_it_says(own: Settings, prefix: Path, years: Path) -> None:
    text = f"[workspace]\nchannels = ['{years.as_uri()}']\nexclude-newer = '2022-12-31'\n"
    text += "channel-priority = 'disabled'\nsolve-strategy = 'lowest-direct'\n[dependencies]\nbase = '*'\n"
    found = specfiles.read("pixi.toml", text)
    asked = Strategy(resolution="highest")  # for this once
    made, _ = operate(specfiles.creation(found, "pixi.toml", str(prefix), strategy=asked), own)
    assert isinstance(made, Changed) and versions(made.plan)["base"] == "2.0"
    assert made.plan.lock.strategy == Strategy(
        channel_priority="disabled", resolution="lowest-direct", exclude_newer="2022-12-31"
    )
    later = changed(prefix, own, Strategy(), add=("tool",))
    assert versions(later) == {"base": "2.0", "tool": "1.0"} and later.lock.strategy == made.plan.lock.strategy
    assert (later.lock.channel_priority, later.lock.resolution) == ("disabled", "lowest-direct")


def test_an_environment_of_pixi_is_changed_as_its_manifest_says(own: Settings, tmp_path: Path, years: Path) -> None:
    prefix = tmp_path / ".pixi" / "envs" / "default"
    operate(CreateEnvironment(prefix=str(prefix), specs=("base",), strategy=Strategy(exclude_newer="2021-12-31")), own)
    shutil.rmtree(prefix / "conda-meta" / "condaenv")
    (tmp_path / "pixi.toml").write_text(
        f"[workspace]\nchannels = ['{years.as_uri()}']\nexclude-newer = '2022-12-31'\n"
        "channel-priority = 'disabled'\nsolve-strategy = 'lowest-direct'\n[dependencies]\nbase = '*'\n"
    )
    adopted, events = operate(Adopt(prefix=str(prefix)), own)
    assert any("packages are chosen as it says" in event.text for event in events if isinstance(event, Message))
    assert isinstance(adopted, Adopted)
    assert adopted.lock.strategy == Strategy(
        channel_priority="disabled", resolution="lowest-direct", exclude_newer="2022-12-31"
    )
    told = changed(prefix, own, Strategy(), add=("tool",)).lock
    assert {one.name: one.version for one in told.packages} == {"base": "1.0", "tool": "1.0"}
    assert (told.channel_priority, told.resolution) == ("disabled", "lowest-direct")
    highest = Strategy(resolution="highest")
    assert versions(changed(prefix, own, highest, add=("tool",), update_all=True)) == {"base": "2.0", "tool": "2.0"}
    operate(ChangePackages(prefix=str(prefix), add=("tool",)), own)
    site = replace(own, exclude_newer="2021-12-31")
    for settings, version in ((own, "2.0"), (site, "1.0")):
        assert versions(changed(prefix, settings, highest, update_all=True)) == {"base": version, "tool": version}


def test_the_site_says_how_old_and_a_request_otherwise(own: Settings, prefix: Path) -> None:
    site = replace(own, exclude_newer="2021-12-31", exclude_newer_except=("base",))
    assert versions(created(prefix, site, "tool")) == {"base": "3.0", "tool": "1.0"}
    assert versions(created(prefix, site, "tool", exclude_newer="2022-12-31")) == {"base": "3.0", "tool": "2.0"}


def test_what_is_installed_may_stay_although_it_is_newer(own: Settings, prefix: Path) -> None:
    operate(CreateEnvironment(prefix=str(prefix), specs=("base",)), own)
    how = Strategy(exclude_newer="2022-12-31")
    made = changed(prefix, own, how, add=("tool",))
    assert versions(made) == {"base": "3.0", "tool": "2.0"}
    assert made.unasked == ()
    assert changed(prefix, own, how, update=("base",)).changes == ()
    assert changed(prefix, own, how, update_all=True).changes == ()


def test_what_an_overlay_stands_on_may_be_newer(own: Settings, prefix: Path) -> None:
    base = prefix.with_name("base")
    operate(CreateEnvironment(prefix=str(base), specs=("base", "python")), own)
    request = StackEnvironment(
        prefix=str(prefix), base=str(base), specs=("tool",), strategy=Strategy(exclude_newer="2022-12-31")
    )
    assert versions(in_child(solve.plan, request, own)) == {"tool": "2.0"}


def test_the_time_is_when_it_came_into_the_channel(settings: Callable[..., Settings], tmp_path: Path) -> None:
    channel = tmp_path / "late"
    for version in YEARS:
        generic(channel, "late", version)
    generic(channel, "silent", "1.0")
    dated(channel, indexed={"2.0": 2024}, silent=("silent",))
    own = settings(channels=(channel.as_uri(),))
    assert versions(created(tmp_path / "e", own, "late", exclude_newer="2022-12-31")) == {"late": "1.0"}
    assert versions(created(tmp_path / "e", own, "late=2", exclude_newer="2024-12-31")) == {"late": "2.0"}
    with pytest.raises(Unsatisfiable, match="silent"):
        created(tmp_path / "e", own, "silent", exclude_newer="2024-12-31")


def test_a_name_belongs_to_the_first_channel_also_where_all_it_has_is_too_new(
    own: Settings, prefix: Path, tmp_path: Path, years: Path
) -> None:
    """Else whoever can put packages into a later channel had only to wait for a fresh one in the first."""
    more = tmp_path / "more"
    generic(more, "tool", "3.0")
    generic(more, "extra", "1.0", depends=["base"])
    dated(more)
    both = replace(own, channels=(more.as_uri(), years.as_uri()))
    assert versions(created(prefix, both, "extra", exclude_newer="2022-12-31")) == {"base": "2.0", "extra": "1.0"}
    with pytest.raises(Unsatisfiable, match="tool"):
        created(prefix, both, "tool", exclude_newer="2022-12-31")
    loose = created(prefix, both, "tool", exclude_newer="2022-12-31", channel_priority="disabled")
    assert versions(loose) == {"base": "2.0", "tool": "2.0"}


def test_a_time_that_is_none(own: Settings, prefix: Path) -> None:
    with pytest.raises(InvalidRequest, match="soon"):
        created(prefix, own, "tool", exclude_newer="soon")


# --- which version, which channel ---


def test_the_oldest_that_fit(own: Settings, prefix: Path) -> None:
    assert versions(created(prefix, own, "tool>=2", resolution="lowest")) == {"base": "1.0", "tool": "2.0"}
    made = created(prefix, own, "tool>=2", resolution="lowest-direct")
    assert versions(made) == {"base": "3.0", "tool": "2.0"}
    assert made.lock.resolution == "lowest-direct"


def test_the_priority_of_channels_is_the_requests_own(own: Settings, prefix: Path, tmp_path: Path, years: Path) -> None:
    old = tmp_path / "old"
    generic(old, "base", "1.0")
    generic(old, "needy", "1.0", depends=["base >=2"])
    index(old)
    both = replace(own, channels=(old.as_uri(), years.as_uri()))
    with pytest.raises(Unsatisfiable, match="base"):
        created(prefix, both, "needy")
    for priority, version in (("flexible", "3.0"), ("disabled", "3.0")):
        made = created(prefix, both, "needy", channel_priority=priority)
        assert versions(made) == {"base": version, "needy": "1.0"}
        assert made.lock.channel_priority == priority
    assert versions(created(prefix, both, "base", channel_priority="flexible")) == {"base": "1.0"}
    assert versions(created(prefix, both, "base", channel_priority="disabled")) == {"base": "3.0"}


def test_strict_priority_holds_for_requests(own: Settings, prefix: Path, tmp_path: Path, years: Path) -> None:
    """Else a version that the first channel does not have would be taken from wherever there is one."""
    first = tmp_path / "first"
    generic(first, "base", "1.0")
    index(first)
    both = replace(own, channels=(first.as_uri(), years.as_uri()))
    with pytest.raises(Unsatisfiable, match="strict channel priority"):
        created(prefix, both, "base=3")
    with pytest.raises(Unsatisfiable, match="strict channel priority"):
        created(prefix, both, "base=1", "tool", "base>=2")
    assert versions(created(prefix, both, "base=3", channel_priority="disabled")) == {"base": "3.0"}
    assert versions(created(prefix, both, f"{years.as_uri()}::base=3")) == {"base": "3.0"}


def test_a_lock_leaves_nothing_to_choose(own: Settings, prefix: Path) -> None:
    lock = created(prefix, own, "base").lock
    request = CreateEnvironment(prefix=str(prefix), lock=lock, strategy=Strategy(resolution="lowest"))
    with pytest.raises(InvalidRequest, match="not from both"):
        in_child(solve.plan, request, own)
