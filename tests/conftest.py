"""Fixtures that every folder of tests shares, and the account of skipped tests at the end of a run."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from jupyter_condaenv.engine.model import Settings
    from tests.channel import ChannelServer

ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.txt")


@pytest.fixture(scope="session")
def channel_dir() -> Path:
    """The local channel as a directory, built where it is missing or no longer what its script would build."""
    from tests.channel import build

    return build()


@pytest.fixture(scope="session")
def channel_of_two() -> Path:
    """Like ``channel_dir``, with a second Python minor where the machine has one: a longer build, for slow tests."""
    from tests.channel import build

    return build(pythons="two")


@pytest.fixture(scope="session")
def channel(channel_dir: Path) -> Iterator[ChannelServer]:
    """The local channel over HTTP; ``.url`` is its address. For tests that only read from it."""
    from tests.channel import ChannelServer

    with ChannelServer(channel_dir) as server:
        yield server


@pytest.fixture(scope="session")
def warm_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package cache that tests share which leave it whole: what one has fetched and compiled, all have."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Makes Settings whose directories all lie in this test's own; any field can be given."""
    from jupyter_condaenv.engine.model import Settings

    def make(**changes: object) -> Settings:
        fields: dict[str, object] = {
            "envs_dirs": (str(tmp_path / "envs"),),
            "cache_dir": str(tmp_path / "cache"),
            "data_dir": str(tmp_path / "data"),
            "kernels_dir": str(tmp_path / "kernels"),
        }
        return Settings(**(fields | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def site(tmp_path: Path, channel_dir: Path, warm_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """See ``lay_out``."""
    return lay_out(tmp_path, channel_dir, warm_cache, monkeypatch)


def lay_out(folder: Path, channel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings laid out in ``folder`` as Jupyter's defaults lay them out, with packages from ``channel``.

    What a kernel starts by itself finds everything by the same variables as Jupyter does.
    """
    from jupyter_condaenv.engine.model import Settings

    data, config = folder / "jupyter", folder / "config"
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(data))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(config))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "run"))
    made = Settings(
        envs_dirs=(str(data / "condaenv" / "envs"),),
        channels=(channel.as_uri(),),
        cache_dir=str(cache),
        data_dir=str(data / "condaenv"),
        kernels_dir=str(data / "kernels"),
    )
    config.mkdir()
    traits = {"cache_dir": made.cache_dir, "channels": list(made.channels)}
    (config / "jupyter_condaenv_config.json").write_text(json.dumps({"CondaEnv": traits}))
    return made


# --- order -----------------------------------------------------------------------------------------------------------

_USUAL = 30.0
"""Seconds; a test that takes much longer has a time-out of its own."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files with most work and those with least in turn: so no process is left with much at the end, and browsers,
    which compute, run beside what mostly waits."""
    work: dict[Path, float] = defaultdict(float)
    for item in items:
        own = item.get_closest_marker("timeout")
        work[item.path] += own.args[0] if own is not None else _USUAL
    most_first = sorted(work, key=lambda path: -work[path])
    half = len(most_first) // 2
    place = {path: 2 * number for number, path in enumerate(most_first)}
    place |= {path: 2 * number + 1 for number, path in enumerate(reversed(most_first[half:]))}
    items.sort(key=lambda item: place[item.path])


# --- skips -----------------------------------------------------------------------------------------------------------
#
# A test says `pytest.skip("what is missing. What would change it")`. Where CONDAENV_TEST_SKIPS is "listed", as in
# .ci/run, a skip whose reason is not in allowed_skips.txt fails the run.


def allowed_skips() -> tuple[str, ...]:
    """Parts of reasons for which a test may be skipped."""
    lines = ALLOWED_SKIPS.read_text(encoding="utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def skip_reasons(terminalreporter: pytest.TerminalReporter) -> dict[str, int]:
    """Each reason with the number of tests it kept from running."""
    reasons: dict[str, int] = defaultdict(int)
    for report in terminalreporter.stats.get("skipped", []):
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[text.removeprefix("Skipped: ")] += 1
    return dict(reasons)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    listed = os.environ.get("CONDAENV_TEST_SKIPS") == "listed"
    if reporter is not None and exitstatus == 0 and listed and unlisted(skip_reasons(reporter)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def unlisted(reasons: dict[str, int]) -> list[str]:
    return [reason for reason in reasons if not any(part in reason for part in allowed_skips())]


_left_out = pytest.StashKey[dict[str, int]]()
"""How many tests the command line left out, and how many of them are slow."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_left_out] = {"all": 0, "slow": 0}
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = config.stash[_left_out]


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        count = item.config.stash[_left_out]
        count["all"] += 1
        count["slow"] += item.get_closest_marker("slow") is not None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Where several work on the tests, each of them leaves out the same ones."""
    node.config.stash[_left_out] |= getattr(node, "workeroutput", {}).get("left_out", {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What did not run, why, and the command that would change it."""
    reasons = skip_reasons(terminalreporter)
    left_out, slow = (terminalreporter.config.stash[_left_out][which] for which in ("all", "slow"))
    if not reasons and not left_out:
        terminalreporter.write_line("Nothing was skipped.")
        return
    terminalreporter.section("What was not run, and what would change it")
    for reason, number in sorted(reasons.items()):
        terminalreporter.write_line(f"{number:>4} skipped: {reason}")
    if slow:
        terminalreporter.write_line(f"{slow:>4} left out because they are slow; `make test-slow` runs them.")
    if left_out > slow:
        terminalreporter.write_line(f"{left_out - slow:>4} left out by the command line.")
    if os.environ.get("CONDAENV_TEST_SKIPS") == "listed":
        for reason in unlisted(reasons):
            terminalreporter.write_line(f"FAILED: this reason is not in {ALLOWED_SKIPS.name}: {reason}", red=True)
