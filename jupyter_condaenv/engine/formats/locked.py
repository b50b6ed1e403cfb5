"""Locks of other tools: ``conda-lock.yml`` (CEP 37) and ``pixi.lock``, for the packages of one platform.

Of each package its URL and its hashes are taken: the rest stands in the archive, which is what gets installed. So it
is with pip's, too; where one of them has no hash, all are asked of pip by their versions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

import yaml
from packaging.utils import canonicalize_name

from ..channels import redact
from ..model import Lock, Package, PipFile, PipPackage
from . import yaml as tree
from .explicit import digest, package_at
from .source import Source
from .specfile import SpecFile

_TOP = re.compile(r"^(?P<key>version|metadata|package|environments|dependencies)[ ]*:", re.MULTILINE)
_CONDA_LOCK = ("1",)
_PIXI = ("4", "5", "6", "7")
_CONDA_WORKSPACES = ("1",)
"""``conda.lock`` of conda-workspaces is laid out like pixi's."""
_VIRTUAL = re.compile(
    r"(?P<name>__[a-z0-9_]+)(=(?P<version>(\d+!)?[A-Za-z0-9_.+-]+)(=(?P<build>[A-Za-z0-9_.+-]+))?)?\Z"
)
_OF_INDEX = re.compile(r"/packages/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/[^/]+\Z")
"""How PyPI and its mirrors lay out their files, which are asked for by name and hash: other indexes have them too."""
_LOGIN = re.compile(r"://(?!git@)[^/?#\s\"']*@|https?://\S{0,500}/t/[^/\s]+/\S")


def is_lock(source: Source) -> bool:
    """Whether it looks like one of them from afar: they are too large to be read just to be told apart."""
    if re.search(r'^\s*"metadata"\s*:', source.text, re.MULTILINE):  # YAML written as JSON
        return bool(re.search(r'^\s*"package"\s*:', source.text, re.MULTILINE))
    keys = {match["key"] for match in _TOP.finditer(source.text)}
    return "version" in keys and bool(keys & {"metadata", "package", "environments"}) and "dependencies" not in keys


def check_secrets(source: Source) -> None:
    """Raises InvalidRequest for a URL with a login in it."""
    match = _LOGIN.search(source.text)
    if match is not None:
        raise source.refuse(
            source.text.count("\n", 0, match.start()) + 1,
            "There is a token or a password in a URL.",
            "Take it out, and put the secret into ~/.netrc or into the file that RATTLER_AUTH_FILE names.",
        )


def read(source: Source, platform: str, environment: str = "") -> SpecFile:
    """What is locked for ``platform``, in a ``pixi.lock`` of ``environment``: by default of that which is called
    ``default``, or of the only one. Raises InvalidRequest."""
    root = tree.load(source)
    if not isinstance(root, yaml.MappingNode):
        raise source.refuse(0, "It is not a lock.", "Is it the right file?")
    top = {key: value for key, _, value in tree.pairs(source, root)}
    if "environments" in top:
        return _PixiLock(source, top, platform, environment).read()
    if environment:
        raise source.only_one(environment)
    return _CondaLock(source, top, platform).read()


class _Locked:
    """What both formats have in common."""

    def __init__(self, source: Source, top: dict[str, yaml.Node], platform: str) -> None:
        self._source = source
        self._top = top
        self._platform = platform
        self._packages: dict[str, Package] = {}
        self._pip: dict[str, str] = {}
        """By the name of the package, or what stands for it, the requirement that it is."""
        self._pip_lines: dict[str, int] = {}
        self._of_pip: dict[str, PipPackage] = {}
        """Those of which it is said which file they are."""
        self._warnings: list[str] = []
        self._virtual: tuple[str, ...] = ()
        """What a machine has that it was locked for, where the format says it."""

    def _check_version(self, kind: str, known: tuple[str, ...]) -> None:
        node = self._top.get("version")
        version = node.value if isinstance(node, yaml.ScalarNode) else ""
        if version not in known:
            raise self._source.refuse(
                tree.line(node) if node is not None else 0,
                f"It is a {kind} of version {version or '(none)'}; {_or(known)} can be read.",
                "Write it anew with the tool that it is from.",
            )

    def _add(self, line: int, url: str, md5: str, sha256: str) -> Package:
        package = package_at(self._source, line, url, md5, sha256)
        if package.subdir not in ("", self._platform, "noarch"):
            raise self._source.refuse(line, f"{package} is not for {self._platform}.", "Lock again.")
        other = self._packages.setdefault(package.name, package)
        if other.url != package.url:
            raise self._source.refuse(line, f"{package.name} stands there twice, also from {other.url}.", "Lock again.")
        return package

    def _add_pip(self, node: yaml.Node, name: str, version: str, url: str, hashes: dict[str, yaml.Node]) -> None:
        """By the file that was locked or, where nothing says which that is, by what can be asked for."""
        line = tree.line(node)
        plain = url.removeprefix("direct+").partition("#")[0]
        parts = urlsplit(plain)
        on_index = parts.scheme in ("http", "https") or plain.startswith("file:///")
        name = canonicalize_name(name)
        if not (name and version and on_index):
            # As a place and not as a name, which an index may have as well.
            text = self._pip.setdefault(url, url if parts.scheme or url.startswith((".", "/")) else f"./{url}")
            self._pip_lines.setdefault(text, line)
            return
        self._pip[name] = f"{name}=={version}"
        self._pip_lines.setdefault(self._pip[name], line)
        sha256 = self._digest(hashes, "sha256", node)  # of a repository conda-lock has its commit there
        if not sha256:
            return
        file = PipFile(name=unquote(parts.path.rpartition("/")[2]), url=plain, sha256=sha256)
        package = PipPackage(name=name, version=version, files=(file,), direct=not _OF_INDEX.search(parts.path))
        other = self._of_pip.setdefault(name, package)
        if other != package:
            raise self._source.refuse(line, f"{name} of pip stands there twice, also as {other}.", "Lock again.")

    def _done(self, channels: Iterable[str], platforms: Iterable[str]) -> SpecFile:
        platforms = tuple(dict.fromkeys(platforms))
        if not self._packages and not self._pip:
            raise self._source.refuse(
                0,
                f"It has nothing for {self._platform}, only for {', '.join(platforms) or 'no platform'}.",
                "Lock the same requests for this platform too.",
                platforms=platforms,
            )
        bare = sum(not package.sha256 and not package.md5 for package in self._packages.values())
        if bare:
            self._warnings.append(f"{self._source.name} has no hash for {bare} packages: their channels' indexes have")
        by_file = self._pip.keys() == self._of_pip.keys()
        if self._of_pip and not by_file:
            told = ", ".join(redact(text) for name, text in self._pip.items() if name not in self._of_pip)
            self._warnings.append(
                f"{self._source.name} has no sha256 for {told}: all of pip's are asked for by version"
            )
        lock = Lock(
            platform=self._platform,
            channels=_channels(channels, self._packages.values()),
            specs=(),
            virtual_packages=self._virtual,
            # A driver is what a later change would not find on another machine; the rest is an older system's.
            declared=tuple(text for text in self._virtual if text.startswith("__cuda")),
            packages=tuple(sorted(self._packages.values(), key=lambda package: package.name)),
            pip_specs=tuple(self._pip.values()) if by_file else (),
            pip=tuple(self._of_pip[name] for name in sorted(self._of_pip)) if by_file else (),
        )
        return SpecFile(
            lock=lock,
            pip=tuple(self._pip.values()),
            pip_lines=self._pip_lines,
            platforms=platforms,
            warnings=tuple(self._warnings),
        )

    def _fields(self, node: yaml.Node, what: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self._source.refuse(tree.line(node), f"{what} is not a mapping.", "Is the file whole?")
        return {key: value for key, _, value in tree.pairs(self._source, node)}

    def _text(self, fields: dict[str, yaml.Node], key: str, node: yaml.Node, default: str | None = None) -> str:
        if key not in fields or (default is not None and tree.is_null(fields[key])):
            if default is not None:
                return default
            raise self._source.refuse(tree.line(node), f"A package has no `{key}`.", "Is the file whole?")
        return tree.text(self._source, fields[key], key)

    def _digest(self, fields: dict[str, yaml.Node], kind: str, node: yaml.Node) -> str:
        return digest(self._source, tree.line(fields.get(kind, node)), kind, self._text(fields, kind, node, ""))


class _CondaLock(_Locked):
    def read(self) -> SpecFile:
        self._check_version("pixi.lock" if "platforms" in self._top else "conda-lock file", _CONDA_LOCK)
        platforms: dict[str, None] = {}
        left_out: dict[str, int] = {}
        for node in tree.items(self._source, self._top.get("package", _NOTHING), "package"):
            fields = self._fields(node, "A package")
            platform = self._text(fields, "platform", node)
            platforms[platform] = None
            if platform != self._platform:
                continue
            category = self._text(fields, "category", node, "main")
            if category != "main":
                left_out[category] = left_out.get(category, 0) + 1
            else:
                self._package(node, fields)
        if left_out:
            told = ", ".join(f"{number} of {category}" for category, number in left_out.items())
            if not self._packages and not self._pip:
                raise self._source.refuse(
                    0, f"It has nothing of the category main for {self._platform}, only {told}.", "Lock it as main."
                )
            self._warnings.append(f"{self._source.name}: only the category main is taken; left out: {told}")
        return self._done(self._named(), platforms)

    def _package(self, node: yaml.Node, fields: dict[str, yaml.Node]) -> None:
        manager = self._text(fields, "manager", node)
        name, version, url = (self._text(fields, key, node) for key in ("name", "version", "url"))
        hashes = self._fields(fields["hash"], "`hash`") if "hash" in fields else {}
        if manager == "pip":
            self._add_pip(node, name, version, url, hashes)
            return
        if manager != "conda":
            raise self._source.refuse(
                tree.line(fields["manager"]), f"{manager} installs no packages here.", "Lock again."
            )
        md5, sha256 = self._digest(hashes, "md5", node), self._digest(hashes, "sha256", node)
        package = self._add(tree.line(fields["url"]), url, md5, sha256)
        if (package.name, package.version) != (name.lower(), version):
            raise self._source.refuse(tree.line(node), f"{name} {version} lies at the URL of {package}.", "Lock again.")

    def _named(self) -> Iterator[str]:
        metadata = self._top.get("metadata")
        fields = self._fields(metadata, "`metadata`") if metadata is not None else {}
        for node in tree.items(self._source, fields.get("channels", _NOTHING), "channels"):
            if isinstance(node, yaml.MappingNode):
                yield self._text(self._fields(node, "A channel"), "url", node)
            else:
                yield tree.text(self._source, node, "channels")


class _PixiLock(_Locked):
    def __init__(self, source: Source, top: dict[str, yaml.Node], platform: str, environment: str) -> None:
        super().__init__(source, top, platform)
        self._chosen = environment
        self._machines: dict[str, tuple[str, ...]] = {}
        """By the name of the platform."""

    def read(self) -> SpecFile:
        version = self._top.get("version")
        workspaces = isinstance(version, yaml.ScalarNode) and version.value in _CONDA_WORKSPACES
        self._check_version("pixi.lock", _CONDA_WORKSPACES if workspaces else _PIXI)
        name, environment = self._environment()
        fields = self._fields(environment, f"The environment {name}")
        of_platforms = self._fields(fields.get("packages", _EMPTY), "`packages`")
        subdirs = self._subdirs()
        fitting = [key for key in of_platforms if subdirs.get(key, key) == self._platform]
        if len(fitting) > 1 and self._platform in fitting:
            fitting = [self._platform]
        if len(fitting) > 1:
            raise self._source.refuse(
                tree.line(of_platforms[fitting[1]]),
                f"There are several sets of packages for {self._platform}: {', '.join(fitting)}.",
                f"Name one of them {self._platform}.",
            )
        known = dict(self._known())
        for key in fitting:
            self._virtual = self._machines.get(key, ())
            for node in tree.items(self._source, of_platforms[key], key):
                self._reference(node, known)
        channels = [
            self._text(self._fields(node, "A channel"), "url", node)
            for node in tree.items(self._source, fields.get("channels", _NOTHING), "channels")
        ]
        return self._done(channels, (subdirs.get(key, key) for key in of_platforms))

    def _environment(self) -> tuple[str, yaml.Node]:
        """That which was chosen, ``default``, or the only one there is."""
        found = self._fields(self._top["environments"], "`environments`")
        name = self._chosen or (next(iter(found), "") if len(found) == 1 else "default")
        if name not in found:
            raise self._source.refuse(
                tree.line(self._top["environments"]),
                f"There is no environment {name!r} among {', '.join(found) or 'none'}.",
                "Choose one of them." if found else "Is it the right file?",
            )
        others = [other for other in found if other != name and not self._chosen]
        if others:
            self._warnings.append(
                f"{self._source.name}: the environment {name} is taken; left out: {', '.join(others)}"
            )
        return name, found[name]

    def _subdirs(self) -> dict[str, str]:
        """Since version 7 platforms may have names of their own."""
        found = {}
        for node in tree.items(self._source, self._top.get("platforms", _NOTHING), "platforms"):
            if isinstance(node, yaml.MappingNode):
                fields = self._fields(node, "A platform")
                name = self._text(fields, "name", node)
                found[name] = self._text(fields, "subdir", node, name)
                self._machines[name] = tuple(self._declared(fields.get("virtual-packages", _NOTHING)))
        return found

    def _declared(self, node: yaml.Node) -> Iterator[str]:
        for item in tree.items(self._source, node, "virtual-packages"):
            text = tree.text(self._source, item, "virtual-packages")
            match = _VIRTUAL.match(text)
            if match is None:
                where = f"{self._source.name}, line {tree.line(item)}"
                self._warnings.append(f"{where}: {text!r} is no virtual package with its version, and is left out")
            else:
                yield f"{match['name']}={match['version'] or '0'}={match['build'] or '0'}"

    def _known(self) -> Iterator[tuple[str, dict[str, yaml.Node]]]:
        """By where they come from, what is said of the packages."""
        for node in tree.items(self._source, self._top.get("packages", _NOTHING), "packages"):
            fields = self._fields(node, "A package")
            for key in ("conda", "pypi", "url", "path", "conda_source"):
                if key in fields:
                    yield self._text(fields, key, node), fields
                    break

    def _reference(self, node: yaml.Node, known: dict[str, dict[str, yaml.Node]]) -> None:
        fields = self._fields(node, "A package")
        kind = next((kind for kind in ("conda", "pypi") if kind in fields), "")
        where = self._text(fields, kind, node) if kind else ""
        said = known.get(where, {})
        if kind == "pypi":
            name, version = (self._text(said, key, node, "") for key in ("name", "version"))
            self._add_pip(node, name, version, where, said)
            return
        if kind != "conda" or not re.match(r"(https?|file|s3|oci)://|/", where):
            raise self._source.refuse(
                tree.line(node),
                "A package is to be built from source, which is not done here.",
                "Build it into a channel, and lock again.",
            )
        self._add(tree.line(node), where, self._digest(said, "md5", node), self._digest(said, "sha256", node))


_NOTHING = yaml.SequenceNode("tag:yaml.org,2002:seq", [])
_EMPTY = yaml.MappingNode("tag:yaml.org,2002:map", [])


def _channels(named: Iterable[str], packages: Iterable[Package]) -> tuple[str, ...]:
    """Those that are named, in their order, as URLs, and behind them others that packages come from."""
    used = list(dict.fromkeys(package.channel for package in packages))
    found: dict[str, None] = {}
    for name in (name.rstrip("/") for name in named):
        matching = [url for url in used if url == name or url.endswith(f"/{name}")]
        found |= dict.fromkeys(matching)
        if not matching and re.match(r"https?://[^$]+\Z", name) and redact(name) == name:
            found[name] = None
    return tuple(found | dict.fromkeys(used))


def _or(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
