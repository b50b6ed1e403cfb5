"""A record that says of itself what its archive is not: never applied, and mended where it is there already."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import identity, lockfiles, plans
from jupyter_condaenv.engine.errors import InvalidRequest, Tampered
from jupyter_condaenv.engine.model import (
    ApplyPlan,
    ChangePackages,
    CheckHealth,
    CreateEnvironment,
    Examined,
    Lock,
    Package,
    Plan,
    Planned,
    PlanRequest,
    Settings,
    Variable,
)
from jupyter_condaenv.engine.prefix import record_files
from jupyter_condaenv.jobs.records import without_secrets
from tests.channel import index

from .child import operate
from .harness import problems, tree
from .tiny import generic

Make = Callable[..., Settings]
HOST = "https://host/c"


def package(file_name: str, subdir: str = "noarch", **fields: Any) -> Package:
    name, version, build = file_name.rsplit(".conda")[0].rsplit("-", 2)
    known = {"name": name, "version": version, "build": build, "subdir": subdir, "file_name": file_name}
    url = f"{HOST}/{subdir}/{file_name.replace('!', '%21').replace('+', '%2B')}"
    return Package(**{"url": url, "channel": HOST, "sha256": "1" * 64, **known, **fields})


@pytest.fixture
def own(settings: Make, tmp_path: Path) -> Settings:
    channel = tmp_path / "channel"
    for version in ("1.0", "2.0"):
        generic(channel, "lib", version)
    generic(channel, "app", "1.0", depends=["lib"])
    index(channel)
    return settings(channels=(channel.as_uri(),))


@pytest.fixture
def prefix(own: Settings) -> Path:
    made = Path(own.envs_dirs[0]) / "demo"
    operate(CreateEnvironment(prefix=str(made), specs=("lib=1",)), own)
    return made


@pytest.mark.parametrize(
    "sound",
    [
        package("a-1.0-0.conda"),
        package("a_b-c-1!2.0+cuda12-py_0.conda", subdir="linux-64"),
        package("markupsafe-1.0-0.conda", url=f"{HOST}/noarch/MarkupSafe-1.0-0.conda"),
        package("a-1.0-0.conda", url="https://elsewhere/download/a-1.0-0.conda"),  # a base_url has folders of its own
        package("a-1.0-0.conda", url="https://files.example/a-9.9-py3-none-any.whl"),
    ],
    ids=str,
)
def test_what_is_of_its_archive(sound: Package) -> None:
    assert identity.of_url(sound) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "b"), ("version", "9.9"), ("build", "9"), ("subdir", "linux-64"), ("file_name", "a-9.9-0.conda")],
)
def test_a_lock_that_was_altered_is_refused_and_the_field_named(field: str, value: str) -> None:
    altered = replace(package("a-1.0-0.conda"), **{field: value})
    lock = Lock(platform="linux-64", channels=(HOST,), specs=("a",), packages=(altered,))
    with pytest.raises(InvalidRequest, match=f"its {field.replace('_', ' ')} is '{value}'") as caught:
        lockfiles.check(lock, "a.json")
    assert caught.value.details == {"package": altered.name, "field": field}


def planned(prefix: Path, settings: Settings) -> Plan:
    shown, _ = operate(
        PlanRequest(prefix=str(prefix), request=ChangePackages(prefix=str(prefix), add=("app",))), settings
    )
    assert isinstance(shown, Planned)
    return shown.plan


def altered(plan: Plan, **fields: Any) -> Plan:
    """``plan`` with other ``fields`` of app, wherever they stand."""
    packages = tuple(replace(one, **fields) if one.name == "app" else one for one in plan.lock.packages)
    (change,) = plan.changes
    assert change.after is not None
    return replace(
        plan,
        lock=replace(plan.lock, packages=packages),
        changes=(replace(change, after=replace(change.after, **fields)),),
    )


def test_an_altered_plan_is_not_applied(own: Settings, prefix: Path) -> None:
    plan = planned(prefix, own)
    before = tree(prefix)
    app = package("app-9.9-0.conda", channel=own.channels[0], url=f"{own.channels[0]}/noarch/app-1.0-0.conda")
    for wrong in (
        altered(plan, constrains=("other >1",)),
        replace(plan, changes=()),
        replace(plan, verb="remove app"),
        replace(plan, lock=replace(plan.lock, specs=("lib",))),
        replace(plan, lock=replace(plan.lock, channels=("https://conda.example.org/other",))),
        replace(plan, variables=(Variable(name="LD_PRELOAD", value="/tmp/other.so"),)),
        replace(plan, seal=""),
    ):
        with pytest.raises(InvalidRequest, match="The plan is not as it was made"):
            operate(ApplyPlan(prefix=str(prefix), plan=wrong), own)
        assert tree(prefix) == before
    for wrong, error, text in (
        (altered(plan, version="9.9"), InvalidRequest, "its version is '9.9'"),
        (replace(plan, changes=()), InvalidRequest, "changes that the plan shows"),
        (altered(plan, build_number=7), Tampered, "its build number is '7', and its archive says '0'"),
        (altered(plan, **{name: getattr(app, name) for name in ("version", "file_name")}), InvalidRequest, "'9.9'"),
    ):
        with pytest.raises(error, match=text):
            operate(ApplyPlan(prefix=str(prefix), plan=plans.sealed(wrong)), own)
        assert tree(prefix) == before
    operate(ApplyPlan(prefix=str(prefix), plan=plan), own)
    assert (prefix / "share/app.txt").exists()


def test_a_plan_passes_as_jobs_keep_it(own: Settings, prefix: Path) -> None:
    """Without secrets, and with what could be taken for one."""
    plan = planned(prefix, own)
    specs = ("demo @ https://host/demo.whl#sha256=0f", "x @ https://host/x.zip?token=0#subdirectory=y")
    sealed = plans.sealed(replace(plan, lock=replace(plan.lock, pip_specs=specs)))
    kept = msgspec.json.decode(msgspec.json.encode(without_secrets(Planned(plan=sealed))), type=Planned).plan
    assert kept.lock.pip_specs == (specs[0], "x @ https://host/x.zip")
    plans.check_seal(kept)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"version": "9.9"}, "its version is '9.9', and the name of its archive says '1.0'"),
        ({"build_number": 7}, "its build number is '7', and its archive says '0'"),
        ({"subdir": "linux-64"}, "its subdir is 'linux-64', and the name of its archive says 'noarch'"),
        ({"version": "9.9", "url": "9.9", "fn": "9.9"}, "its version is '9.9', and its archive says '1.0'"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("file", ["its own", pytest.param("of that version", marks=pytest.mark.slow)])
def test_doctor_sees_and_mends_a_record_of_another_package(
    file: str, fields: dict[str, Any], text: str, own: Settings, prefix: Path
) -> None:
    whole = tree(prefix, ours=False)
    (record,) = record_files(prefix)
    data = json.loads(record.read_bytes())
    for field, value in fields.items():
        data[field] = data[field].replace("lib-1.0-", f"lib-{value}-") if field in ("url", "fn") else value
    record.unlink()
    place = record if file == "its own" else record.with_name(f"lib-{data['version']}-0.json")
    place.write_text(json.dumps(data))

    result, _ = operate(CheckHealth(prefix=str(prefix)), own)
    assert isinstance(result, Examined)
    (finding,) = result.health.findings
    assert (finding.code, finding.packages, finding.fixable) == ("damaged_record", ("lib",), True)
    assert text in finding.text

    result, _ = operate(CheckHealth(prefix=str(prefix), fix=True), own)
    assert isinstance(result, Examined)
    assert result.health.findings == ()
    assert [one.code for one in result.health.fixed] == ["damaged_record"]
    assert tree(prefix, ours=False) == whole
    assert problems(prefix, "CACHEDIR.TAG") == []
