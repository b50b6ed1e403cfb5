"""Without a network: what is cached is enough, and what is missing is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import specfiles
from jupyter_condaenv.engine.errors import ChannelError, Unsatisfiable
from jupyter_condaenv.engine.model import (
    Changed,
    ChangePackages,
    CheckChannels,
    Checked,
    CreateEnvironment,
    Rollback,
    Settings,
)
from tests.channel import ChannelServer, index, write_package

from .child import operate


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    place = tmp_path / "channel"
    for version in ("1.0", "2.0"):
        write_package(place, "tool", version, files={"share/tool": version}, noarch="generic")
    write_package(place, "extra", "1.0", depends=["tool"], files={"share/extra": "e"}, noarch="generic")
    write_package(place, "other", "1.0", files={"share/other": "o"}, noarch="generic")
    index(place)
    return place


@pytest.fixture
def gone(channel: Path, settings: Callable[..., Settings]) -> Settings:
    """Settings without a network, after `tool=1.0` was installed, and `extra` looked at, from a server that is down."""
    with ChannelServer(channel) as server:
        ours = settings(channels=(server.url,))
        create(ours, "first", "tool=1.0")
        with pytest.raises(Unsatisfiable):
            create(ours, "never", "extra", "tool=3")
    return replace(ours, offline=True)


def create(settings: Settings, name: str, *specs: str, **fields: Any) -> list[str]:
    request = CreateEnvironment(prefix=f"{settings.envs_dirs[0]}/{name}", specs=specs, **fields)
    result, _ = operate(request, settings)
    assert isinstance(result, Changed)
    return [f"{package.name} {package.version}" for package in result.plan.lock.packages]


def test_what_is_cached_is_enough(gone: Settings) -> None:
    assert create(gone, "second", "tool") == ["tool 1.0"], "the newer one is not cached"


def test_a_package_that_is_not_cached_is_named(gone: Settings) -> None:
    with pytest.raises(ChannelError, match=r"Not in the package cache: tool 2\.0") as caught:
        create(gone, "second", "tool=2")
    assert "offline" in caught.value.hint
    assert caught.value.details["missing"][0].endswith("/noarch/tool-2.0-0.conda")
    with pytest.raises(ChannelError, match=r"Not in the package cache: extra 1\.0 0, tool 2\.0 0"):
        create(gone, "second", "extra")


def test_what_nobody_knows_of(gone: Settings) -> None:
    """`other` was never looked at, so its part of the index was never read."""
    with pytest.raises(Unsatisfiable) as caught:
        create(gone, "second", "other")
    assert "only what earlier solves have read" in caught.value.hint
    assert caught.value.details["channels_without_index"] == []


def test_an_index_that_is_not_cached_is_named(gone: Settings) -> None:
    nowhere = "http://127.0.0.1:9/never"
    with pytest.raises(Unsatisfiable) as caught:
        create(gone, "second", "thing", channels=(nowhere,))
    assert nowhere in caught.value.hint
    assert caught.value.details["channels_without_index"] == [nowhere]
    assert create(gone, "second", "tool", channels=(nowhere, *gone.channels)) == ["tool 1.0"]


def test_a_directory_needs_no_network(gone: Settings, channel: Path) -> None:
    assert create(gone, "second", "extra", channels=(str(channel),)) == ["extra 1.0", "tool 2.0"]


def test_changes_locks_and_rollback(gone: Settings, channel: Path) -> None:
    prefix = f"{gone.envs_dirs[0]}/first"
    added, _ = operate(ChangePackages(prefix=prefix, add=("other",), channels=(str(channel),)), gone)
    assert isinstance(added, Changed)
    operate(Rollback(prefix=prefix), gone)
    lock = added.plan.lock
    assert create(gone, "again", lock=lock) == ["other 1.0", "tool 1.0"]
    elsewhere = replace(gone, cache_dir=f"{gone.cache_dir}-empty")
    with pytest.raises(ChannelError, match=r"Not in the package cache: tool 1\.0") as caught:
        create(elsewhere, "third", lock=lock)
    assert len(caught.value.details["missing"]) == 1, "other lies in a directory"


def test_what_a_lock_leaves_out_is_read_from_the_cache(gone: Settings) -> None:
    """A list without hashes needs the index of the channel, and asks nobody for it."""
    url = f"{gone.channels[0]}/noarch/tool-1.0-0.conda"
    lock = specfiles.read("list.txt", f"@EXPLICIT\n{url}\n").lock
    assert create(gone, "second", lock=lock) == ["tool 1.0"]
    elsewhere = replace(gone, cache_dir=f"{gone.cache_dir}-empty")
    with pytest.raises(ChannelError) as caught:
        create(elsewhere, "third", lock=lock)
    assert "offline" in caught.value.hint


def test_a_cutoff_holds_as_well(gone: Settings) -> None:
    with pytest.raises(Unsatisfiable):
        create(replace(gone, exclude_newer="2000-01-01"), "second", "tool")


def test_nobody_is_asked(gone: Settings, channel: Path) -> None:
    (result, _) = operate(CheckChannels(channels=(*gone.channels, str(channel))), gone)
    assert isinstance(result, Checked)
    assert [(one.problem, one.authorised) for one in result.channels] == [("It was not asked.", False), ("", True)]


# --- what else .condarc wants ---


def test_packages_of_every_new_environment(channel: Path, settings: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".condarc").write_text("create_default_packages: [other, tool=1.0]\n")
    ours = settings(channels=(str(channel),))
    assert create(ours, "one", "extra") == ["extra 1.0", "other 1.0", "tool 1.0"]
    assert create(ours, "two", "tool") == ["other 1.0", "tool 2.0"], "what was asked for counts"
