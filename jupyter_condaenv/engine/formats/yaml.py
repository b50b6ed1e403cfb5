"""YAML as a tree that knows its lines, of files that nobody has to trust.

Values are the texts that stand in the file: ``3.10`` is a version and ``yes`` a text, not a number or a truth.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from .source import Source

_MOST_NODES = 1_000_000
"""Counted as often as they are referred to."""
_DEEPEST = 40
_NULL = "tag:yaml.org,2002:null"
_NULLS = ("", "~", "null", "Null", "NULL")
_TAGS = frozenset(
    ("!", *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")))
)
"""Those that say no more of a value than what it is."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's is twenty times as fast, and not everywhere."""


def load(source: Source) -> yaml.Node | None:
    """The root of the document; None where the file is empty. Raises InvalidRequest."""
    try:
        root = _Composer(source).compose()
    except (yaml.YAMLError, ValueError) as error:
        raise _refused(source, error) from error
    return None if root is None or is_null(root) else root


class _Composer:
    """Makes a tree of the parser's events: without recursion, and within limits that PyYAML's own composer lacks."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._open: list[yaml.CollectionNode] = []
        self._anchors: list[str | None] = []
        self._named: dict[str, yaml.Node] = {}
        self._sizes: dict[int, tuple[int, int]] = {}
        """Of each collection, by ``id``: how many nodes, and how deep."""
        self._root: yaml.Node | None = None

    def compose(self) -> yaml.Node | None:
        documents = 0
        for event in yaml.parse(self._source.text, Loader=_LOADER):
            said = getattr(event, "tag", None)
            if said is not None and said not in _TAGS:
                raise self._source.refuse(
                    line(event), f"`{said}` is nothing that is known here.", "Write a plain value."
                )
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._source.refuse(line(event), "It is not YAML of one document.", "Keep one part of it.")
            elif isinstance(event, yaml.ScalarEvent):
                null = event.tag is None and event.implicit[0] and event.value in _NULLS
                tag = _NULL if null else "tag:yaml.org,2002:str"
                node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)  # type: ignore[arg-type]
                self._add(node, event.anchor)
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in self._named:
                    raise self._source.refuse(
                        line(event),
                        f"It is not YAML: there is no `&{event.anchor}` before `*{event.anchor}`.",
                        "Mend it.",
                    )
                self._add(self._named[event.anchor], None)
            elif isinstance(event, yaml.CollectionStartEvent):
                if len(self._open) >= _DEEPEST:
                    raise self._source.refuse(line(event), "This is nested too deep.", "Is it the right file?")
                kind = yaml.MappingNode if isinstance(event, yaml.MappingStartEvent) else yaml.SequenceNode
                self._open.append(kind("", [], event.start_mark, event.end_mark))  # type: ignore[arg-type]
                self._anchors.append(event.anchor)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()
        return self._root

    def _close(self) -> None:
        node = self._open.pop()
        sizes = [self._sizes.get(id(child), (1, 0)) for child in node.value]
        size, depth = 1 + sum(size for size, _ in sizes), 1 + max((depth for _, depth in sizes), default=0)
        if size > _MOST_NODES or depth > _DEEPEST:
            raise self._source.refuse(
                line(node), "It refers to itself more often than anybody can follow.", "Write it out."
            )
        self._sizes[id(node)] = (size, depth)
        if isinstance(node, yaml.MappingNode):
            node.value = list(zip(node.value[::2], node.value[1::2], strict=True))
        self._add(node, self._anchors.pop())

    def _add(self, node: yaml.Node, anchor: str | None) -> None:
        if anchor is not None:
            self._named[anchor] = node
        if self._open:
            self._open[-1].value.append(node)
        else:
            self._root = node


def _refused(source: Source, error: Exception) -> Exception:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark is not None else 0
    told = getattr(error, "problem", None) or str(error)
    if mark is not None and line < len(source.lines) + 1 and "\t" in source.lines[mark.line][: mark.column + 1]:
        return source.refuse(line, "There is a tab before the text.", "YAML is indented with spaces.")
    return source.refuse(line, f"It is not YAML: {told}.", "Mend this line, or the one above it.")


def is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL


def line(node: yaml.Node | yaml.Event) -> int:
    if node.start_mark is None:  # of what stands in for what is absent
        return 0
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
