"""The programs that people and their schedules run cells with, each in the same kernel of one environment."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import nbformat
import papermill
import pexpect
import psutil
import pytest
from nbclient import NotebookClient

from jupyter_condaenv.engine.model import Changed, CreateEnvironment, Settings
from jupyter_condaenv.jobs import Jobs
from tests.channel import home
from tests.conftest import lay_out
from tests.jupyter import PATIENCE, JupyterServer, ServerError, Visitor, free_port
from tests.server import proxy

from .conftest import SCRIPT, WAIT, Kernel, as_vs_code_starts_it, manager_of, started

NAME = "condaenv-geo"
SEEN = "import os; print(os.environ['FROM_SCRIPT'], os.getpid(), os.getppid(), sep='|')"
# A terminal shows what is typed as well: what is waited for must not stand in the code itself.
WAITS = "import signal; print('wait' + 'ing', flush=True); signal.pause()"
ASKS = "print(input('Who' + '? ').upper())"
PROGRAMS = Path(sys.executable).parent


class House(NamedTuple):
    """A home with one environment, which has a kernel and a script."""

    folder: Path
    settings: Settings
    prefix: Path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, channel_dir: Path, warm_cache: Path) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("CONDAENV_TEST_CHANNEL", str(home()))  # also what npm has installed is there
        settings = lay_out(folder, channel_dir, warm_cache, monkeypatch)
        monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # its warning would be among what a terminal shows
        prefix = Path(settings.envs_dirs[0], "geo")
        job = Jobs(settings).start(CreateEnvironment(prefix=str(prefix), specs=("python", "ipykernel")))
        assert job.wait(240) and isinstance(job.result(), Changed)
        script = prefix / "etc/conda/activate.d/script.sh"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(SCRIPT)
        yield House(folder, settings, prefix)


class Session(NamedTuple):
    """A kernel, as the one has it in hand who runs cells in it. What a program cannot do is None."""

    launcher: int
    """The process that starts kernels."""
    run: Callable[..., str]
    """What a cell prints, or its error. ``answer`` is typed where it asks, ``seen`` is told what it prints."""
    interrupt: Callable[[], object]
    restart: Callable[[], object] | None
    shutdown: Callable[[], object]


# --- each program -----------------------------------------------------------------------------------------------------


@contextmanager
def by_jupyter_client(house: House) -> Iterator[Session]:
    manager = manager_of(house.settings, NAME)
    with started(manager) as kernel:
        yield _managed(kernel)


@contextmanager
def by_vs_code(house: House) -> Iterator[Session]:
    manager = as_vs_code_starts_it(manager_of(house.settings, NAME), house.prefix)
    with started(manager) as kernel:
        yield _managed(kernel)


def _managed(kernel: Kernel) -> Session:
    def restart() -> None:
        kernel.manager.restart_kernel()
        kernel.client.wait_for_ready(timeout=WAIT)

    return Session(
        launcher=os.getpid(),
        run=kernel.run,
        interrupt=kernel.manager.interrupt_kernel,
        restart=restart,
        shutdown=kernel.manager.shutdown_kernel,
    )


@contextmanager
def by_console(house: House) -> Iterator[Session]:
    arguments = ["--kernel", NAME, "--simple-prompt"]
    with pexpect.spawn(str(PROGRAMS / "jupyter-console"), arguments, encoding="utf-8", timeout=WAIT) as console:
        console.setwinsize(40, 400)
        prompt = r"In \[\d+\]: "
        console.expect(prompt)

        def run(code: str, answer: str | None = None, seen: Callable[[str], object] = len) -> str:
            console.sendline(code)
            if answer is not None:
                console.expect_exact("Who? ")
                console.sendline(answer)
            if code == WAITS:
                console.expect_exact("waiting")
                seen("waiting")
            console.expect(prompt)
            return str(console.before).partition("\n")[2].strip()

        def shutdown() -> None:
            console.sendline("exit")
            console.expect(pexpect.EOF)

        yield Session(console.pid, run, interrupt=console.sendintr, restart=None, shutdown=shutdown)


@contextmanager
def by_kernel_gateway(house: House) -> Iterator[Session]:
    with _gateway(house) as (port, pid):
        yield _over_http(Visitor(port, "/", {}), pid)


@contextmanager
def by_server_with_gateway(house: House) -> Iterator[Session]:
    """A Jupyter server whose kernels a gateway starts: its GatewayClient."""
    with _gateway(house) as (port, pid):
        env = {**os.environ, "JUPYTER_GATEWAY_URL": f"http://127.0.0.1:{port}"}
        server = JupyterServer(house.folder, env, token="let-me-in")
        try:
            yield _over_http(Visitor(server.port, "/", {"Authorization": "token let-me-in"}), pid)
        finally:
            server.end()


@contextmanager
def _gateway(house: House) -> Iterator[tuple[int, int]]:
    port = free_port()
    places = ["--KernelGatewayApp.ip=127.0.0.1", f"--KernelGatewayApp.port={port}"]
    with _running([str(PROGRAMS / "jupyter-kernelgateway"), *places], house.folder, "is available at") as pid:
        yield port, pid


@contextmanager
def by_single_user_server_of_a_hub(house: House) -> Iterator[Session]:
    """JupyterHub starts it, and all goes through its proxy."""
    port, token = free_port(), secrets.token_hex(16)
    settings = {
        "JupyterHub.bind_url": f"http://127.0.0.1:{port}",
        "JupyterHub.hub_port": free_port(),
        "JupyterHub.db_url": f"sqlite:///{house.folder}/hub.sqlite",
        "JupyterHub.authenticator_class": "dummy",
        "JupyterHub.services": [{"name": "tests", "api_token": token}],
        "JupyterHub.load_roles": [
            {"name": "tests", "services": ["tests"], "scopes": ["admin:users", "admin:servers", "admin:server_state"]},
            {"name": "visits", "services": ["tests"], "scopes": ["access:servers"]},
        ],
        "ConfigurableHTTPProxy.api_url": f"http://127.0.0.1:{free_port()}",
        "ConfigurableHTTPProxy.command": [proxy.program()],
        "JupyterHub.spawner_class": "simple",
        "SimpleLocalProcessSpawner.home_dir_template": str(house.folder),
        "Spawner.cmd": [str(PROGRAMS / "jupyterhub-singleuser"), "--allow-root"],
        "Spawner.environment": {name: text for name, text in os.environ.items() if name.startswith("JUPYTER_")},
    }
    config = house.folder / "jupyterhub_config.py"
    config.write_text("".join(f"c.{name} = {value!r}\n" for name, value in settings.items()))
    with _running([str(PROGRAMS / "jupyterhub"), "-f", str(config)], house.folder, "JupyterHub is now running"):
        headers = {"Authorization": f"token {token}"}
        hub = Visitor(port, "/hub/", headers)
        assert hub.jupyter("POST", "users/ada").status == 201
        assert hub.jupyter("POST", "users/ada/server").status in (201, 202)
        assert b'"ready": true' in hub.jupyter("GET", "users/ada/server/progress").body, "it ends when the server is up"
        server = hub.jupyter("GET", "users/ada").body["servers"][""]
        yield _over_http(Visitor(port, server["url"], headers), server["state"]["pid"])


def _over_http(visitor: Visitor, launcher: int) -> Session:
    made = visitor.jupyter("POST", "kernels", {"name": NAME})
    assert made.status == 201, made.body
    place = f"kernels/{made.body['id']}"

    def run(code: str, answer: str | None = None, seen: Callable[[str], object] = len) -> str:
        cell = visitor.run_in(made.body["id"], code, answer, seen)
        return (cell.text + cell.error).strip()

    return Session(
        launcher,
        run,
        interrupt=lambda: visitor.jupyter("POST", f"{place}/interrupt"),
        restart=lambda: visitor.jupyter("POST", f"{place}/restart"),
        shutdown=lambda: visitor.jupyter("DELETE", place),
    )


@contextmanager
def _running(command: list[str], folder: Path, says: str) -> Iterator[int]:
    """The process id of a program that ``says`` in its log when it can be used."""
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    reader = Thread(target=process.stderr.read)
    try:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if says in line:
                break
        else:
            raise ServerError("".join(lines))
        reader.start()
        yield process.pid
    finally:
        process.terminate()
        process.wait(PATIENCE)
        if reader.ident:
            reader.join(PATIENCE)
        process.stderr.close()


# --- what each can do -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "program",
    [
        by_jupyter_client,
        by_vs_code,
        pytest.param(by_console, marks=pytest.mark.slow),
        pytest.param(by_kernel_gateway, marks=pytest.mark.slow),
        pytest.param(by_server_with_gateway, marks=pytest.mark.slow),
        pytest.param(by_single_user_server_of_a_hub, marks=pytest.mark.slow),
    ],
    ids=lambda program: program.__name__[3:],
)
def test_a_session(house: House, program: Callable[[House], AbstractContextManager[Session]]) -> None:
    with program(house) as session:
        kernel = seen_in(session, house)
        assert session.run(ASKS, answer="ada") == "ADA"
        error = session.run(WAITS, seen=lambda text: session.interrupt() if "waiting" in text else None)
        assert "KeyboardInterrupt" in error
        assert seen_in(session, house) == kernel, "it goes on"
        if session.restart:
            session.run("kept = 1")
            session.restart()
            assert "NameError" in session.run("kept")
            kernel = seen_in(session, house)
        session.shutdown()
        kernel.wait(WAIT)


def seen_in(session: Session, house: House) -> psutil.Process:
    """The kernel, which must have its variables and be the very process that was started."""
    said, pid, parent = session.run(SEEN).split("|")
    assert (said, int(parent)) == (f"it ran in {house.prefix}", session.launcher)
    return psutil.Process(int(pid))


OPTIONS: dict[str, Any] = {
    "kernel_name": NAME,
    "allow_errors": True,
    "interrupt_on_timeout": True,
    "timeout_func": lambda cell: 1 if cell.source == WAITS else WAIT,
}


def by_nbclient(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    return NotebookClient(notebook, **OPTIONS).execute()


def by_papermill(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    given, made = folder / "given.ipynb", folder / "made.ipynb"
    nbformat.write(notebook, given)
    with pytest.raises(papermill.PapermillExecutionError):
        papermill.execute_notebook(given, made, progress_bar=False, **OPTIONS)
    return nbformat.read(made, as_version=4)


@pytest.mark.parametrize("program", [by_nbclient, by_papermill], ids=lambda program: program.__name__[3:])
def test_a_whole_notebook(
    house: House, tmp_path: Path, program: Callable[[nbformat.NotebookNode, Path], nbformat.NotebookNode]
) -> None:
    cells = [nbformat.v4.new_code_cell(code) for code in (SEEN, ASKS, WAITS, SEEN)]
    made = program(nbformat.v4.new_notebook(cells=cells), tmp_path)
    first, asked, interrupted, last = (_shown(cell) for cell in made.cells if cell.cell_type == "code")
    said, pid, parent = first.split("|")
    assert (said, int(parent)) == (f"it ran in {house.prefix}", os.getpid())
    assert "StdinNotImplementedError" in asked, "nobody is there to ask"
    assert "KeyboardInterrupt" in interrupted
    assert last == first
    assert not psutil.pid_exists(int(pid))


def test_from_a_schedule(house: House, tmp_path: Path) -> None:
    """As cron and systemd start programs: with next to no variables, no terminal, and a session of its own."""
    notebook = tmp_path / "nightly.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SEEN)]), notebook)
    where = {name: value for name, value in os.environ.items() if name == "HOME" or name.startswith("JUPYTER_")}
    subprocess.run(
        [PROGRAMS / "jupyter-execute", "--inplace", f"--kernel_name={NAME}", notebook],
        env={"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", **where},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        check=True,
        timeout=WAIT,
    )
    (cell,) = nbformat.read(notebook, as_version=4).cells
    assert _shown(cell).startswith(f"it ran in {house.prefix}|")


def _shown(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("text") or f"{output.get('ename')}" for output in cell.outputs).strip()
