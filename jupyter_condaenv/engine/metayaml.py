"""Simple recipes of conda-build (``meta.yaml``) as the recipes that rattler-build takes (CEP 13, CEP 14).

Converted is what has exactly the same meaning there; all else is refused with its line. Nothing of a template is run:
of Jinja only literals that are set, names and the few calls that both tools know are understood. Selectors are decided
for the platform that is built for.

See https://docs.conda.io/projects/conda-build/en/stable/resources/define-metadata.html and https://rattler.build.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from .errors import InvalidRequest, NotFound
from .formats import selectors
from .formats import yaml as tree
from .formats.source import Source

NAME = "meta.yaml"
_HINT = "Write it as recipe.yaml, or have conda-recipe-manager convert all of it."
_ASIDE = (
    *("conda_build_config.yaml", "run_test.sh", "run_test.py", "run_test.pl", "run_test.r"),
    *("pre-link.sh", "post-link.sh", "pre-unlink.sh"),
)
"""Files that conda-build takes into account wherever they lie beside the recipe."""
_SET = re.compile(r"""\s*\{%-?\s*set\s+(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<value>"[^"\\]*"|'[^'\\]*'|\d+)\s*-?%\}\s*\Z""")
_EXPRESSION = re.compile(r"\{\{(.*?)\}\}")
_NAMED = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<filters>(\s*\|\s*(lower|upper))*)\Z")
_TEXT = r"""("[\w.+-]+"|'[\w.+-]+')"""
_COMPILER = re.compile(rf"(compiler|stdlib)\(\s*{_TEXT}\s*\)\Z")
_PIN = re.compile(rf"pin_subpackage\(\s*([A-Za-z_]\w*|{_TEXT})\s*,\s*(exact\s*=\s*True|max_pin\s*=\s*{_TEXT})\s*\)\Z")
_OF_A_SCRIPT = ("PYTHON", "PREFIX", "SRC_DIR")
"""What is a variable of the process that runs a build script."""
_SELECTOR = re.compile(r"#\s*\[(?P<said>[^\[\]]+)\][^()]*\Z")
_BARE = re.compile(r"(?P<name>[\w.-]+)\s+(?P<version>[\w.-]+|\$\{\{ [^{}]* \}\})(\s+(?P<build>[\w.*-]+))?\Z")
_REVISION = re.compile(r"[0-9a-f]{40}\Z")
_SECTIONS = ("package", "source", "build", "requirements", "test", "about", "extra")
_SOURCE = {"url": "url", "sha256": "sha256", "md5": "md5", "fn": "file_name", "path": "path", "patches": "patches"}
_SOURCE |= {"git_url": "git", "git_rev": "rev", "folder": "target_directory"}
_REQUIREMENTS = {"build": "build", "host": "host", "run": "run", "run_constrained": "run_constraints"}
_ABOUT = {"home": "homepage", "doc_url": "documentation", "dev_url": "repository"}
_ABOUT |= {key: key for key in ("license", "license_file", "summary", "description")}
_SAYS_NOTHING = ("license_family", "license_url", "doc_source_url", "tags", "keywords")


def convert(path: Path, platform: str) -> str:
    """The recipe at ``path`` as recipe.yaml, whose paths are absolute. Raises InvalidRequest, with the line, and
    NotFound for what is not built for ``platform``."""
    try:
        source = Source(str(path), path.read_bytes())
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error
    beside = sorted(name for name in _ASIDE if (path.parent / name).exists())
    if beside:
        raise source.refuse(0, f"{beside[0]} lies beside it, which is not converted.", _HINT)
    return _Recipe(source, path.parent.absolute(), platform).read()


class _Recipe:
    def __init__(self, source: Source, folder: Path, platform: str) -> None:
        self._folder = folder
        self._platform = platform
        self._context: dict[str, str] = {}
        self._expressions: list[str] = []
        self._given = source
        lines = [self._line(number, line) for number, line in enumerate(source.lines, 1)]
        self._source = Source(source.name, "\n".join(lines))

    def read(self) -> str:
        root = tree.load(self._source)
        if not isinstance(root, yaml.MappingNode):
            raise self._source.refuse(0, "There is no recipe in it.", _HINT)
        parts = {key: value for key, _, value in self._pairs(root, _SECTIONS)}
        if "package" not in parts:
            raise self._source.refuse(0, "There is no `package` in it.", "Say its name and its version.")
        package = {key: self._text(value) for key, _, value in self._pairs(parts["package"], ("name", "version"))}
        made: dict[str, Any] = {"context": self._context, "package": package}
        if "source" in parts:
            node = parts["source"]
            made["source"] = list(map(self._of_source, node.value if isinstance(node, yaml.SequenceNode) else [node]))
        made["build"] = self._build(parts.get("build"))
        if "requirements" in parts:
            made["requirements"] = self._requirements(parts["requirements"])
        if "test" in parts:
            made["tests"] = self._tests(parts["test"])
        if "about" in parts:
            about = self._pairs(parts["about"], (*_ABOUT, *_SAYS_NOTHING))
            made["about"] = {_ABOUT[key]: self._value(value) for key, _, value in about if key in _ABOUT}
        if "extra" in parts:
            made["extra"] = {key: self._value(value) for key, _, value in self._pairs(parts["extra"])}
        return json.dumps(made, indent=1)  # which is YAML

    def _line(self, number: int, line: str) -> str:
        """``line`` as YAML that says its part; empty where a selector leaves it out."""
        if line.lstrip().startswith("#"):
            return ""
        selector = _SELECTOR.search(line)
        if selector is not None:
            if not self._fits(selector["said"], number):
                return ""
            line = line[: selector.start()]
        assigned = _SET.match(line)
        if assigned is not None:
            if "{{" in assigned["value"]:
                raise self._given.refuse(number, f"`{line.strip()}` sets a template.", _HINT)
            self._context[assigned["name"]] = assigned["value"].strip("\"'")
            return ""
        if "{%" in line or "{#" in line:
            raise self._given.refuse(number, f"`{line.strip()}` is more than a literal that is set.", _HINT)

        def kept(match: re.Match[str]) -> str:
            self._expressions.append(self._expression(match[1].strip(), number))
            return f"__expression_{len(self._expressions) - 1}__"

        return _EXPRESSION.sub(kept, line)

    def _fits(self, said: str, number: int) -> bool:
        fits = selectors.holds(said, self._platform)
        if fits is None:
            raise self._given.refuse(number, f"The selector [{said}] is not understood.", _HINT)
        return fits

    def _expression(self, said: str, number: int) -> str:
        named = _NAMED.match(said)
        if named is not None and named["name"] in self._context:
            return f"${{{{ {said} }}}}"
        if named is not None and said in _OF_A_SCRIPT:
            return f"${{{said}}}"
        pinned = _PIN.match(said)
        if _COMPILER.match(said) or (pinned and (pinned[2] or pinned[1] in self._context)):
            return f"${{{{ {said.replace('max_pin', 'upper_bound')} }}}}"
        raise self._given.refuse(number, f"`{{{{ {said} }}}}` is not understood.", _HINT)

    def _pairs(self, node: yaml.Node, known: tuple[str, ...] = ()) -> list[tuple[str, yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise self._source.refuse(tree.line(node), "Here keys and values are expected.", _HINT)
        found = list(tree.pairs(self._source, node))
        for key, key_node, _ in found:
            if known and key not in known:
                raise self._source.refuse(tree.line(key_node), f"`{key}` is not converted.", _HINT)
        return [(key, key_node, value) for key, key_node, value in found if not tree.is_null(value)]

    def _text(self, node: yaml.Node, *, script: bool = False) -> str:
        text = tree.text(self._source, node, "This")
        if "{{" in text:  # by escapes, or over several lines; rattler-build would run it
            raise self._source.refuse(tree.line(node), "Here a template comes together.", _HINT)

        def said(match: re.Match[str]) -> str:
            if int(match[1]) >= len(self._expressions):
                raise self._source.refuse(tree.line(node), f"`{match[0]}` is no text that can be converted.", _HINT)
            expression = self._expressions[int(match[1])]
            if not script and not expression.startswith("${{"):
                raise self._source.refuse(tree.line(node), f"`{expression}` is known in a script alone.", _HINT)
            return expression

        return re.sub(r"__expression_(\d+)__", said, text)

    def _texts(self, node: yaml.Node, *, script: bool = False) -> list[str]:
        return [self._text(item, script=script) for item in tree.items(self._source, node, "This")]

    def _value(self, node: yaml.Node) -> str | list[str]:
        return self._texts(node) if isinstance(node, yaml.SequenceNode) else self._text(node)

    def _of_source(self, node: yaml.Node) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, key_node, value in self._pairs(node, tuple(_SOURCE)):
            made[_SOURCE[key]] = self._value(value)
            if key == "path":
                made["path"] = str(self._folder / self._text(value))
            elif key == "patches":
                made["patches"] = [str(self._folder / text) for text in self._texts(value)]
            elif key == "git_rev" and not _REVISION.match(self._text(value)):
                raise self._source.refuse(
                    tree.line(key_node), "`git_rev` may be a branch or a tag.", "Give the whole hash of the commit."
                )
        return made

    def _build(self, node: yaml.Node | None) -> dict[str, Any]:
        made: dict[str, Any] = {}
        known = ("number", "script", "noarch", "entry_points", "skip")
        for key, key_node, value in self._pairs(node, known) if node is not None and not tree.is_null(node) else ():
            if key == "script":
                made[key] = self._texts(value, script=True)
            elif key == "entry_points":
                made["python"] = {key: self._texts(value)}
            elif key == "number":
                text = self._text(value)
                made[key] = int(text) if text.isdecimal() else text
            elif key == "noarch":
                made[key] = self._text(value)
            elif self._text(value).lower() in ("true", "yes", "1"):
                raise NotFound(
                    f"{self._source.name}, line {tree.line(key_node)}: It is not built for {self._platform}.",
                    "Build it on another platform.",
                )
        if "script" not in made and (self._folder / "build.sh").exists():
            made["script"] = {"file": str(self._folder / "build.sh")}
        return made

    def _requirements(self, node: yaml.Node) -> dict[str, Any]:
        found = {
            _REQUIREMENTS[key]: (key_node, value) for key, key_node, value in self._pairs(node, tuple(_REQUIREMENTS))
        }
        made = {
            key: [self._spec(one) for one in tree.items(self._source, value, key)] for key, (_, value) in found.items()
        }
        if "build" in made and "host" not in made:  # to conda-build both are then one environment
            if any("compiler(" in spec or "stdlib(" in spec for spec in made["build"]):
                raise self._source.refuse(
                    tree.line(found["build"][0]), "There is a compiler in `build`, and no `host`.", "Add `host`."
                )
            made["host"] = made.pop("build")
        return made

    def _spec(self, node: yaml.Node) -> str:
        """To conda-build a bare version is one of its kind: ``numpy 1.26`` has 1.26.4 as well; with a build it is that
        version alone."""
        text = self._text(node).strip()
        if re.search(r"\sx\.x\b", text):
            raise self._source.refuse(tree.line(node), f"`{text}` takes its version from elsewhere.", _HINT)
        bare = _BARE.match(text)
        if bare is None:
            return text
        if bare["build"]:
            return f"{bare['name']} =={bare['version']} {bare['build']}"
        return f"{bare['name']} {bare['version']}.*"

    def _tests(self, node: yaml.Node) -> list[dict[str, Any]]:
        found = {key: value for key, _, value in self._pairs(node, ("imports", "commands", "requires", "source_files"))}
        imports, commands, requires, files = (
            self._texts(found[key]) if key in found else []
            for key in ("imports", "commands", "requires", "source_files")
        )
        if "requires" in found:
            requires = [self._spec(one) for one in tree.items(self._source, found["requires"], "requires")]
            commands = [*(f'python -c "import {name}"' for name in imports), *commands]
            requires, imports = [*(["python"] if imports else []), *requires], []
        made: list[dict[str, Any]] = [{"python": {"imports": imports, "pip_check": False}}] if imports else []
        if commands:
            script: dict[str, Any] = {"script": commands}
            script |= {"requirements": {"run": requires}} if requires else {}
            script |= {"files": {"source": files}} if files else {}
            made.append(script)
        return made
