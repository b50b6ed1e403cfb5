"""What fits is what py-rattler says of each spec, and what is in the way is named."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import fitting
from jupyter_condaenv.engine.fitting import Surroundings
from jupyter_condaenv.engine.model import Base, Lock, Package

from .child import in_child

PYTHON = Package(
    name="python", version="3.12.4", build="h1", subdir="linux-64", url="https://host/p", channel="https://host",
    file_name="p",
)  # fmt: skip
NUMPY = replace(PYTHON, name="numpy", version="1.26.4", build="py312_0", depends=("python >=3.12,<3.13.0a0",))
PANDAS = replace(PYTHON, name="pandas", version="2.2", depends=("numpy >=1.22,<2", "python"), constrains=("lxml >=5",))
LOCK = Lock(platform="linux-64", channels=(), specs=(), packages=(NUMPY, PANDAS, PYTHON))


def rattlers(triples: list[tuple[str, str, str]]) -> list[bool | None]:
    """What py-rattler says of spec, version and build; None where it cannot read the spec."""
    return in_child(_matches, triples)


def _matches(triples: list[tuple[str, str, str]]) -> list[bool | None]:
    import rattler

    def match(spec: str, version: str, build: str) -> bool | None:
        try:
            parsed = rattler.MatchSpec(spec)
        except Exception:
            return None
        return parsed.matches(rattler.PackageRecord("p", version, rattler.BuildString(build), 0, "noarch"))

    return [match(*triple) for triple in triples]


def test_a_spec_allows_what_py_rattler_says() -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    triples = [(_spec(chance), _version(chance), "py312_0") for _ in range(4000)]
    told = [(triple, answer) for triple, answer in zip(triples, rattlers(triples), strict=True) if answer is not None]
    assert len(told) > 2000
    wrong = [triple for triple, answer in told if fitting.allows(*triple) != answer]
    assert wrong == [], seed


def _version(chance: random.Random) -> str:
    numbers = ".".join(chance.choice(("0", "1", "2", "3", "12", "2024")) for _ in range(chance.randint(1, 4)))
    return numbers + chance.choice(("", "", "", "", "a1", "rc1", ".dev0", ".post1"))


def _spec(chance: random.Random) -> str:
    """As they stand in records."""
    spaced = chance.random() < 0.8
    conditions = [_condition(chance) for _ in range(chance.choice((1, 1, 2, 3)))]
    expression = conditions[0] + "".join(chance.choice((",", "|")) + one for one in conditions[1:])
    if not spaced and expression[0] in "<>=!":
        return f"p{expression}"
    return f"p {expression} {chance.choice(('', '', 'py312*', '*_0', 'py311_0'))}".strip()


def _condition(chance: random.Random) -> str:
    operator = chance.choice(("", "", "==", "!=", ">=", "<=", ">", "<"))
    return operator + _version(chance) + (".*" if operator in ("", "!=") and chance.random() < 0.4 else "")


@pytest.mark.parametrize(
    ("spec", "name"),
    [("numpy", "numpy"), ("NumPy >=1", "numpy"), ("c::x-y_z.w=1", "x-y_z.w"), ("a[version='1']", "a"), ("", "")],
)
def test_the_name_in_a_spec(spec: str, name: str) -> None:
    assert fitting.name_of(spec) == name


def test_a_spec_that_cannot_be_read_counts_as_met() -> None:
    for spec in ("", "p[version='<1']", "p ^1.*$", "p (>=2,<3)|5", "p >=1 ^x$", "!!"):
        assert fitting.allows(spec, "1.0", "0")


def obstacles(lock: Lock, *depends: str, name: str = "x", version: str = "1", constrains: tuple[str, ...] = ()) -> str:
    return "; ".join(Surroundings(lock).obstacles(name, version, "0", depends, constrains))


def test_what_is_not_there_yet_can_come() -> None:
    assert obstacles(LOCK, "scipy >=1", "python >=3.10", "numpy") == ""


def test_what_is_there_and_does_not_fit_is_in_the_way() -> None:
    assert obstacles(LOCK, "python >=3.13,<3.14.0a0") == "it needs python >=3.13,<3.14.0a0 (it is 3.12.4)"
    assert obstacles(LOCK, constrains=("numpy >=2",)) == "it goes with numpy >=2 (it is 1.26.4)"


def test_what_is_there_may_not_go_with_it() -> None:
    assert obstacles(LOCK, name="numpy", version="2.1") == "pandas goes with numpy >=1.22,<2"
    assert obstacles(LOCK, name="lxml", version="4.9") == "pandas goes with lxml >=5"
    assert obstacles(LOCK, name="numpy", version="1.25") == ""


def test_what_lies_below_an_overlay_counts() -> None:
    over = replace(LOCK, packages=(), base=Base(prefix="/b", digest="", packages=LOCK.packages))
    assert obstacles(over, "python <3.12") != ""


def test_what_the_machine_has_counts_where_it_is_known() -> None:
    assert obstacles(LOCK, "__cuda >=12") == ""
    known = replace(LOCK, virtual_packages=("__glibc=2.36=0", "__unix=0=0"))
    assert obstacles(known, "__glibc >=2.17,<3.0.a0", "__unix") == ""
    assert obstacles(known, "__cuda >=12") == "it needs __cuda >=12 (this machine has none)"
    assert obstacles(known, constrains=("__cuda >=12",)) == ""
