"""From bytes to typed requests. What does not fit is refused with the path of the field."""

from __future__ import annotations

import re
from typing import Any, TypeVar, get_origin

import msgspec

from ..engine.errors import InvalidRequest

T = TypeVar("T", bound=msgspec.Struct)
_PLACE = re.compile(r" - at `(?P<place>[^`]+)`\Z")
_UNKNOWN = re.compile(r"unknown field `(?P<name>.*)`", re.DOTALL)


def from_json(data: bytes, kind: Any) -> Any:
    """The ``kind`` that ``data`` is the JSON of. Raises InvalidRequest."""
    if not data:
        raise InvalidRequest("There is no body.", "Send a JSON object, {} where there is nothing to say.", field="$")
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise _invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"The body is not JSON: {error}.", "Send one JSON object in UTF-8.", field="$") from error


def from_texts(texts: dict[str, list[str]], kind: type[T]) -> T:
    """The ``kind`` whose fields are given as texts; of those that take one, the last counts. Raises InvalidRequest."""
    lists = {field.name for field in msgspec.structs.fields(kind) if get_origin(field.type) is tuple}
    given = {name: several if name in lists else several[-1] for name, several in texts.items()}
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid(error) from error


def _invalid(error: msgspec.ValidationError) -> InvalidRequest:
    """msgspec says the place behind the problem, and none for the outermost object."""
    told = str(error)
    place = _PLACE.search(told)
    field = place["place"] if place else "$"
    problem = _PLACE.sub("", told)
    unknown = _UNKNOWN.search(problem)
    if unknown:
        field = f"{field}.{unknown['name']}"
    return InvalidRequest(f"{field}: {problem}.", "The OpenAPI document says what is expected.", field=field)
