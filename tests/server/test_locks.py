"""Locks for machines of other platforms, and environments for other machines than the server's, asked for over REST."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.channel import ChannelServer, host_subdir, index, write_package

from .house import Client

PLATFORMS = [{"platform": "osx-arm64"}, {"platform": "linux-64", "virtual_packages": ["__cuda=12.4"]}]


@pytest.fixture(scope="module")
def gpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A channel in which `gpu` is for a machine with a driver, or without."""
    channel = tmp_path_factory.mktemp("gpus")
    for build, depends in (("cpu_0", []), ("cuda_1", ["__cuda >=12"])):
        write_package(
            channel, "gpu", "1.0", build=build, build_number=int(build[-1]), files={"share/gpu": build},
            depends=depends, noarch="generic",
        )  # fmt: skip
    index(channel)
    return str(channel)


def locked(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    job = client.start("POST", "locks", body)
    assert client.follow(job)["outcome"]["state"] == "succeeded"
    return dict(client.get(f"locks/{job}"))


@pytest.mark.slow
def test_requests_for_other_platforms(client: Client, gpus: str) -> None:
    found = locked(client, {"specs": ["gpu"], "channels": [gpus], "platforms": PLATFORMS})
    assert found["name"] == "conda-lock.yml"
    assert [(one["platform"], one["packages"]) for one in found["platforms"]] == [("osx-arm64", 1), ("linux-64", 1)]
    assert "__cuda=12.4=0" in found["platforms"][1]["virtual_packages"]
    assert "gpu-1.0-cpu_0" in found["text"] and "gpu-1.0-cuda_1" in found["text"]


@pytest.mark.slow
def test_an_environment_and_a_file_for_other_platforms(client: Client, small_channel: Path) -> None:
    client.do("POST", "environments", {"name": "platforms", "specs": ["extra"]})
    of_environment = locked(client, {"environment": "platforms", "platforms": PLATFORMS, "format": "pixi.lock"})
    assert of_environment["name"] == "pixi.lock" and "extra-1.0" in of_environment["text"]
    file = {
        "name": "environment.yml",
        "text": f"channels: ['{small_channel}']\ndependencies:\n- tool=1  # [osx]\n- tool",
    }
    of_file = locked(client, {"file": file, "platforms": PLATFORMS})
    assert "tool-1.0" in of_file["text"] and "tool-2.0" in of_file["text"]
    # This machine's part can be made an environment; what it has nothing for cannot.
    body = {"name": "of-platforms", "file": {"name": of_file["name"], "text": of_file["text"]}}
    client.do("POST", "environments", body)
    other = locked(client, {"file": file, "platforms": PLATFORMS[:1]})
    job = client.start(
        "POST", "environments", {"name": "not", "file": {"name": "conda-lock.yml", "text": other["text"]}}
    )
    failure = client.follow(job)["outcome"]["failure"]
    assert f"nothing for {host_subdir()}, only for osx-arm64" in failure["message"]


def test_a_platform_that_has_nothing(client: Client) -> None:
    body = {"specs": ["tool", "never"], "platforms": PLATFORMS}
    job = client.start("POST", "locks", body)
    failure = client.follow(job)["outcome"]["failure"]
    assert failure["message"].startswith("For osx-arm64: ")
    assert client.call("GET", f"locks/{job}").body["code"] == "unsatisfiable"
    explanation = client.start("POST", "explanations", {"verb": "lock", **body})
    client.follow(explanation)
    found = client.get(f"explanations/{explanation}")
    assert (found["platform"], found["clashes"][0]["requests"]) == ("osx-arm64", ["never"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"specs": ["tool"]}, "platforms"),
        ({"specs": ["tool"], "platforms": []}, "platforms"),
        ({"specs": ["tool"], "platforms": [{"platform": "plan9"}]}, "platform"),
        ({"platforms": PLATFORMS}, "$"),
        ({"specs": ["tool"], "environment": "platforms", "platforms": PLATFORMS}, "$"),
        ({"environment": "nowhere", "platforms": PLATFORMS}, "$.environment"),
        ({"specs": ["tool"], "without_pip": True, "platforms": PLATFORMS}, "$.without_pip"),
        ({"specs": ["tool"], "strategy": {"virtual_packages": ["__cuda=1"]}, "platforms": PLATFORMS}, "virtual"),
        ({"file": {"name": "e.yml", "text": "dependecies: [a]"}, "platforms": PLATFORMS}, "$.file.text"),
    ],
)
def test_what_cannot_be_locked(client: Client, body: dict[str, Any], field: str) -> None:
    answer = client.call("POST", "locks", body)
    assert answer.status in (400, 404) and field in str(answer.body)


def test_only_jobs_that_lock_are_locks(client: Client) -> None:
    job = client.start("POST", "plans", {"verb": "create", "name": "nothing", "specs": ["tool"]})
    client.follow(job)
    assert client.call("GET", f"locks/{job}").status == 404


def test_what_makes_an_environment_elsewhere(client: Client, small: ChannelServer) -> None:
    client.do("POST", "environments", {"name": "elsewhere", "specs": ["tool"], "channels": [small.url]})
    for kind, name in (("dockerfile", "Dockerfile"), ("github-workflow", ".github/workflows/environment.yml")):
        found = client.get(f"environments/elsewhere/export?format={kind}")
        assert found["name"] == name and found["beside"][0]["name"] in found["text"]
        assert "@EXPLICIT" in found["beside"][0]["text"]


@pytest.mark.slow
def test_an_environment_for_another_machine(client: Client, gpus: str, small_channel: Path) -> None:
    """And what is added later is for that machine too."""
    strategy = {"virtual_packages": ["__cuda=12.4"]}
    body = {"name": "for-gpu", "specs": ["gpu"], "channels": [gpus], "strategy": strategy}
    job = client.follow(client.start("POST", "environments", body))
    assert job["outcome"]["state"] == "succeeded"
    warned = [event["event"]["text"] for event in job["events"] if event["event"].get("level") == "warning"]
    assert warned and "needs __cuda >=12" in warned[0]
    client.do("PATCH", "environments/for-gpu/packages", {"add": ["tool"], "channels": [str(small_channel)]})
    lock = client.get("environments/for-gpu/lock")
    assert lock["declared"] == ["__cuda=12.4"]
    assert {package["name"]: package["build"] for package in lock["packages"]}["gpu"] == "cuda_1"
    wrong = {"name": "not", "specs": ["gpu"], "strategy": {"virtual_packages": ["cuda"]}}
    failure = client.follow(client.start("POST", "environments", wrong))["outcome"]["failure"]
    assert "declared to have" in failure["message"]
