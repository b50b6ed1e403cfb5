"""YAML as a tree that knows its lines, of files that nobody has to trust.

Values are the texts that stand in the file: ``3.10`` is a version and ``yes`` a text, not a number or a truth. What
``<<`` takes in stands in the mapping as if it were written there, with the lines that it has.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from .source import Source

_MOST_NODES = 1_000_000
"""Counted as often as they are referred to."""
_DEEPEST = 40
_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"
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
                plain = event.tag is None and event.implicit[0]
                special = _NULL if event.value in _NULLS else _MERGE if event.value == "<<" else ""
                tag = (plain and special) or "tag:yaml.org,2002:str"
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
        # What is merged away leaves its id to others, which for a collection is seen to here and for a text is not.
        sizes = [self._sizes[id(child)] if isinstance(child, yaml.CollectionNode) else (1, 0) for child in node.value]
        size, depth = 1 + sum(size for size, _ in sizes), 1 + max((depth for _, depth in sizes), default=0)
        if size > _MOST_NODES or depth > _DEEPEST:
            raise self._source.refuse(
                line(node), "It refers to itself more often than anybody can follow.", "Write it out."
            )
        self._sizes[id(node)] = (size, depth)
        if isinstance(node, yaml.MappingNode):
            node.value = self._merged(list(zip(node.value[::2], node.value[1::2], strict=True)))
        self._add(node, self._anchors.pop())

    def _merged(self, entries: list[tuple[yaml.Node, yaml.Node]]) -> list[tuple[yaml.Node, yaml.Node]]:
        """``entries`` with those that they take in by ``<<``: of one key its own, or else the first, is kept."""
        merges = [(key, value) for key, value in entries if key.tag == _MERGE]
        if not merges:
            return entries
        if len(merges) > 1:
            raise _twice(self._source, merges[1][0], line(merges[0][0]))
        ((key, value),) = merges
        found = [entry for entry in entries if entry[0] is not key]
        known = set(map(_name, found))
        for taken in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            if not isinstance(taken, yaml.MappingNode):
                raise self._source.refuse(
                    line(key), "`<<` takes in something that is not a mapping.", "Write out what belongs there."
                )
            more = [entry for entry in taken.value if _name(entry) not in known]
            known |= set(map(_name, more))
            found += more
        return found

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


def _name(entry: tuple[yaml.Node, yaml.Node]) -> object:
    """What the key of an entry is known by. One that is no text is like no other: it is refused where it is read."""
    return entry[0].value if isinstance(entry[0], yaml.ScalarNode) else id(entry[0])


def _twice(source: Source, key: yaml.Node, before: int) -> Exception:
    return source.refuse(
        line(key),
        f"`{key.value}` stands there a second time, after line {before}.",
        "Put what belongs to it into one place.",
    )


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
            raise _twice(source, key, seen[key.value])
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
