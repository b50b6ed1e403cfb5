"""Thousands of requests made up from the OpenAPI document: no 500, and no answer that it does not promise."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .house import BASE_URL, TOKEN, Home, Serve

REQUESTS = 5000
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance"
)
RUN = "from schemathesis.cli import schemathesis; schemathesis()"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_requests_made_up_from_the_document(home: Home, serve: Serve, tmp_path: Path) -> None:
    server = serve()
    client = server.client()
    job = client.start("POST", "environments", {"name": "a", "specs": ["tool"]})
    assert client.follow(job)["outcome"]["state"] == "succeeded"
    plan = client.start("POST", "plans", {"verb": "change", "environment": "a", "add": ["extra"]})
    client.follow(plan)
    asked = {"verb": "change", "environment": "a", "add": ["tool=9"], "seconds": 5}
    explanation = client.start("POST", "explanations", asked)
    client.follow(explanation)
    lock = client.start("POST", "locks", {"environment": "a", "platforms": [{"platform": "osx-arm64"}]})
    client.follow(lock)
    client.do("POST", "packages", {})
    # What the document cannot know: what there is.
    config = tmp_path / "schemathesis.toml"
    known = {"environment": "a", "job": job, "plan": plan, "explanation": explanation, "lock": lock, "number": "1"}
    known["package"] = "tool"
    config.write_text("[parameters]\n" + "".join(f'{name} = "{value}"\n' for name, value in known.items()))

    url = f"http://127.0.0.1:{server.port}{BASE_URL}condaenv"
    command = [sys.executable, "-c", RUN, "--config-file", str(config), "run", f"{url}/openapi.json", "--url", url]
    command += ["--header", f"Authorization: token {TOKEN}", "--checks", CHECKS, "--max-examples", "30", "--no-color"]
    command += ["--suppress-health-check", "filter_too_much"]  # of texts made up, few can stand in a path
    command += ["--phases", "examples,coverage,fuzzing", "--exclude-operation-id", "delete_environments_environment"]
    command += ["--exclude-operation-id", "post_environments_environment_terminals"]  # hundreds of shells
    done = subprocess.run(command, cwd=tmp_path, env=home.env, capture_output=True, text=True, timeout=1100)
    assert done.returncode == 0, done.stdout
    counted = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert counted is not None, done.stdout
    assert int(counted[1]) == int(counted[2]) >= REQUESTS
    assert server.faults == []
    assert client.jupyter("GET", "status").status == 200
