"""Changing a list in a ``.condarc`` by hand, as it were: comments, order and all other lines stay as they are."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import yaml
from filelock import FileLock

from .channels import redact
from .errors import InvalidRequest, StorageError

Edit = Callable[[str], str]


def change(path: Path, edit: Edit, guard: Path, mode: int = 0o644) -> None:
    """Let ``edit`` make a new text of the one in the file at ``path``, whole or not at all.

    One at a time, by a lock at ``guard``. The file need not be there, and has ``mode`` where it is made; a link is
    followed and stays one. Raises InvalidRequest for a file that cannot be read, StorageError for one that
    cannot be written.
    """
    real = Path(os.path.realpath(path))
    part = real.with_name(f".{real.name}.{os.getpid()}")
    try:
        for folder in (real.parent, guard.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(guard):
            before = real.read_bytes() if real.exists() else b""
            after = edit(_decoded(path, before)).encode()
            if after != before:
                mode = stat.S_IMODE(real.stat().st_mode) if real.exists() else mode
                with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                    file.write(after)
                    file.flush()
                    os.fsync(file.fileno())
                part.chmod(mode)
                part.replace(real)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise StorageError(
            f"{path} cannot be changed: {error.strerror}.", "Look at who owns it, and at the space that is left."
        ) from error


def _decoded(path: Path, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is not UTF-8: {error.reason}.", "Mend the file.") from error


def listed(text: str, key: str) -> list[str]:
    """The items of the list ``key``, as they are written. Raises InvalidRequest for what is no YAML mapping."""
    return [item.value for item in _items(_find(text, key)[1]) if isinstance(item, yaml.ScalarNode)]


def with_items(text: str, key: str, items: Sequence[str], *, first: bool) -> str:
    """``text`` with ``items`` before or behind the others in the list ``key``."""
    there = listed(text, key)
    expected = [*items, *there] if first else [*there, *items]
    return _checked(text, _inserted(text, key, [_scalar(item) for item in items], first), key, expected)


def without_items(text: str, key: str, gone: Callable[[str], bool]) -> str:
    """``text`` without those items of the list ``key`` of which ``gone`` is true."""
    there = listed(text, key)
    left = [item for item in there if not gone(item)]
    return text if left == there else _checked(text, _removed(text, key, gone, bool(left)), key, left)


def _inserted(text: str, key: str, items: list[str], first: bool) -> str:
    name, value = _find(text, key)
    newline = "\r\n" if "\r\n" in text else "\n"
    if name is None:
        begun = text if not text or text.endswith("\n") else text + newline
        return begun + f"{key}:{newline}" + "".join(f"  - {item}{newline}" for item in items)
    if not isinstance(value, yaml.SequenceNode) or value.flow_style or not value.value:
        old = [_source(text, item) for item in _items(value)]
        flow = f"[{', '.join([*items, *old] if first else [*old, *items])}]"
        start, end = (value.start_mark.index, value.end_mark.index) if value else (name.end_mark.index,) * 2
        if isinstance(value, yaml.ScalarNode) and start == end:  # nothing at all stands behind the colon
            start = end = text.index(":", name.end_mark.index) + 1
            flow = f" {flow}"
        return text[:start] + flow + text[end:]
    lines = text.splitlines(keepends=True)
    at = value.start_mark.line if first else value.value[-1].end_mark.line + 1
    if not first and lines and not lines[-1].endswith("\n"):
        lines[-1] += newline
    indent = " " * value.start_mark.column
    return "".join([*lines[:at], *(f"{indent}- {item}{newline}" for item in items), *lines[at:]])


def _removed(text: str, key: str, gone: Callable[[str], bool], some_left: bool) -> str:
    name, value = _find(text, key)
    assert name is not None and value is not None
    lines = text.splitlines(keepends=True)
    if not some_left:
        del lines[name.start_mark.line : value.end_mark.line + (value.end_mark.column > 0)]
        return "".join(lines)
    if isinstance(value, yaml.SequenceNode) and value.flow_style:
        left = ", ".join(_source(text, item) for item in _items(value) if not gone(item.value))
        return f"{text[: value.start_mark.index]}[{left}]{text[value.end_mark.index :]}"
    for item in reversed(value.value):
        if gone(item.value):
            del lines[item.start_mark.line : item.end_mark.line + 1]
    return "".join(lines)


def _checked(before: str, after: str, key: str, expected: list[str]) -> str:
    """``after``, if it says what it should and nothing else is different."""
    try:
        same = _keys(before) | {key} == _keys(after) | {key} and listed(after, key) == expected
    except InvalidRequest:
        same = False
    if not same:
        raise InvalidRequest(
            f"The file is written such that its {key} cannot be changed safely.",
            f"Edit it yourself: {key} should be [{', '.join(redact(item) for item in expected)}].",
        )
    return after


def _keys(text: str) -> set[str]:
    root = _root(text)
    return {key.value for key, _ in root.value} if root is not None else set()


def _find(text: str, key: str) -> tuple[yaml.ScalarNode | None, yaml.Node | None]:
    """The name and the value of ``key``, if it is there."""
    root = _root(text)
    for name, value in root.value if root is not None else ():
        if isinstance(name, yaml.ScalarNode) and name.value == key:
            return name, value
    return None, None


def _root(text: str) -> yaml.MappingNode | None:
    try:
        root = yaml.compose(text.removeprefix("\ufeff"), Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise InvalidRequest(f"The file is not YAML: {redact(str(error))}", "Mend the file.") from error
    if root is None or (isinstance(root, yaml.ScalarNode) and root.tag.endswith(":null")):
        return None
    if not isinstance(root, yaml.MappingNode) or root.flow_style or text.startswith("\ufeff"):
        raise InvalidRequest(
            "The file is written such that it cannot be changed safely.", "Write each setting on a line of its own."
        )
    return root


def _items(value: yaml.Node | None) -> list[yaml.Node]:
    if value is None or (isinstance(value, yaml.ScalarNode) and value.tag.endswith(":null")):
        return []
    return value.value if isinstance(value, yaml.SequenceNode) else [value]


def _source(text: str, node: yaml.Node) -> str:
    return text[node.start_mark.index : node.end_mark.index]


def _scalar(item: str) -> str:
    """``item`` as YAML, in quotes only where it needs them."""
    try:
        plain = yaml.safe_load(f"- {item}") == [item] and yaml.safe_load(f"[{item}]") == [item]
    except yaml.YAMLError:
        plain = False
    return item if plain else json.dumps(item)
