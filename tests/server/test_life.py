"""What a client does: make, look, change, plan, apply and delete."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import websocket

from tests.kernels.test_offers import with_kernel

from .house import Client, Serve, Server, segment


def named(client: Client, name: str) -> dict[str, Any]:
    (found,) = [one for one in client.get("environments")["environments"] if one["name"] == name]
    return dict(found)


def kernels(client: Client) -> set[str]:
    answer = client.jupyter("GET", "kernelspecs")
    assert answer.status == 200
    return set(answer.body["kernelspecs"])


def versions(client: Client, environment: str) -> dict[str, str]:
    packages = client.get(f"environments/{environment}/packages")["packages"]
    return {package["name"]: package["version"] for package in packages}


def test_from_creation_to_deletion(server: Server, client: Client) -> None:
    result = client.do("POST", "environments", {"name": "life", "specs": ["tool <2", "ipykernel"]})
    assert result["environment"]["prefix"] == str(server.home.envs / "life")
    assert result["environment"]["kernels"] == ["condaenv-life"]
    assert {"condaenv-life", "python3"} <= kernels(client)
    assert named(client, "life")["kernels"] == ["condaenv-life"]

    detail = client.get("environments/life")
    assert detail["specs"] == ["tool <2", "ipykernel"]
    assert (detail["revision"], detail["deferred"]) == (1, False)
    assert versions(client, "life") == {"ipykernel": "7.0", "tool": "1.0"}

    client.do("PATCH", "environments/life/packages", {"add": ["tool >=2", "extra"]})
    assert versions(client, "life") == {"extra": "1.0", "ipykernel": "7.0", "tool": "2.0"}
    revisions = client.get("environments/life/revisions")["revisions"]
    assert [(one["number"], one["verb"]) for one in revisions] == [(1, "create"), (2, "add")]
    first = client.get("environments/life/revisions/1")
    assert [package["version"] for package in first["lock"]["packages"] if package["name"] == "tool"] == ["1.0"]
    for nowhere in ("3", "0", "-1", "1.0", "one", "9" * 30, "²"):
        assert client.call("GET", f"environments/life/revisions/{segment(nowhere)}").status == 404

    file = {"name": "environment.yml", "text": "dependencies: [ipykernel]\nvariables: {MODE: dry}\n"}
    job = client.start("POST", "plans", {"verb": "change", "environment": "life", "file": file, "prune": True})
    client.follow(job)
    plan = client.get(f"plans/{job}")
    assert [(one["kind"], one["before"]["name"]) for one in plan["changes"] if "before" in one] == [
        ("remove", "extra"),
        ("remove", "tool"),
    ]
    for text in ("chanels: [a]", "@EXPLICIT\nhttps://h/c/noarch/a-1-0.conda#" + "1" * 32):
        body = {"file": {"name": "a.txt" if "@" in text else "a.yml", "text": text}}
        answer = client.call("PATCH", "environments/life/packages", body)
        assert (answer.status, answer.body["details"]["field"]) == (400, "$.file.text")
    answer = client.call("PATCH", "environments/life/packages", {"add": ["tool"], "without_pip": True})
    assert (answer.status, answer.body["details"]["field"]) == (400, "$.without_pip")

    changes = client.get("environments/life/revisions/1/changes?until=2")
    assert (changes["specs_added"], changes["specs_dropped"]) == (["tool >=2", "extra"], ["tool <2"])
    assert [(one["kind"], one["after"]["name"]) for one in changes["changes"]] == [
        ("add", "extra"),
        ("upgrade", "tool"),
    ]
    assert client.get("environments/life/revisions/2/changes?until=2") == {}
    for path, status in (("1/changes?until=3", 404), ("1/changes", 400), ("1/changes?until=0", 400)):
        assert client.call("GET", f"environments/life/revisions/{path}").status == status

    job = client.start("POST", "plans", {"verb": "rollback", "environment": "life"})
    client.follow(job)
    plan = client.get(f"plans/{job}")
    assert (plan["verb"], versions(client, "life")["tool"]) == ("rollback", "2.0")
    assert client.do("POST", f"plans/{job}/application", {})["revision"] == 3
    assert versions(client, "life") == {"ipykernel": "7.0", "tool": "1.0"}
    assert client.do("POST", "environments/life/revisions/2/application", {"when": "now"})["revision"] == 4
    assert versions(client, "life") == {"extra": "1.0", "ipykernel": "7.0", "tool": "2.0"}
    assert client.call("POST", "environments/life/revisions/5/application", {}).status == 404

    assert client.do("DELETE", "environments/life") == {
        "result": "removed",
        "prefix": str(server.home.envs / "life"),
        "kernels": ["condaenv-life"],
    }
    assert client.call("GET", "environments/life").status == 404
    assert "condaenv-life" not in kernels(client)
    assert "python3" in kernels(client)
    assert not (server.home.envs / "life").exists()


def test_a_lock_makes_the_same_environment_again(client: Client) -> None:
    client.do("POST", "environments", {"name": "locked", "specs": ["tool <2"]})
    lock = client.get("environments/locked/lock")
    client.do("POST", "environments", {"name": "again", "lock": lock})
    assert client.get("environments/again/lock")["packages"] == lock["packages"]


def test_moved_with_its_kernel(server: Server, client: Client) -> None:
    client.do("POST", "environments", {"name": "before", "specs": ["tool", "ipykernel"], "display_name": "My own"})
    assert client.call("POST", "environments/before/moves", {}).status == 400
    assert client.call("POST", "environments/before/moves", {"name": "../x"}).status == 400
    result = client.do("POST", "environments/before/moves", {"name": "after"})
    assert (result["source"], result["environment"]["kernels"]) == (
        str(server.home.envs / "before"),
        ["condaenv-after"],
    )
    assert client.call("GET", "environments/before").status == 404
    assert "condaenv-before" not in kernels(client)
    specs = client.jupyter("GET", "kernelspecs").body["kernelspecs"]
    assert specs["condaenv-after"]["spec"]["display_name"] == "My own"
    assert [one["verb"].split()[0] for one in client.get("environments/after/revisions")["revisions"]] == [
        "create",
        "move",
    ]


@pytest.mark.slow
def test_what_is_noted(client: Client) -> None:
    client.do("POST", "environments", {"name": "noted", "specs": ["tool <2"]})
    assert client.get("environments/noted/notes") == {} and "notes" not in named(client, "noted")
    said = {"protected": True, "frozen": True, "message": "An exam.", "tag": ["prod"], "note": "x"}
    noted = client.do("PATCH", "environments/noted/notes", said)["notes"]
    assert noted == {"protected": True, "frozen": "An exam.", "tags": ["prod"], "note": "x"}
    assert client.get("environments/noted/notes") == named(client, "noted")["notes"] == noted
    for verb, path, body in (
        ("DELETE", "environments/noted", None),
        ("PATCH", "environments/noted/packages", {"add": ["extra"]}),
        ("POST", "environments/noted/moves", {"name": "other"}),
    ):
        failure = client.follow(client.start(verb, path, body))["outcome"]["failure"]
        assert (failure["code"], "An exam." in failure["message"]) == ("refused", True)
    client.do("PATCH", "environments/noted/notes", {"protected": False, "frozen": False})
    client.do("DELETE", "environments/noted")


def test_health(server: Server, client: Client) -> None:
    client.do("POST", "environments", {"name": "ill", "specs": ["tool <2", "ipykernel"]})
    assert client.get("environments/ill/health") is None
    assert "findings" not in client.do("POST", "environments/ill/health", {})["health"]
    (server.home.envs / "ill/share/tool").unlink()
    kernel = server.home.folder / "jupyter/kernels/condaenv-ill/kernel.json"
    kernel.write_text(kernel.read_text().replace("/trampoline", "/nothing"))
    told = client.do("POST", "environments/ill/health", {"fix": False})["health"]
    assert [(one["code"], one["fixable"]) for one in told["findings"]] == [
        ("dead_kernel", True),
        ("missing_files", True),
    ]
    assert client.get("environments/ill/health") == told
    told = client.do("POST", "environments/ill/health", {"fix": True})["health"]
    assert {one["code"] for one in told["fixed"]} == {"dead_kernel", "missing_files"}
    assert client.get("environments/ill/health") == told
    assert (server.home.envs / "ill/share/tool").exists() and "/nothing" not in kernel.read_text()
    for body in ({"fix": "yes"}, {"mend": True}):
        assert client.call("POST", "environments/ill/health", body).status == 400
    for verb, body in (("GET", None), ("POST", {})):
        assert client.call(verb, "environments/nowhere/health", body).status == 404


@pytest.mark.slow
def test_storage_is_measured_when_somebody_asks(serve: Serve) -> None:
    client = serve().client()
    assert client.get("storage") is None
    client.do("POST", "environments", {"name": "measured", "specs": ["tool"]})
    assert client.get("storage") is None
    told = client.do("POST", "storage", {})["storage"]
    (one,) = told["environments"]
    assert one["name"] == "measured" and one["alone"] >= one["freed"] > 0
    assert client.get("storage") == told
    (job, *_) = client.get("jobs")["jobs"]
    assert (job["verb"], job["prefix"]) == ("storage", "")


@pytest.mark.slow
def test_what_others_have_made_is_found_when_somebody_asks(serve: Serve) -> None:
    server = serve()
    client = server.client()
    theirs = with_kernel(server.home.folder / "miniforge3" / "envs" / "theirs")
    assert client.call("GET", "environments/theirs").status == 404
    told = client.do("POST", "scan", {})
    assert told["new"] == [str(theirs)]
    (name,) = told["kernels"]
    listed = {one["prefix"]: one.get("kernels") for one in client.get("environments")["environments"]}
    assert listed[str(theirs)] == [name]
    specs = client.jupyter("GET", "kernelspecs").body
    assert specs["kernelspecs"][name]["spec"]["display_name"] == "Python 3.12 [theirs (~/miniforge3)]"
    assert "python3" in specs["kernelspecs"]
    shutil.rmtree(theirs)
    assert client.do("POST", "scan", {})["removed"] == [name]
    assert client.call("POST", "scan", {"find": ["/"]}).status == 400


@pytest.mark.slow
def test_what_nobody_needs_is_deleted(serve: Serve) -> None:
    server = serve()
    client = server.client()
    client.do("POST", "environments", {"name": "unneeded", "specs": ["tool <2"]})
    client.do("DELETE", "environments/unneeded")
    package = server.home.folder / "cache/jupyter-condaenv/pkgs/tool-1.0-0"
    told = client.do("POST", "storage/cleanings", {"kinds": ["packages"], "preview": True})
    assert [(one["kind"], one["path"]) for one in told["items"]] == [("packages", str(package))]
    assert package.is_dir()
    assert client.do("POST", "storage/cleanings", {"kinds": ["packages"]}) == told | {"preview": False}
    assert not package.exists()
    assert client.call("POST", "storage/cleanings", {"kinds": ["environments"]}).status == 400


def test_a_clone_has_a_kernel_of_its_own(server: Server, client: Client, tmp_path: Path) -> None:
    client.do("POST", "environments", {"name": "origin", "specs": ["tool <2", "ipykernel"]})
    (server.home.envs / "origin" / "mine").write_text("mine")
    result = client.do("POST", "environments/origin/clones", {"name": "twin", "display_name": "Twin"})
    assert result["environment"]["kernels"] == ["condaenv-twin"]
    assert client.get("environments/twin/kernel")["options"]["display_name"] == "Twin"
    assert versions(client, "twin") == versions(client, "origin")
    assert (server.home.envs / "twin" / "mine").read_text() == "mine"
    (first,) = client.get("environments/twin/revisions")["revisions"]
    assert (first["number"], first["verb"]) == (1, "clone of origin")
    client.do(
        "POST", f"environments/{segment(server.home.envs / 'origin')}/clones", {"prefix": str(tmp_path / "third")}
    )
    for body, status in (({"name": "a/b"}, 400), ({}, 400), ({"name": "x", "specs": []}, 400)):
        assert client.call("POST", "environments/origin/clones", body).status == status
    assert client.call("POST", "environments/nowhere/clones", {"name": "x"}).status == 404
    taken = client.follow(client.start("POST", "environments/origin/clones", {"name": "twin"}))
    assert taken["outcome"]["failure"]["code"] == "already_exists"


def test_by_prefix_anywhere(client: Client, tmp_path: Path) -> None:
    prefix = tmp_path / "an ä, outside"
    client.do("POST", "environments", {"prefix": str(prefix), "specs": ["tool"]})
    detail = client.get(f"environments/{segment(prefix)}")
    assert detail["environment"]["prefix"] == str(prefix)
    assert str(prefix) in [one["prefix"] for one in client.get("environments")["environments"]]
    client.do("DELETE", f"environments/{segment(prefix)}")
    assert not prefix.exists()


def test_a_plan_changes_nothing_and_is_then_applied_as_it_is(client: Client) -> None:
    client.do("POST", "environments", {"name": "planned", "specs": ["tool <2"]})
    job = client.start("POST", "plans", {"verb": "change", "environment": "planned", "add": ["tool >=2", "extra"]})
    client.follow(job)
    plan = client.get(f"plans/{job}")
    assert {(one["kind"], one["after"]["name"]) for one in plan["changes"]} == {("upgrade", "tool"), ("add", "extra")}
    assert versions(client, "planned") == {"tool": "1.0"}

    result = client.do("POST", f"plans/{job}/application", {"when": "now"})
    assert result["plan"] == plan
    assert versions(client, "planned") == {"tool": "2.0", "extra": "1.0"}

    outdated = client.follow(client.start("POST", f"plans/{job}/application", {}))["outcome"]
    assert outdated["failure"]["code"] == "outdated"


def test_a_plan_of_an_environment_that_is_not_there_yet(client: Client) -> None:
    job = client.start("POST", "plans", {"verb": "create", "name": "fresh", "specs": ["tool"]})
    client.follow(job)
    assert client.get(f"plans/{job}")["before"] == ""
    assert client.call("GET", "environments/fresh").status == 404
    client.do("POST", f"plans/{job}/application", {})
    assert versions(client, "fresh") == {"tool": "2.0"}


def test_what_came_of_a_plan_that_could_not_be_made(client: Client) -> None:
    job = client.start("POST", "plans", {"verb": "create", "name": "impossible", "specs": ["tool >9"]})
    client.follow(job)
    for verb, path, body in (("GET", f"plans/{job}", None), ("POST", f"plans/{job}/application", {})):
        answer = client.call(verb, path, body)
        assert (answer.status, answer.body["code"]) == (422, "unsatisfiable")


def test_only_jobs_that_plan_are_plans(client: Client) -> None:
    job = client.start("POST", "environments", {"name": "no-plan", "specs": ["tool"]})
    client.follow(job)
    assert client.call("GET", f"plans/{job}").status == 404


def test_nothing_waits_for_the_start_of_a_kernel(client: Client) -> None:
    client.do("POST", "environments", {"name": "calm", "specs": ["tool"]})
    assert client.call("GET", "environments/calm/deferred").status == 404
    for job in (
        client.start("POST", "environments/calm/deferred/application", {}),
        client.start("DELETE", "environments/calm/deferred"),
    ):
        assert client.follow(job)["outcome"]["failure"]["code"] == "not_found"


def test_what_waits_and_cannot_be_read_can_be_given_up(server: Server, client: Client) -> None:
    client.do("POST", "environments", {"name": "torn", "specs": ["tool"]})
    (server.home.envs / "torn/conda-meta/condaenv/deferred.json").write_text("{")
    assert client.get("environments/torn")["deferred"]
    answer = client.call("GET", "environments/torn/deferred")
    assert (answer.status, answer.body["code"]) == (409, "broken")
    client.do("DELETE", "environments/torn/deferred")
    assert not client.get("environments/torn")["deferred"]


def test_a_damaged_revision_is_listed_beside_the_others(server: Server, client: Client) -> None:
    client.do("POST", "environments", {"name": "hurt", "specs": ["tool"]})
    (server.home.envs / "hurt/conda-meta/condaenv/revisions/0002.json").write_text("{")
    found = client.get("environments/hurt/revisions")
    assert ([one["number"] for one in found["revisions"]], found["damaged"]) == ([1], [2])
    assert client.call("GET", "environments/hurt/revisions/2").body["code"] == "broken"


def test_a_kernel_is_shown_and_started_as_one_chooses(client: Client) -> None:
    client.do("POST", "environments", {"name": "chosen", "specs": ["ipykernel"]})
    assert client.get("environments/chosen/kernel") == {"kernels": ["condaenv-chosen"], "options": {}}
    client.do("PUT", "environments/chosen/kernel", {"display_name": "Mine", "library_path": "prefix"})
    result = client.do("PUT", "environments/chosen/kernel", {"always_run": True, "inherit": ["PYTHONPATH"]})
    assert result["environment"]["kernels"] == ["condaenv-chosen"]
    options = {"display_name": "Mine", "library_path": "prefix", "always_run": True, "inherit": ["PYTHONPATH"]}
    assert client.get("environments/chosen/kernel")["options"] == options
    found = client.jupyter("GET", "kernelspecs/condaenv-chosen").body["spec"]
    assert found["display_name"] == "Mine"
    assert {"--always-run", "--library-path=prefix", "--inherit=PYTHONPATH"} <= set(found["argv"])
    for body in ({"library_path": "somewhere"}, {"inherit": ["HOME"]}, {"nothere": 1}):
        assert client.call("PUT", "environments/chosen/kernel", body).status == 400


def test_a_terminal_is_one_of_jupyters(client: Client) -> None:
    client.do("POST", "environments", {"name": "typed", "specs": ["tool"]})
    opened = client.call("POST", "environments/typed/terminals", {})
    assert opened.status == 201
    assert opened.body["name"] in [terminal["name"] for terminal in client.jupyter("GET", "terminals").body]
    assert client.call("POST", "environments/nowhere/terminals", {}).status == 404
    assert client.jupyter("DELETE", f"terminals/{opened.body['name']}").status == 204


def test_what_makes_an_environment_active_is_shown_once(client: Client) -> None:
    client.do("POST", "environments", {"name": "shown", "specs": ["tool"]})
    name = client.call("POST", "environments/shown/terminals", {}).body["name"]
    url = f"ws://127.0.0.1:{client.port}{client.base_url}terminals/websocket/{name}"
    terminal = websocket.create_connection(url, timeout=60, header=client.headers)
    said = ""
    with closing(terminal):
        terminal.send(json.dumps(["stdin", "exit\r"]))
        for kind, *what in iter(lambda: json.loads(terminal.recv()), ["disconnect", 1]):
            said += what[0] if kind == "stdout" else ""
    # A long line is wrapped, wherever that is.
    assert "".join(said.split()).count("jupyter_condaenv.cliactivate") == 1


def test_an_environment_that_nothing_can_be_started_in(client: Client) -> None:
    client.do("POST", "environments", {"name": "bare", "specs": ["tool"]})
    failure = client.follow(client.start("PUT", "environments/bare/kernel", {}))["outcome"]["failure"]
    assert (failure["code"], "ipykernel" in failure["hint"]) == ("refused", True)


def test_channels(client: Client, small_channel: Path) -> None:
    assert client.get("channels") == {
        "channels": [{"name": str(small_channel), "url": small_channel.as_uri()}],
        "channel_priority": "strict",
        "login_forgotten": "",
        "login_kept": "",
        "refused": None,
    }


def test_an_environment_from_a_file(server: Server, client: Client) -> None:
    text = "name: of-a-file\ndependencies: [tool <2, pip: [requests, -e .]]\nvariables: {MODE: dry}\n"
    refused = client.call("POST", "environments", {"file": {"name": "environment.yml", "text": text}})
    assert (refused.status, refused.body["code"]) == (400, "invalid_request")
    assert "'-e .' is an option of pip" in refused.body["message"]

    body = {"file": {"name": "environment.yml", "text": text}, "without_pip": True}
    job = client.start("POST", "plans", {"verb": "create", **body})
    assert client.follow(job)["outcome"]["state"] == "succeeded"
    assert client.get(f"plans/{job}")["variables"] == [{"name": "MODE", "value": "dry"}]
    made = client.follow(client.start("POST", "environments", body))
    assert made["outcome"]["result"]["environment"]["name"] == "of-a-file"
    assert "requests" in made["events"][0]["event"]["text"]
    assert versions(client, "of-a-file") == {"tool": "1.0"}
    assert '"MODE":"dry"' in (server.home.envs / "of-a-file" / "conda-meta" / "state").read_text()

    (package,) = client.get("environments/of-a-file/packages")["packages"]
    listed = f"@EXPLICIT\n{package['url']}#{package['md5']}\n"
    client.do("POST", "environments", {"name": "of-a-list", "file": {"name": "spec.txt", "text": listed}})
    assert versions(client, "of-a-list") == {"tool": "1.0"}

    exported = client.get("environments/of-a-file/export?format=environment.yml")
    assert exported["name"] == "environment.yml"
    assert "- tool <2\n" in exported["text"] and "MODE: dry" in exported["text"]
    assert "- tool=1.0=0\n" in client.get("environments/of-a-file/export?wanted=builds")["text"]
    assert package["url"] in client.get("environments/of-a-list/export?format=explicit")["text"]
    assert client.call("GET", "environments/of-a-file/export?format=docx").status == 400
    assert client.call("GET", "environments/nowhere/export").status == 404


@pytest.mark.slow
def test_a_plan_says_what_else_moves_and_how_much_room_it_takes(client: Client) -> None:
    client.do("POST", "environments", {"name": "moving", "specs": ["tool <2"]})
    client.do("PATCH", "environments/moving/packages", {"add": ["tool=*"]})

    def planned(**what: Any) -> dict[str, Any]:
        job = client.start("POST", "plans", {"verb": "change", "environment": "moving", **what})
        client.follow(job)
        answer = client.call("GET", f"plans/{job}")
        return dict(answer.body)

    plan = planned(add=["extra"])
    assert plan["unasked"] == [{"name": "tool", "because": "extra 1.0 needs tool >=2"}]
    assert plan["room"]["inodes"] > 0
    assert planned(add=["extra"], dependencies="freeze")["code"] == "unsatisfiable"
    assert [change["kind"] for change in planned(update_all=True)["changes"]] == ["upgrade"]
    old = planned(update_all=True, strategy={"exclude_newer": "2020-01-01"})
    assert old["changes"] == []
    body = {"verb": "change", "environment": "moving", "update_all": True, "strategy": {"exclude_newer": "soon"}}
    answer = client.call("POST", "plans", body)
    assert (answer.status, answer.body["details"]["field"]) == (400, "$.strategy.exclude_newer")


def test_packed_and_unpacked(client: Client, tmp_path: Path) -> None:
    client.do("POST", "environments", {"name": "carried", "specs": ["tool <2", "ipykernel"]})
    archive = str(tmp_path / "carried.tar.gz")
    assert client.do("POST", "environments/carried/packs", {"output": archive})["path"] == archive
    result = client.do("POST", "packed", {"name": "arrived", "archive": archive})
    assert result["environment"]["kernels"] == ["condaenv-arrived"]
    assert versions(client, "arrived") == versions(client, "carried")
    for body in ({"output": "carried.zip"}, {"output": ""}, {"output": "/\0"}):
        assert client.call("POST", "environments/carried/packs", body).status == 400
    assert client.call("POST", "packed", {"name": "x", "archive": "~/x.zip"}).status == 400


def test_adopted(client: Client) -> None:
    client.do("POST", "environments", {"name": "theirs", "specs": ["tool <2", "ipykernel"]})
    result = client.do("POST", "environments/theirs/adoption", {"display_name": "Mine now"})
    assert (result["revision"], result["environment"]["kernels"]) == (1, ["condaenv-theirs"])
    specs = client.jupyter("GET", "kernelspecs").body["kernelspecs"]
    assert specs["condaenv-theirs"]["spec"]["display_name"] == "Mine now"
