"""What lies in files that we have written: an older installation reads what a newer one wrote.

Homes are shared by servers of several versions. So fields that are not known are left out where a file of ours is read;
in requests, which people write, they are refused, since they are misspelt.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from .errors import InvalidRequest
from .model import Plan

_UNKNOWN = "contains unknown field"

T = TypeVar("T")


class _Format(Struct):
    version: int = 1


def decode(data: bytes, kind: type[T]) -> T:
    """``data``, which is of ``kind``, without the fields that only a newer version knows. Raises
    msgspec.MsgspecError."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        if _UNKNOWN not in str(error):
            raise
    from msgspec import inspect  # slow to import, and rarely needed

    known = _known(msgspec.json.decode(data), inspect.type_info(kind))
    return msgspec.json.decode(msgspec.json.encode(known), type=kind)


def plan(data: bytes) -> Plan:
    """The plan that ``data`` is. Raises InvalidRequest for one of a newer format, of which less would be done than was
    shown, and msgspec.MsgspecError for what is none."""
    try:
        newer = msgspec.json.decode(data, type=_Format).version
    except msgspec.ValidationError:
        newer = 1
    if newer > Plan.FORMAT:
        raise InvalidRequest(
            f"The plan is of format {newer}, which a newer jupyter_condaenv has written; this one knows {Plan.FORMAT}.",
            "Apply it with that version, or plan the same again with this one.",
            version=newer,
        )
    return decode(data, Plan)


def _known(value: Any, kind: Any) -> Any:
    """``value`` without the fields that ``kind``, as msgspec describes it, does not have."""
    from msgspec import inspect

    if isinstance(kind, inspect.Metadata):
        return _known(value, kind.type)
    if isinstance(kind, inspect.UnionType):
        return next((_known(value, one) for one in kind.types if _may_be(value, one)), value)
    if isinstance(kind, inspect.StructType) and isinstance(value, dict):
        fields = {field.encode_name: field.type for field in kind.fields}
        return {
            name: _known(one, fields[name]) if name in fields else one
            for name, one in value.items()
            if name in fields or name == kind.tag_field
        }
    if isinstance(kind, inspect.VarTupleType | inspect.ListType) and isinstance(value, list):
        return [_known(one, kind.item_type) for one in value]
    if isinstance(kind, inspect.DictType) and isinstance(value, dict):
        return {name: _known(one, kind.value_type) for name, one in value.items()}
    return value


def _may_be(value: Any, kind: Any) -> bool:
    """Whether ``value`` may be of ``kind``, one of several that msgspec can tell apart."""
    from msgspec import inspect

    if isinstance(kind, inspect.StructType):
        return isinstance(value, dict) and (kind.tag_field is None or value.get(kind.tag_field) == kind.tag)
    return isinstance(value, list) and isinstance(kind, inspect.VarTupleType | inspect.ListType)
