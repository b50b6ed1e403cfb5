"""The demo's story, by REST alone: with real Pythons, and the kernels that come of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.channel import ChannelServer

from .house import Client, Server, log_in

CELL = "import sys, threadpoolctl; print(sys.prefix, threadpoolctl.__file__, sep='|', end='')"


@pytest.fixture(
    scope="module", params=["by token", pytest.param("in a browser, through a proxy", marks=pytest.mark.slow)]
)
def story(request: pytest.FixtureRequest, server: Server, channel: ChannelServer) -> Iterator[Client]:
    """`base-env`, a real Python with a kernel, and `over`, stacked on it."""
    client = server.client() if request.param == "by token" else log_in(request.getfixturevalue("proxy").port)
    base = {"name": "base-env", "specs": ["python", "ipykernel"], "channels": [channel.url]}
    client.do("POST", "environments", base)
    client.do("POST", "stacks", {"name": "over", "base": "base-env", "specs": ["threadpoolctl"]})
    yield client
    client.do("DELETE", "environments/over")
    client.do("DELETE", "environments/base-env")


def run(client: Client, kernel: str, code: str) -> str:
    """What ``code`` prints in a kernel that the server starts."""
    cell = client.run(kernel, code)
    assert not cell.error, cell.error
    return cell.text


def test_a_stack_is_a_kernel_at_once(server: Server, story: Client) -> None:
    assert {"python3", "condaenv-base-env", "condaenv-over"} <= set(
        story.jupyter("GET", "kernelspecs").body["kernelspecs"]
    )
    prefix, module = run(story, "condaenv-over", CELL).split("|")
    assert Path(prefix) == server.home.envs / "over"
    assert Path(module).is_relative_to(prefix)


def test_stacks_are_listed_with_what_they_stand_on(server: Server, story: Client) -> None:
    (over,) = story.get("stacks")["environments"]
    assert (over["name"], over["kind"], over["base"]) == ("over", "overlay", str(server.home.envs / "base-env"))
    assert [package["name"] for package in story.get("environments/over/packages")["packages"]] == ["threadpoolctl"]


def test_what_a_stack_would_be_and_then_is(server: Server, story: Client) -> None:
    base = str(server.home.envs / "base-env")
    job = story.start("POST", "plans", {"verb": "stack", "name": "over-too", "base": base, "specs": ["threadpoolctl"]})
    assert story.follow(job)["outcome"]["state"] == "succeeded"
    plan = story.get(f"plans/{job}")
    assert [change["after"]["name"] for change in plan["changes"]] == ["threadpoolctl"]
    assert story.do("POST", f"plans/{job}/application", {})["plan"] == plan
    assert "condaenv-over-too" in story.jupyter("GET", "kernelspecs").body["kernelspecs"]
    story.do("DELETE", "environments/over-too")
    assert "condaenv-over-too" not in story.jupyter("GET", "kernelspecs").body["kernelspecs"]


def test_a_base_that_is_stood_on_stays(story: Client) -> None:
    outcome = story.follow(story.start("DELETE", "environments/base-env"))["outcome"]
    assert outcome["failure"]["code"] == "refused"
    assert story.get("environments/base-env")["environment"]["kernels"] == ["condaenv-base-env"]


def test_a_lock_makes_the_same_python_again(server: Server, story: Client) -> None:
    lock = story.get("environments/base-env/lock")
    story.do("POST", "environments", {"name": "same", "lock": lock})
    assert story.get("environments/same/lock")["packages"] == lock["packages"]
    assert run(story, "condaenv-same", "import sys; print(sys.prefix, end='')") == str(server.home.envs / "same")
    story.do("DELETE", "environments/same")


def test_a_change_waits_for_the_next_start_of_a_kernel(server: Server, story: Client) -> None:
    story.do("POST", "environments", {"name": "live", "lock": story.get("environments/base-env/lock")})
    kernel = story.jupyter("POST", "kernels", {"name": "condaenv-live"}).body["id"]
    try:
        waits = story.do("PATCH", "environments/live/packages", {"remove": ["ipykernel"]})
        assert waits["result"] == "deferred"
        assert story.get("environments/live")["deferred"]
        assert story.get("environments/live/deferred") == waits["plan"]
    finally:
        story.jupyter("DELETE", f"kernels/{kernel}")
    assert story.do("POST", "environments/live/deferred/application", {})["plan"] == waits["plan"]
    assert not story.get("environments/live")["deferred"]
    assert "ipykernel" not in [package["name"] for package in story.get("environments/live/packages")["packages"]]
    story.do("DELETE", "environments/live")
