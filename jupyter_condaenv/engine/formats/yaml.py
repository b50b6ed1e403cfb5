"""YAML as a tree that knows its lines, of files that nobody has to trust.

Values are the texts that stand in the file: ``3.10`` is a version and ``yes`` a text, not a number or a truth.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from .source import Source

_MOST_NODES = 1_000_000
"""Aliases counted as often as they are used."""
_DEEPEST = 40
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's is twenty times as fast, and not everywhere."""


def load(source: Source) -> yaml.Node | None:
    """The root of the document; None where the file is empty. Raises InvalidRequest."""
    try:
        _check_depth(source)
        root = yaml.compose(source.text, Loader=_LOADER)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _refused(source, error) from error
    if root is None or is_null(root):
        return None
    if _count(root, 0, {}) > _MOST_NODES:
        raise source.refuse(0, "It refers to itself more often than anybody can follow.", "Write it out.")
    return root


def _check_depth(source: Source) -> None:
    """Raises InvalidRequest for what is nested deeper than any file that means something, before a tree is made."""
    depth = 0
    for event in yaml.parse(source.text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise source.refuse(line(event), "This is nested too deep.", "Is it the right file?")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _count(node: yaml.Node, depth: int, known: dict[int, int]) -> int:
    """How many nodes there are below ``node``, at most a little more than are allowed."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if depth > _DEEPEST:
        return _MOST_NODES + 1  # it holds itself
    if id(node) not in known:
        children = node.value if isinstance(node, yaml.SequenceNode) else [one for pair in node.value for one in pair]
        known[id(node)] = min(1 + sum(_count(child, depth + 1, known) for child in children), _MOST_NODES + 1)
    return known[id(node)]


def _refused(source: Source, error: Exception) -> Exception:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark is not None else 0
    told = getattr(error, "problem", None) or str(error)
    if mark is not None and line < len(source.lines) + 1 and "\t" in source.lines[mark.line][: mark.column + 1]:
        return source.refuse(line, "There is a tab before the text.", "YAML is indented with spaces.")
    return source.refuse(line, f"It is not YAML: {told}.", "Mend this line, or the one above it.")


def is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def line(node: yaml.Node | yaml.Event) -> int:
    assert node.start_mark is not None
    return int(node.start_mark.line) + 1


def pairs(source: Source, node: yaml.Node) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Key, its node and the value of each entry of a mapping. Raises InvalidRequest where a key comes twice."""
    seen: dict[str, int] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise source.refuse(line(key), "A key is not a text.", "Write it as `key: value`.")
        if key.value in seen:
            raise source.refuse(
                line(key),
                f"`{key.value}` stands there a second time, after line {seen[key.value]}.",
                "Put what belongs to it into one place.",
            )
        seen[key.value] = line(key)
        yield key.value, key, value


def items(source: Source, node: yaml.Node, key: str) -> list[yaml.Node]:
    """What is listed under ``key``; one thing alone counts as a list of it."""
    if is_null(node):
        return []
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if isinstance(node, yaml.ScalarNode):
        return [node]
    raise source.refuse(line(node), f"`{key}` is not a list.", "Write each entry on a line of its own, after `- `.")


def text(source: Source, node: yaml.Node, key: str) -> str:
    if not isinstance(node, yaml.ScalarNode) or is_null(node):
        raise source.refuse(line(node), f"`{key}` holds something that is not a text.", "Write one text.")
    return str(node.value)
