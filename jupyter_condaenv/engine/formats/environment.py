"""``environment.yml`` (CEP 24), as conda and micromamba read it.

Beside the standard: ``sel(linux): spec`` as micromamba has it, and the comments ``# [linux]`` of conda-lock, since both
say what their authors meant; ``# [gpu]`` is a comment as any other. Nothing is taken from variables of this process:
``${NAME}`` is refused where it would decide what is installed. A channel or package that is a path is seen from
the folder of the file, as in a manifest of pixi; to conda and micromamba from wherever they are called, which mostly is
that folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import zip_longest

import yaml
from msgspec.structs import replace

from ..channels import redact
from . import selectors
from . import yaml as tree
from .source import Source, is_request, meant
from .specfile import SpecFile

_KEYS = ("name", "channels", "dependencies", "variables", "prefix", "platforms")
_OF_OTHERS = ("category", "platform", "version", "source", "pip_repositories", "allow_pypi_requests")
"""Keys that tools beside conda have, and that change nothing for us."""
_SELECTOR = re.compile(r"sel\((?P<what>[^)]*)\)\Z")
_COMMENT = re.compile(r"#\s*\[(?P<what>[^\[\]]+)\]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PYPI_ROW = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)={1,2}(?P<version>[^=\s]+)=pypi(_\d+)?\Z")
_BUILD = re.compile(r"[A-Za-z0-9_.-]+=[^=<>\s]+=[^=\s*]+\Z")


def read(source: Source, root: yaml.Node, platform: str) -> SpecFile:
    """``platform`` decides what selectors let through. Raises InvalidRequest."""
    return _Reader(source, platform).read(root)


class _Reader:
    def __init__(self, source: Source, platform: str) -> None:
        self._source = source
        self._lines = source.lines
        self._platform = platform
        self._specs: dict[str, int] = {}
        self._pip: dict[str, int] = {}
        self._rows: list[str] = []
        """Of what pip had installed where the file was written."""
        self._warnings: list[str] = []

    def read(self, root: yaml.Node) -> SpecFile:
        if not isinstance(root, yaml.MappingNode):
            raise self._source.refuse(
                tree.line(root),
                "This is no environment file.",
                "It begins with `name:`, `channels:` or `dependencies:`.",
            )
        entries = {key: (node, value) for key, node, value in tree.pairs(self._source, root)}
        self._check_keys({key: tree.line(node) for key, (node, _) in entries.items()})
        values = {key: value for key, (_, value) in entries.items()}
        dependencies = values.get("dependencies")
        listed = [] if dependencies is None else tree.items(self._source, dependencies, "dependencies")
        for item, following in zip_longest(listed, listed[1:]):
            self._check_indented(item, following)
            self._dependency(item)
        channels = dict(self._channels(values.get("channels")))
        platforms = values.get("platforms", values.get("platform"))
        found = SpecFile(
            format="environment.yml",
            name=self._name(values.get("name")),
            specs=tuple(self._specs),
            spec_lines=self._specs,
            channels=tuple(channels),
            channel_lines=channels,
            variables=self._variables(values.get("variables")),
            pip=tuple(self._pip),
            pip_lines=self._pip,
            platforms=tuple(self._texts(platforms, "platforms")),
        )
        self._look(found)
        return replace(found, warnings=tuple(dict.fromkeys(self._warnings)))

    def _check_keys(self, lines: dict[str, int]) -> None:
        """Raises InvalidRequest for a key that is another one misspelt, and where there is nothing that we know."""
        unknown = [key for key in lines if key not in _KEYS and key.replace("-", "_") not in _OF_OTHERS]
        misspelt = {key: word for key in unknown if (word := meant(key, _KEYS)) and word not in lines}
        if misspelt:
            first = min(misspelt, key=lines.__getitem__)
            told = ", ".join(f"`{word}` for `{key}` (line {lines[key]})" for key, word in misspelt.items())
            raise self._source.refuse(
                lines[first], f"There is no key `{first}`.", f"Did you mean {told}?", meant=misspelt
            )
        if not any(key in lines for key in ("name", "channels", "dependencies", "variables")):
            raise self._source.refuse(
                1, "There is nothing in it that environment files have.", "List the packages under `dependencies:`."
            )
        if "dependencies" not in lines and unknown:
            raise self._source.refuse(
                lines[unknown[0]],
                f"There are no `dependencies`, and `{unknown[0]}` is nothing that environment files have.",
                "List the packages under `dependencies:`.",
            )
        self._warnings += [
            f"{self._source.name}, line {lines[key]}: `{key}` means nothing in an environment file" for key in unknown
        ]

    def _name(self, node: yaml.Node | None) -> str:
        return "" if node is None or tree.is_null(node) else tree.text(self._source, node, "name").strip()

    def _texts(self, node: yaml.Node | None, key: str) -> Iterator[str]:
        for item in tree.items(self._source, node, key) if node is not None else ():
            yield tree.text(self._source, item, key).strip()

    def _channels(self, node: yaml.Node | None) -> Iterator[tuple[str, int]]:
        for item in tree.items(self._source, node, "channels") if node is not None else ():
            channel = tree.text(self._source, item, "channels").strip()
            line = tree.line(item)
            if redact(channel) != channel:
                raise self._source.refuse(
                    line,
                    f"The channel {channel} is given with a token or a password.",
                    "Take it out, and put the secret into ~/.netrc or into the file that RATTLER_AUTH_FILE names.",
                )
            self._check_plain(channel, line)
            if channel != "nodefaults":  # says to conda that it should not add its own; nor do we
                yield self._source.channel(channel, partial(self._source.refuse, line)), line

    def _check_indented(self, node: yaml.Node, following: yaml.Node | None) -> None:
        """Raises InvalidRequest for a list that has nothing below it where a package comes next: it may be meant for
        that list, and would be asked for elsewhere."""
        if not isinstance(node, yaml.MappingNode) or not isinstance(following, yaml.ScalarNode):
            return
        empty = next((key for key, _, value in tree.pairs(self._source, node) if tree.is_null(value)), None)
        if empty is not None:
            raise self._source.refuse(
                tree.line(node),
                f"`{empty}:` has nothing below it, and {following.value!r} stands beside it, in line "
                f"{tree.line(following)}.",
                f"Indent what belongs to it by two more spaces; if nothing does, take out the line `- {empty}:`.",
            )

    def _dependency(self, node: yaml.Node) -> None:
        line = tree.line(node)
        if isinstance(node, yaml.MappingNode):
            for key, _, value in tree.pairs(self._source, node):
                self._section(key, value, line)
        elif self._wanted(node):
            self._spec(tree.text(self._source, node, "dependencies").strip(), line)

    def _section(self, key: str, value: yaml.Node, line: int) -> None:
        selector = _SELECTOR.match(key.strip())
        if selector is not None:
            if self._fits(selector["what"].strip(), line):
                for item in tree.items(self._source, value, key):
                    self._spec(tree.text(self._source, item, key).strip(), tree.line(item))
        elif key == "pip":
            for item in tree.items(self._source, value, "pip"):
                self._pip.setdefault(tree.text(self._source, item, "pip").strip(), tree.line(item))
        else:
            version = value.value if isinstance(value, yaml.ScalarNode) else ""
            hint = f"For the package: `- {key}={version}`." if version else "Only `pip:` has a list of its own."
            raise self._source.refuse(line, f"`{key}:` is no list that dependencies can have.", hint)

    def _spec(self, spec: str, line: int) -> None:
        row = _PYPI_ROW.match(spec)
        if row is not None:  # as `conda list --export` writes what pip installed
            self._pip.setdefault(f"{row['name']}=={row['version']}", line)
            self._rows.append(spec)
            return
        self._check_plain(spec, line)
        if redact(spec) != spec:
            raise self._source.refuse(
                line,
                f"{spec!r} is given with a token or a password.",
                "Take it out, and put the secret into ~/.netrc or into the file that RATTLER_AUTH_FILE names.",
            )
        spec = self._source.channel(spec, partial(self._source.refuse, line))
        if not is_request(spec):
            raise self._source.refuse(
                line,
                f"{spec!r} is not a package request.",
                "Write it like numpy>=1.20,<3 or conda-forge::numpy.",
            )
        self._specs.setdefault(spec, line)

    def _check_plain(self, text: str, line: int) -> None:
        """Raises InvalidRequest for text that something else was to fill in."""
        if "{{" in text or "{%" in text:
            raise self._source.refuse(
                line, f"{text!r} is a template that was not filled in.", "Let the tool it is for make the file first."
            )
        if re.search(r"\$(\{|[A-Za-z_])|%[A-Za-z_]+%", text):
            raise self._source.refuse(
                line,
                f"{text!r} is to be filled in from a variable, and none is looked at.",
                "Write out what it stands for. A secret goes into ~/.netrc or the file that RATTLER_AUTH_FILE names.",
            )

    def _wanted(self, node: yaml.Node) -> bool:
        """Whether the comment behind ``node``, if it is a selector, lets it through."""
        mark = node.end_mark
        match = _COMMENT.search(self._lines[mark.line], mark.column) if mark.line < len(self._lines) else None
        if match is None or not selectors.is_selector(match["what"]):
            return True
        return self._fits(match["what"].strip(), tree.line(node))

    def _fits(self, selector: str, line: int) -> bool:
        fits = selectors.holds(selector, self._platform)
        if fits is None:
            raise self._source.refuse(
                line,
                f"`{selector}` is no selector that is decided by the platform alone.",
                f"Known are {', '.join(sorted(selectors.WORDS))}, with `not`, `and` and `or`. Write the line as it is "
                "wanted, or leave it out.",
            )
        if not fits:
            self._warnings.append(f"{self._source.name}, line {line}: left out, it is for {selector}")
        return fits

    def _variables(self, node: yaml.Node | None) -> dict[str, str]:
        if node is None or tree.is_null(node):
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise self._source.refuse(
                tree.line(node), "`variables` is not a mapping.", "Write `  NAME: value` below it."
            )
        found = {}
        for key, key_node, value in tree.pairs(self._source, node):
            if not _VARIABLE.match(key):
                raise self._source.refuse(
                    tree.line(key_node), f"{key!r} is no name of a variable.", "Letters, digits and _ make one."
                )
            text = "" if tree.is_null(value) else tree.text(self._source, value, key)
            if "$" in text:
                self._warnings.append(
                    f"{self._source.name}, line {tree.line(value)}: {key} is set to this very text, "
                    "in which nothing is filled in"
                )
            found[key] = text
        return found

    def _look(self, found: SpecFile) -> None:
        """What is not wrong and yet may surprise."""
        if not found.specs:
            self._warnings.append(f"{self._source.name} asks for no packages")
        if found.platforms and self._platform not in found.platforms:
            self._warnings.append(
                f"{self._source.name} is written for {', '.join(found.platforms)}; this is {self._platform}"
            )
        if self._rows:
            rows = self._rows[0] + (f" and {len(self._rows) - 1} more" if len(self._rows) > 1 else "")
            self._warnings.append(
                f"{self._source.name}: pip had installed {rows}, which no channel has: pip is asked again, for which "
                "the environment gets pip and Python"
            )
        builds = [spec for spec in found.specs if _BUILD.match(spec)]
        if builds:
            self._warnings.append(
                f"{len(builds)} of the requests name a build, as in {builds[0]}: it may be had for one platform only, "
                "and not for long"
            )
