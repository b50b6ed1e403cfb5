"""Why a package is there is read from the records: each way up to what was asked for, and what others say of it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import why
from jupyter_condaenv.engine.errors import NotFound
from jupyter_condaenv.engine.model import Base, Demand, Lock, Package, Reason


def package(name: str, *depends: str, constrains: tuple[str, ...] = ()) -> Package:
    return Package(
        name=name, version="1.0", build="0", subdir="noarch", url="https://h/p", channel="c", file_name="p",
        depends=depends, constrains=constrains,
    )  # fmt: skip


LOCK = Lock(
    platform="noarch",
    channels=(),
    specs=("pandas>=1", "c::scipy", "numpy <3"),
    packages=(
        package("pandas", "numpy >=1.22", "dateutil"),
        package("scipy", "numpy >=1.20,<2.5", "libblas"),
        package("numpy", "libblas >=3.9,<4.0a0", "python"),
        package("libblas", "openblas", constrains=("mkl >=2024", "Blas * openblas")),
        package("openblas", "libblas"),
        package("dateutil", "python"),
        package("python"),
        package("left-over", "python"),
    ),
)


def way(asked: str, *steps: tuple[str, str]) -> Reason:
    return Reason(asked=asked, through=tuple(Demand(package=one, spec=spec) for one, spec in steps))


def test_each_way_is_told_once_the_shortest_first() -> None:
    found = why.reasons("openblas", LOCK)
    assert found.asked == ()
    assert found.reasons == (
        way("numpy <3", ("numpy", "libblas >=3.9,<4.0a0"), ("libblas", "openblas")),
        way("c::scipy", ("scipy", "libblas"), ("libblas", "openblas")),
        way("pandas>=1", ("pandas", "numpy >=1.22"), ("numpy", "libblas >=3.9,<4.0a0"), ("libblas", "openblas")),
    )
    assert [demand.package for demand in found.needed_by] == ["libblas"]


def test_what_was_asked_for_may_be_needed_as_well() -> None:
    found = why.reasons("NumPy", LOCK)
    assert (found.name, found.version, found.asked) == ("numpy", "1.0", ("numpy <3",))
    assert [reason.asked for reason in found.reasons] == ["pandas>=1", "c::scipy"]
    assert {(demand.package, demand.spec) for demand in found.needed_by} == {
        ("pandas", "numpy >=1.22"),
        ("scipy", "numpy >=1.20,<2.5"),
    }


def test_what_nobody_asks_for_has_no_reason() -> None:
    found = why.reasons("left-over", LOCK)
    assert (found.version, found.asked, found.reasons, found.needed_by) == ("1.0", (), (), ())


def test_what_is_not_there_may_be_spoken_of() -> None:
    found = why.reasons("mkl", LOCK)
    assert (found.version, found.constrained_by) == ("", (Demand(package="libblas", spec="mkl >=2024"),))
    assert why.reasons("blas", LOCK).constrained_by[0].spec == "Blas * openblas"
    for name in ("nothing", "", "数", "a b"):
        with pytest.raises(NotFound):
            why.reasons(name, LOCK)


def test_an_overlay_asks_for_what_lies_below() -> None:
    base = Base(prefix="/b", digest="", packages=LOCK.packages)
    over = replace(LOCK, specs=("plot",), packages=(package("plot", "pandas"),), base=base)
    found = why.reasons("dateutil", over)
    assert found.below
    assert found.reasons == (way("plot", ("plot", "pandas"), ("pandas", "dateutil")),)
    assert not why.reasons("plot", over).below


def test_pins_are_those_of_the_package() -> None:
    assert why.reasons("left-over", LOCK, pins=("Left-Over 1.*", "numpy <3")).pins == ("Left-Over 1.*",)


def test_a_thousand_packages_in_a_row_and_in_circles() -> None:
    chain = tuple(package(f"p{number}", f"p{number + 1}", "p0") for number in range(5000))
    found = why.reasons("p4999", replace(LOCK, specs=("p0",), packages=chain))
    assert [len(reason.through) for reason in found.reasons] == [4999]
