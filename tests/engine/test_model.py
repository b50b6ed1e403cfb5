"""The nouns decode strictly, and the digest says what it should."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine.model import (
    AnyEvent,
    AnyRequest,
    Brief,
    Change,
    ChangePackages,
    CheckChannels,
    Clone,
    CreateEnvironment,
    IndexChannels,
    Lock,
    MeasureStorage,
    Package,
    PlanRequest,
    Rollback,
    Scan,
    Settings,
    StackEnvironment,
    digest,
)

A = Package(
    name="a", version="1.0", build="0", subdir="noarch", url="https://host/a", channel="https://host", file_name="a",
    sha256="1" * 64,
)  # fmt: skip
B = replace(A, name="b")


def test_the_digest_is_of_what_is_installed_alone() -> None:
    assert digest((A, B)) == digest((B, A))
    assert digest((A,)) == digest(
        (replace(A, url="https://mirror/a", channel="https://mirror", depends=("x",), size=1),)
    )
    assert len({digest(()), digest((A,)), digest((B,)), digest((A, B))}) == 4
    for change in ({"version": "1.1"}, {"build": "1"}, {"sha256": "2" * 64}, {"name": "c"}):
        assert digest((replace(A, **change),)) != digest((A,))
    assert digest((replace(A, sha256="", md5="3" * 32),)) != digest((replace(A, sha256="", md5="4" * 32),))
    assert Lock(platform="linux-64", channels=(), specs=(), packages=(A, B)).digest == digest((A, B))


def test_a_change_in_brief() -> None:
    rebuilt, newer = replace(A, build="2", sha256="2" * 64), replace(A, version="1.1", size=7)
    assert Change(kind="add", after=A).brief == Brief(kind="add", name="a", after="1.0", size=A.size)
    assert Change(kind="remove", before=A).brief == Brief(kind="remove", name="a", before="1.0")
    assert Change(kind="upgrade", before=A, after=newer).brief == Brief(
        kind="upgrade", name="a", before="1.0", after="1.1", size=7
    )
    assert Change(kind="rebuild", before=A, after=rebuilt).brief == Brief(
        kind="rebuild", name="a", before=f"1.0 {A.build}", after="1.0 2", size=A.size
    )


@pytest.mark.parametrize(
    "request_",
    [
        CreateEnvironment(prefix="/a", specs=("numpy>=1,<2",), channels=("c",)),
        CreateEnvironment(prefix="/a", lock=Lock(platform="linux-64", channels=(), specs=(), packages=(A,))),
        ChangePackages(prefix="/a", add=("x",), remove=("y",), update=("z",)),
        StackEnvironment(prefix="/a", base="/b"),
        Rollback(prefix="/a", revision=3, when="now"),
        Clone(prefix="/a", source="/b"),
        CheckChannels(channels=("c",)),
        MeasureStorage(),
        Scan(),
        IndexChannels(channels=("c",)),
        PlanRequest(prefix="/a", request=ChangePackages(prefix="/a", add=("x",))),
    ],
)
def test_a_request_survives_its_json(request_: Any) -> None:
    text = msgspec.json.encode(request_)
    assert msgspec.json.decode(text, type=AnyRequest) == request_
    assert isinstance(hash(request_), int)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{}", "verb"),
        ('{"verb": "destroy", "prefix": "/a"}', "verb"),
        ('{"verb": "create"}', "prefix"),
        ('{"verb": "create", "prefix": 1}', "$.prefix"),
        ('{"verb": "create", "prefix": "/a", "spec": ["x"]}', "spec"),
        ('{"verb": "change", "prefix": "/a", "add": "x"}', "$.add"),
        ('{"verb": "change", "prefix": "/a", "add": ["x", null]}', "$.add[1]"),
        ('{"verb": "rollback", "prefix": "/a", "revision": -1}', "$.revision"),
        ('{"verb": "plan", "prefix": "/a", "request": {"verb": "remove", "prefix": "/a"}}', "$.request"),
        ("[]", "array"),
    ],
)
def test_a_wrong_request_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(text, type=AnyRequest)
    assert place in str(caught.value)


def test_everything_has_a_schema_and_a_tag_of_its_own() -> None:
    for union in (AnyRequest, AnyEvent):
        assert msgspec.json.schema(union)
        tags = [member.__struct_config__.tag for member in get_args(union)]
        assert len(set(tags)) == len(tags)
    assert msgspec.json.schema(Settings)["$defs"]["Settings"]["additionalProperties"] is False


def test_the_name_of_a_change_is_that_of_its_package() -> None:
    from jupyter_condaenv.engine.model import Change

    assert Change(kind="add", after=A).name == Change(kind="remove", before=A).name == "a"
    assert str(A) == "a 1.0 0"
