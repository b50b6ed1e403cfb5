"""Errors cross processes: what a worker meets is what a face raises."""

from __future__ import annotations

import pickle

import msgspec
import pytest

from jupyter_condaenv.engine import errors
from jupyter_condaenv.engine.errors import CondaEnvError, Failure, error_from

ALL = sorted(
    (each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, CondaEnvError)),
    key=lambda each: each.code,
)


@pytest.mark.parametrize("kind", ALL)
def test_an_error_survives_its_json(kind: type[CondaEnvError]) -> None:
    met = kind("What happened.", "What to do.", packages=["a"], number=7, place=None)
    failure = msgspec.json.decode(msgspec.json.encode(met.failure()), type=Failure)
    raised = error_from(failure)
    assert type(raised) is kind
    assert raised.failure() == met.failure()
    assert str(raised) == "What happened."
    assert pickle.loads(pickle.dumps(met)).failure() == met.failure()


def test_every_code_is_its_own_and_in_the_tree() -> None:
    assert len({each.code for each in ALL}) == len(ALL)
    assert errors.__doc__ is not None
    assert [each.__name__ for each in ALL if each.__name__ not in errors.__doc__] == []


def test_an_error_of_a_later_version_is_still_an_error() -> None:
    raised = error_from(Failure("from_the_future", "New.", details={"x": 1}))
    assert type(raised) is CondaEnvError
    assert (raised.message, raised.details) == ("New.", {"x": 1})
