"""The keys of a manifest of pixi: one that is another misspelt is refused, and one that changes nothing here is told.

See https://pixi.prefix.dev/latest/reference/pixi_manifest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .source import Source, meant

CONDA = ("dependencies", "host-dependencies", "build-dependencies")
"""All of them are installed; what two of them say of a package, the later one says."""
PYPI = "pypi-dependencies"
INDEXES = ("index-url", "extra-index-urls", "find-links")

_SOURCE = ("path", "git", "branch", "tag", "rev", "subdirectory", "url")
_OF_A_SPEC = (
    *("version", "build", "build-number", "channel", "subdir", "file-name", "md5", "sha256", "license"),
    *("license-family", "track-features", "features", "flags", "extras", "when", *_SOURCE),
)
_OF_A_REQUIREMENT = ("version", "extras", "index", "editable", "env-markers", "no-binary", *_SOURCE)
_OF_A_TARGET = (*CONDA, PYPI, "activation", "constraints", "dev", "tasks")
_OF_A_FEATURE = (
    *(*_OF_A_TARGET, "target", "channels", "platforms", "channel-priority", "solve-strategy", "system-requirements"),
    *("exclude-newer", "pypi-exclude-newer", "pypi-options"),
)
_OF_A_MANIFEST = (*_OF_A_FEATURE, "workspace", "project", "package", "feature", "environments", "tool", "$schema")
_OF_A_WORKSPACE = (
    *("name", "version", "authors", "description", "license", "license-file", "readme", "homepage", "repository"),
    *("documentation", "channels", "channel-priority", "platforms", "solve-strategy", "exclude-newer", "audit"),
    *("exclude-newer-exempt", "pypi-exclude-newer", "pypi-options", "conda-pypi-map", "s3-options", "preview"),
    *("requires-pixi", "build-variants", "build-variants-files", "dependencies", "target"),
)
_OF_OPTIONS = (
    *(*INDEXES, "index-strategy", "no-build", "no-build-isolation", "no-binary", "dependency-overrides"),
    *("skip-wheel-filename-check", "prerelease-mode"),
)
_OF_AN_ENVIRONMENT = ("features", "solve-group", "no-default-feature")
_LEFT_OUT = {
    _OF_A_MANIFEST: ("constraints", "dev", "pypi-exclude-newer"),
    _OF_A_WORKSPACE: ("exclude-newer-exempt", "pypi-exclude-newer"),
    _OF_A_FEATURE: ("constraints", "dev", "pypi-exclude-newer"),
    _OF_A_TARGET: ("constraints", "dev"),
    _OF_A_SPEC: ("file-name", "md5", "sha256", "flags", "extras", "when"),
    _OF_A_REQUIREMENT: ("no-binary",),
    _OF_OPTIONS: ("dependency-overrides", "prerelease-mode"),
}
"""Of the keys that a table may have: those that would change what is installed, and do not here."""


def check(source: Source, manifest: Mapping[str, Any], workspace: Mapping[str, Any]) -> tuple[str, ...]:
    """What is told of keys that change nothing. Raises InvalidRequest for one that is another one misspelt."""
    told: dict[str, None] = {}
    for found, known in ((manifest, _OF_A_MANIFEST), (workspace, _OF_A_WORKSPACE), *_tables(manifest)):
        for key in found:
            line = line_of(source, key)
            if key in _LEFT_OUT.get(known, ()):
                told[f"{source.name}, line {line}: `{key}` is left out, as this is not done here"] = None
            elif key not in known:
                if word := meant(key, known):
                    raise source.refuse(line, f"There is no key `{key}`.", f"Did you mean `{word}`?", meant={key: word})
                told[f"{source.name}, line {line}: `{key}` means nothing here"] = None
    return tuple(told)


def _tables(manifest: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], tuple[str, ...]]]:
    """Every table below, with the keys that it may have."""
    features = [table(one) for one in table(manifest.get("feature")).values()]
    for feature in features:
        yield feature, _OF_A_FEATURE
    for environment in table(manifest.get("environments")).values():
        yield table(environment), _OF_AN_ENVIRONMENT
    for part in (manifest, *features):
        yield table(part.get("pypi-options")), _OF_OPTIONS
        targets = [table(one) for one in table(part.get("target")).values()]
        for target in targets:
            yield target, _OF_A_TARGET
        for of_platform in (part, *targets):
            for kind, known in (*((kind, _OF_A_SPEC) for kind in CONDA), (PYPI, _OF_A_REQUIREMENT)):
                for wanted in table(of_platform.get(kind)).values():
                    yield table(wanted), known


def line_of(source: Source, key: str, below: str = "") -> int:
    """Where ``key`` is first set, in the table ``below`` if there is such a one; TOML's own reader does not tell."""
    start = re.search(rf"^\s*\[[^\]\n]*\b{re.escape(below)}\s*\]", source.text, re.MULTILINE) if below else None
    name = rf"[\"']?{re.escape(key)}[\"']?\s*"
    for pattern in (rf"^\s*{name}=", rf"^\s*\[+(?:[^\]\n]*\.)?\s*{name}[\].]", rf"[{{,.]\s*{name}[=.]"):
        match = re.compile(pattern, re.MULTILINE).search(source.text, start.end() if start is not None else 0)
        if match is not None:
            return source.text.count("\n", 0, match.end()) + 1
    return line_of(source, key) if below else 0


def table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def texts(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
