"""What is different between two sets of packages, and between two locks."""

from __future__ import annotations

from jupyter_condaenv.engine import changes
from jupyter_condaenv.engine.model import Difference, Lock, Package, Revision, Variable, VariableChange


def package(name: str, version: str, sha256: str = "1" * 64) -> Package:
    url = f"https://h/noarch/{name}"
    plain = {"subdir": "noarch", "channel": "https://h", "file_name": name}
    return Package(name=name, version=version, build="0", sha256=sha256, url=url, **plain)


def test_what_turns_one_set_into_another() -> None:
    before = [package("up", "1.9"), package("down", "2"), package("same", "1"), package("gone", "1")]
    before.append(package("re", "1"))
    after = [package("up", "1.10"), package("down", "1"), package("same", "1"), package("new", "1")]
    after.append(package("re", "1", sha256="2" * 64))
    assert [(each.name, each.kind) for each in changes.compare(before, after)] == [
        ("down", "downgrade"),
        ("gone", "remove"),
        ("new", "add"),
        ("re", "rebuild"),
        ("up", "upgrade"),
    ]
    assert changes.compare(before, before) == ()


def test_what_was_asked_for_counts_as_well() -> None:
    there = (package("a", "1"),)
    one = state(Lock(platform="linux-64", channels=(), specs=("a", "b"), packages=there))
    other = state(Lock(platform="linux-64", channels=(), specs=("b", "a=1"), packages=there))
    assert changes.difference(one, other) == Difference(specs_added=("a=1",), specs_dropped=("a",))
    assert changes.difference(one, one) == Difference()


def test_variables_count_where_both_are_known() -> None:
    lock = Lock(platform="linux-64", channels=(), specs=(), packages=())
    none, one = state(lock, ()), state(lock, (Variable(name="A", value=""), Variable(name="B", value="1")))
    other = state(lock, (Variable(name="B", value="https://me:canary@host/x"),))
    assert changes.difference(none, one).variables == (
        VariableChange(name="A", after=""),
        VariableChange(name="B", after="1"),
    )
    assert changes.difference(one, other).variables == (
        VariableChange(name="A", before=""),
        VariableChange(name="B", before="1", after="https://host/x"),
    )
    assert changes.difference(state(lock, None), one).variables == ()


def state(lock: Lock, variables: tuple[Variable, ...] | None = None) -> Revision:
    return Revision(number=1, time="", author="", verb="", lock=lock, variables=variables)
