"""How the extension comes into a server: enabled by the installation, light, and configured as every face is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from .house import Home, Serve

LOADED = """
import sys
from jupyter_condaenv import _jupyter_server_extension_points
(point,) = _jupyter_server_extension_points()
print(point["app"].name, *sys.modules)
"""


@pytest.mark.slow
def test_the_installation_enables_it(home: Home) -> None:
    command = [sys.executable, "-m", "jupyter", "server", "extension", "list"]
    done = subprocess.run(command, env=home.env, capture_output=True, text=True, timeout=120, check=True)
    said = [" ".join(line.split()) for line in (done.stdout + done.stderr).splitlines()]
    assert any(line.startswith("jupyter_condaenv") and "enabled" in line for line in said), said


def test_nothing_heavy_is_loaded_at_start(home: Home) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], env=home.env, capture_output=True, text=True, timeout=120, check=True
    )
    name, *modules = done.stdout.split()
    assert name == "jupyter_condaenv"
    assert not {"rattler", "IPython", "rich", "pandas"} & {module.partition(".")[0] for module in modules}
    assert "jupyter_condaenv.engine.operations" not in modules


@pytest.mark.slow
def test_kernels_are_found_wherever_they_are_configured_to_lie(home: Home, serve: Serve) -> None:
    home.configure(kernels_dir=str(home.folder / "elsewhere"), channels=["conda-forge"])
    folder = home.folder / "elsewhere" / "condaenv-a"
    folder.mkdir(parents=True)
    client = serve().client()
    spec = {"argv": ["true"], "display_name": "a", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    assert {"condaenv-a", "python3"} <= set(client.jupyter("GET", "kernelspecs").body["kernelspecs"])
    (folder / "kernel.json").unlink()
    assert "condaenv-a" not in client.jupyter("GET", "kernelspecs").body["kernelspecs"]


@pytest.mark.slow
def test_the_own_file_comes_after_the_common_ones(home: Home, serve: Serve) -> None:
    """As for every other face."""
    home.configure(channels=["ours"])
    common = {
        "CondaEnv": {"channels": ["common"], "channel_priority": "flexible", "channel_alias": "https://one.example"}
    }
    (home.folder / "config" / "jupyter_config.json").write_text(json.dumps(common))
    servers_own = {"CondaEnv": {"channels": ["servers"], "channel_alias": "https://two.example"}}
    (home.folder / "config" / "jupyter_server_config.json").write_text(json.dumps(servers_own))
    found = serve().client().get("channels")
    assert found["channels"] == [{"name": "ours", "url": "https://one.example/ours"}]
    assert found["channel_priority"] == "flexible"


@pytest.mark.slow
@pytest.mark.parametrize(
    "file", ["jupyter_condaenv_config.json", pytest.param("jupyter_server_config.json", marks=pytest.mark.slow)]
)
def test_a_configuration_that_cannot_be_used_is_said_and_mended_without_a_restart(
    home: Home, serve: Serve, file: str
) -> None:
    path = home.folder / "config" / file
    path.write_text(json.dumps({"CondaEnv": {"channels": ["ours"], "solve_timeout": "soon"}}))
    server = serve()
    assert not server.faults
    assert any("solve_timeout" in line and str(path.parent) in line for line in server.log)
    answer = server.client().call("GET", "channels")
    assert (answer.status, answer.body["code"]) == (400, "invalid_request")
    assert "solve_timeout" in answer.body["message"]
    assert str(path.parent) in answer.body["hint"]
    home.configure(channels=["mended"], solve_timeout=7)
    assert [one["name"] for one in server.client().get("channels")["channels"]] == ["mended"]


@pytest.mark.slow
def test_a_condarc_that_cannot_be_read_is_said_and_mended_without_a_restart(home: Home, serve: Serve) -> None:
    condarc = home.folder / ".condarc"
    condarc.write_text("channels: [")
    home.configure()
    client = serve().client()
    answer = client.call("GET", "channels")
    assert (answer.status, answer.body["code"]) == (400, "invalid_request")
    assert str(condarc) in answer.body["message"]
    condarc.write_text("channels: [ours]")
    assert [one["name"] for one in client.get("channels")["channels"]] == ["ours"]
