"""``%condaenv install`` in the cells of a running kernel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from jupyter_condaenv.engine.model import Settings, StackEnvironment
from jupyter_condaenv.jobs import Jobs
from tests.channel import ChannelServer, index, write_package
from tests.channel.pypi import PackageIndex, ask, write_wheel

from .conftest import WAIT, Notebook, Open, do, installed


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A channel of packages of a few bytes: ``tool``, and what Python or activation reads when a kernel starts."""
    place = tmp_path / "small"
    packages = "lib/python{}.{}/site-packages".format(*sys.version_info)
    write_package(place, "tool", "1.0", files={f"{packages}/tool.py": "version = 1\n"}, noarch="generic")
    write_package(place, "paths", "1.0", files={f"{packages}/paths.pth": "/somewhere\n"}, noarch="generic")
    script = {"etc/conda/activate.d/sets.sh": "export FROM_SETS=1\n"}
    write_package(place, "sets", "1.0", files=script, noarch="generic")
    write_package(place, "big", "1.0", files={"share/big": bytes(range(256)) * 4000}, noarch="generic")
    index(place)
    return place


def test_the_next_cell_imports_it(notebook: Notebook, geo: Path) -> None:
    cell = notebook.run("%condaenv install threadpoolctl>=3,<4 'joblib >1'  # for the paper")
    assert not cell.error
    new = {line.split()[1]: line.split()[2] for line in cell.lines if line.startswith("  new  ")}
    assert new.items() <= installed(geo).items()
    assert {"joblib", "threadpoolctl"} <= set(new)
    assert "to download" in cell.text
    assert cell.lines[-1] == "geo is at revision 2. No restart is needed."
    imported = notebook.run("import joblib, threadpoolctl; print(joblib.__file__)")
    assert imported == (f"{next(geo.glob('lib/python*'))}/site-packages/joblib/__init__.py\n", "")


def test_it_is_there_without_anything_in_the_environment(notebook: Notebook, geo: Path) -> None:
    assert notebook.run("%condaenv").text.startswith("%condaenv install SPEC...")
    shown = notebook.run("import sys\nprint([path for path in sys.path if 'launch' in path])")
    assert shown.text == "[]\n"
    assert not list(geo.rglob("*condaenv_magics*"))


@pytest.mark.slow
def test_what_pip_installs_is_imported_by_the_next_cell(
    geo: Path, open_notebook: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wheel(tmp_path / "pypi", "alib", "1.0")
    write_wheel(tmp_path / "pypi", "atool", "1.0", requires=["alib"])
    with PackageIndex(tmp_path / "pypi") as of_pip:
        ask(of_pip, monkeypatch, tmp_path)
        notebook = open_notebook("geo")
        cell = notebook.run("%condaenv install --pip atool>=1")
        assert not cell.error
        assert cell.lines[-2:] == ["By pip: alib 1.0, atool 1.0.", "geo is at revision 2. No restart is needed."]
        assert notebook.run("import atool, alib; print(atool.VERSION, alib.VERSION)").text == "1.0 1.0\n"
        refused = notebook.run("%condaenv install --pip smallpkg>=2")
        assert "conda's smallpkg 1.1 is there" in refused.text + refused.error


@pytest.mark.slow
def test_what_a_file_asks_for(notebook: Notebook, geo: Path, small: Path, tmp_path: Path) -> None:
    file = tmp_path / "environment.yml"
    file.write_text(f"channels: [{small.as_uri()}]\ndependencies: [tool]\nvariables: {{MODE: dry}}\n")
    cell = notebook.run(f"%condaenv install --file {file}")
    assert not cell.error and "  new  tool" in cell.text
    assert cell.lines[-1] == "Restart the kernel, because this takes effect when it starts: state."
    assert notebook.run("import tool; print(tool.version)").text == "1\n"
    assert "exactly which packages" in notebook.run(f"%condaenv install -f {_lock(tmp_path)}").error


def _lock(folder: Path) -> Path:
    path = folder / "explicit.txt"
    path.write_text("@EXPLICIT\nhttps://h/c/noarch/a-1-0.conda#" + "1" * 32)
    return path


@pytest.mark.slow
def test_who_looks_on_sees_how_far_it_is(notebook: Notebook) -> None:
    cell = notebook.run("%condaenv install threadpoolctl")
    steps = [part.rstrip() for part in cell.text.replace("\n", "\r").split("\r")]
    assert [step for step in ("Solving", "Linking packages", "Checking every file") if step in steps] == [
        "Solving",
        "Linking packages",
        "Checking every file",
    ]


@pytest.mark.slow
def test_what_would_be_replaced_waits_for_the_restart(notebook: Notebook, geo: Path) -> None:
    assert notebook.run("import smallpkg").error == ""
    cell = notebook.run("%condaenv install smallpkg>=2")
    assert "  up  smallpkg  1.1 -> 2.0" in cell.text
    assert cell.lines[-3].startswith("Nothing is changed yet, because this kernel may have loaded")
    assert "restart the kernel" in cell.lines[-2]
    assert installed(geo)["smallpkg"] == "1.1"
    notebook.restart()
    version, told = sorted(notebook.run("import smallpkg; print(smallpkg.__version__)").lines)
    assert version == "2.0" and told.startswith("condaenv: What waited was done before this kernel started: ")


@pytest.mark.slow
def test_now_names_what_is_loaded(notebook: Notebook, geo: Path) -> None:
    notebook.run("import smallpkg")
    cell = notebook.run("%condaenv install smallpkg>=2 --now")
    assert installed(geo)["smallpkg"] == "2.0"
    assert cell.lines[-1] == "Restart the kernel, because what this kernel has loaded was replaced (smallpkg)."


@pytest.mark.slow
def test_what_moves_unasked_is_told_with_the_reason(notebook: Notebook, small: Path) -> None:
    write_package(small, "helper", "1.0", noarch="generic")
    write_package(small, "early", "1.0", depends=["helper"], noarch="generic")
    index(small)
    notebook.run(f"%condaenv install early -c {small.as_uri()}")
    write_package(small, "helper", "2.0", noarch="generic")
    write_package(small, "mover", "1.0", depends=["helper >=2"], noarch="generic")
    index(small)
    lines = notebook.run("%condaenv install mover --now").lines
    assert lines[lines.index("Not asked for, but:") + 1] == "  helper: mover 1.0 needs helper >=2"


@pytest.mark.slow
def test_now_without_having_it_loaded_needs_no_restart(notebook: Notebook) -> None:
    cell = notebook.run("%condaenv install smallpkg>=2 --now")
    assert cell.lines[-1].endswith("No restart is needed.")
    assert notebook.run("import smallpkg; print(smallpkg.__version__)").text == "2.0\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "file"), [("sets", "sets.sh"), pytest.param("paths", "paths.pth", marks=pytest.mark.slow)]
)
def test_what_is_read_at_start_needs_a_restart(notebook: Notebook, small: Path, package: str, file: str) -> None:
    cell = notebook.run(f"%condaenv install {package} -c {small.as_uri()}")
    assert cell.lines[-1] == f"Restart the kernel, because this takes effect when it starts: {file}."


def test_what_is_there_already(notebook: Notebook) -> None:
    cell = notebook.run("%condaenv install python")
    assert not cell.error
    assert cell.lines[-1].endswith("No restart is needed.") or cell.lines[-1] == "No package changed."


@pytest.mark.slow
def test_variables_are_put_in_as_everywhere_in_ipython(notebook: Notebook, geo: Path) -> None:
    notebook.run("name = 'threadpoolctl'\n%condaenv install {name}")
    assert "threadpoolctl" in installed(geo)


CANNOT_BE = {
    "install nothere": "No candidates were found for nothere",
    "install >=2": "'>=2' is not a package request",
    "install ''": "is not a package request",
    'install "numpy': "A quote is not closed",
    "install": "Nothing was asked for.",
    "uninstall numpy": "%condaenv does not know 'uninstall'.",
    "list": "jupyter condaenv --help",
    "install --nothere numpy": "unrecognized arguments: --nothere",
}


def test_what_cannot_be(notebook: Notebook, geo: Path) -> None:
    before = installed(geo)
    for line, error in CANNOT_BE.items():
        cell = notebook.run(f"%condaenv {line}")
        assert error in cell.error, line
        assert "Traceback" not in cell.error and "jupyter condaenv add" not in cell.error
    assert installed(geo) == before


@pytest.mark.slow
def test_an_interrupt_cancels_and_leaves_it_whole(notebook: Notebook, geo: Path, small: Path, site: Settings) -> None:
    before = installed(geo)
    with ChannelServer(small, stall={"*/big-*.conda"}) as channel:

        def stop_at_download(text: str) -> None:
            if "Fetching" in text:
                notebook.manager.interrupt_kernel()

        cell = notebook.run(f"%condaenv install big -c {channel.url}", stop_at_download)
        assert cell.error.startswith("error: ")
        assert "Traceback" not in cell.error
        job = next(iter(Jobs(site).list()))
        assert job.wait(WAIT) and job.state == "cancelled"
        assert installed(geo) == before
        assert notebook.run("print(1 + 1)") == ("2\n", "")

        channel.release()
        channel.stall = set()
        assert not notebook.run(f"%condaenv install big -c {channel.url}").error
    assert "big" in installed(geo)


@pytest.mark.slow
def test_the_command_line_is_killed_and_the_job_goes_on(notebook: Notebook, geo: Path, site: Settings) -> None:
    def kill_at_solve(text: str) -> None:
        if "Solving" in text:
            for child in psutil.Process(notebook.pid).children():
                child.kill()

    cell = notebook.run("%condaenv install threadpoolctl", kill_at_solve)
    job = next(iter(Jobs(site).list()))
    assert f"the job {job.id} is gone; the job itself goes on" in cell.error
    assert job.wait(WAIT) and job.state == "succeeded"
    assert "threadpoolctl" in installed(geo)


@pytest.mark.slow
def test_an_overlay_gets_it_and_its_base_does_not(geo: Path, site: Settings, open_notebook: Open) -> None:
    over = geo.with_name("over")
    do(site, StackEnvironment(prefix=str(over), base=str(geo)))
    notebook = open_notebook("over")
    before = installed(geo)
    assert not notebook.run("%condaenv install threadpoolctl").error
    assert notebook.run("import threadpoolctl as t; print(t.__file__)").text.startswith(str(over))
    assert installed(geo) == before
    assert list(installed(over)) == ["threadpoolctl"]


@pytest.mark.slow
def test_libraries_of_the_environment_are_not_the_other_python_s(notebook: Notebook, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libc.so.6").write_text("no library")
    notebook.run(f"import os; os.environ['LD_LIBRARY_PATH'] = {str(tmp_path / 'lib')!r}")
    assert not notebook.run("%condaenv install threadpoolctl").error


def test_the_installation_that_registered_the_kernel_is_gone(geo: Path, site: Settings, open_notebook: Open) -> None:
    (registrar,) = Path(site.data_dir, "launch").glob("*/registrar")
    notebook = open_notebook("geo")
    registrar.write_text("/not/there/python\n")
    notebook.restart()
    cell = notebook.run("%condaenv install threadpoolctl")
    assert "/not/there/python, which registered this kernel, cannot be run" in cell.error
    assert notebook.run("print(1 + 1)").text == "2\n"


def test_the_installation_that_registered_the_kernel_lacks_the_package(geo: Path, site: Settings) -> None:
    (cli,) = Path(site.data_dir, "launch").glob("*/cli.py")
    ran = subprocess.run([sys.executable, "-I", cli, "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout.strip()


def test_a_kernel_that_we_did_not_register(site: Settings) -> None:
    command = [sys.executable, "-m", "IPython", "--ext=jupyter_condaenv", "--no-banner", "--colors=NoColor", "-c"]
    shown = subprocess.run([*command, "%condaenv"], capture_output=True, text=True, check=True)
    assert "%condaenv install SPEC..." in shown.stdout
    refused = subprocess.run([*command, "%condaenv install tool"], capture_output=True, text=True, check=False)
    assert f"in no conda environment, but in {sys.prefix}" in refused.stdout + refused.stderr
    assert "jupyter condaenv create NAME ipykernel" in refused.stdout + refused.stderr
