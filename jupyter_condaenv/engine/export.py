"""An environment as a file that other tools read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from email.parser import HeaderParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import msgspec
from msgspec.structs import replace
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from . import conda_history, distributions, history, requirements, sites, stack
from . import prefix as prefixes
from .activation import rules
from .channels import local_path, redact
from .errors import Refused
from .formats import dockerfile, sbom, workflow, written
from .model import Exported, ExportedFile, ExportFormat, Lock, LockFormat, PipFile, PipPackage, Wanted

FILE_NAMES: Mapping[ExportFormat, str] = {
    "environment.yml": "environment.yml",
    "explicit": "explicit.txt",
    "conda-lock": "conda-lock.yml",
    "pixi.lock": "pixi.lock",
    "requirements": "requirements.txt",
    "sbom": "sbom.cdx.json",
    "dockerfile": "Dockerfile",
    "github-workflow": f"{workflow.FOLDER}/environment.yml",
}


LOCKS: Mapping[LockFormat, Callable[..., str]] = {"conda-lock": written.conda_lock, "pixi.lock": written.pixi_lock}
"""What writes them, for as many platforms as there are locks."""


_MODULE = re.compile(r"(?!_)(\w+)(?:/__init__)?\.py\Z", re.ASCII)
"""In site-packages: a module, or what makes a folder a package."""

_DIST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DIST_VERSION = re.compile(r"[A-Za-z0-9.+!_-]+")


class Distribution(NamedTuple):
    """A Python package as pip knows it."""

    name: str
    version: str
    source: str
    """Where it was installed from, as a requirement says it; empty where that is an index."""
    of_conda: bool
    info: Path
    """Its ``.dist-info`` or ``.egg-info``."""
    metadata: Path
    sha256: str = ""
    """Of the file at ``source``; empty where that is something else, or nobody knows."""


def export(prefix: Path, format: ExportFormat, wanted: Wanted = "asked") -> Exported:
    """What is in ``prefix``, written for other tools; an overlay with all that it stands on.

    ``wanted`` says how closely environment.yml follows what is there, and means nothing to the others. Raises Refused
    where the format cannot say what is there, or needs what is not installed.
    """
    own = history.current_lock(prefix)
    lock = whole(own)
    installed = _distributions(prefix, lock)
    by_pip = [one for one in installed if not one.of_conda]
    if format == "dockerfile" or format == "github-workflow":
        return _with_lock(prefix, lock, format, by_pip)
    told: list[str] = []
    if format == "environment.yml":
        text = written.environment(
            name=prefix.name,
            channels=lock.channels,
            specs=_specs(prefix, lock, wanted),
            pip=_pip_specs(lock, by_pip, wanted),
            variables=_variables(prefix, told.append),
        )
    elif format == "requirements":
        text = written.requirements(lock, [_requirement(one) for one in installed])
    elif format == "sbom":
        text = sbom.cyclonedx(prefix.name, lock, _for_bill(lock, by_pip, sites.needs(prefix, own)))
    else:
        check_hashes(lock)
        if format == "explicit":
            text = written.explicit(lock, pip=[_requirement(one) for one in by_pip])
        else:
            lock, unknown = _by_file(lock, by_pip)
            text = LOCKS[format](lock, pip=unknown)
    named = lock.channels if format not in ("explicit", "sbom") else ()
    notes = () if format == "requirements" else not_elsewhere(lock, named)
    return Exported(name=FILE_NAMES[format], text=text, notes=(*notes, *told))


def _variables(prefix: Path, warn: Callable[[str], None]) -> dict[str, str]:
    """What people have set, for all levels."""
    return _of_levels(prefix, lambda level: rules.variables_in(f"{level}/{rules.STATE_FILE}", warn))


def _of_levels(prefix: Path, read: Callable[[str], Mapping[str, str]]) -> dict[str, str]:
    """What ``read`` finds in each level below ``prefix``, and in itself, which wins."""
    return {name: value for level in stack.levels(str(prefix)) for name, value in read(level).items()}


def not_elsewhere(lock: Lock, named: Sequence[str] = ()) -> tuple[str, ...]:
    """Why others cannot make an environment of ``lock`` as it is: channels, also those that are ``named``, and a base
    that are places of this machine."""
    of_packages = (package.channel for package in lock.packages if local_path(package.url) is not None)
    places = dict.fromkeys([*(channel for channel in named if local_path(channel) is not None), *of_packages])
    told = []
    if places:
        are = "is a directory" if len(places) == 1 else "are directories"
        told.append(
            f"{', '.join(places)} {are} of this machine, where no other finds it: serve it over HTTP, or pack the "
            "environment."
        )
    if lock.base is not None:
        told.append(
            f"It stands on {lock.base.prefix}, which it does not hold: it can be used where that is, as it is now."
        )
    return tuple(told)


def _by_file(lock: Lock, by_pip: Iterable[Distribution]) -> tuple[Lock, list[str]]:
    """``lock`` with each of pip's packages by the one file that is installed, and as requirements those of ``by_pip``
    of which nobody knows the file."""
    known = {one.name: one for one in lock.pip if one.files}
    found: dict[str, PipPackage] = {}
    unknown = []
    for one in by_pip:
        package = known.get(distributions.normalized(one.name))
        if package is not None and requirements.same_version(package.version, one.version):
            found[package.name] = replace(package, files=(_installed_file(package, one.info),))
        else:
            unknown.append(_requirement(one))
    return replace(lock, pip=tuple(found[name] for name in sorted(found))), unknown


def _installed_file(package: PipPackage, info: Path) -> PipFile:
    """The wheel with the tags that its ``WHEEL`` says, or else the source that one was built of."""
    tags: set[str] = set()
    with suppress(OSError):
        headers = HeaderParser().parsestr((info / "WHEEL").read_text(encoding="utf-8", errors="replace"))
        tags = set(headers.get_all("Tag", []))
    for file in package.files:
        with suppress(InvalidWheelFilename):
            if tags & {str(tag) for tag in parse_wheel_filename(file.name)[3]}:
                return file
    return next((file for file in package.files if not file.name.endswith(".whl")), package.files[0])


def _with_lock(prefix: Path, lock: Lock, format: ExportFormat, by_pip: Sequence[Distribution]) -> Exported:
    """What makes the environment elsewhere, of the lock that lies beside it, and of requirements with hashes for what
    pip has installed."""
    lock, unknown = _by_file(lock, by_pip)
    check_hashes(lock)
    _check_elsewhere(lock)
    lock_name, pip_name = f"conda-{lock.platform}.lock", f"pip-{lock.platform}.txt" if lock.pip else ""
    comments = written.comments(unknown)
    told: list[str] = []
    if format == "dockerfile":
        variables = _of_levels(prefix, lambda level: _in_image(level, told.append))
        text = dockerfile.write(prefix.name, lock, lock_name, variables, comments, pip_name)
        told += [
            f"{one} is built from source, and the image has no compiler: should it take one, install that in the first "
            "stage."
            for one in lock.pip
            if not one.files[0].name.endswith(".whl")
        ]
    else:
        if names := ", ".join(_variables(prefix, told.append)):
            set_here = f"{names} {'are' if ', ' in names else 'is'} set in it"
            told.append(f"{set_here}, which no lock holds: give the steps that need that an `env:`.")
        imports, python = _imports(prefix, lock), stack.python_of(lock.packages) is not None
        text = workflow.write(prefix.name, lock.platform, lock_name, imports, python, comments, pip_name)
    explicit = written.explicit(lock, pip=[_requirement(one) for one in by_pip])
    beside = [ExportedFile(name=lock_name, text=explicit)]
    if pip_name:
        beside.append(ExportedFile(name=pip_name, text=written.by_hash(map(requirements.exactly, lock.pip))))
    return Exported(name=FILE_NAMES[format], text=text, beside=tuple(beside), notes=tuple(told))


def _in_image(level: str, warn: Callable[[str], None]) -> dict[str, str]:
    """The variables that ``level`` sets, with its own path, which packages write into theirs, as it is in the image."""
    return {name: value.replace(level, dockerfile.PREFIX) for name, value in rules.defined(level, warn).items()}


def _check_elsewhere(lock: Lock) -> None:
    """Raises Refused for what no other machine could make, or none that images and runners are."""
    if lock.platform not in workflow.RUNNERS:
        raise Refused(f"An environment of {lock.platform} is none for Linux.", "Export it on Linux.")
    for package in lock.packages:
        if local_path(package.url) is not None:
            raise Refused(
                f"{package} comes from a directory of this machine, {package.channel}, where no other finds it.",
                "Serve that channel over HTTP, and install the package from there.",
                package=package.name,
            )
    for one in lock.pip:
        if not one.files[0].url.startswith("http"):
            raise Refused(
                f"{one} was installed by pip from a file of this machine, {one.files[0].url}, where no other finds it.",
                "Publish it on an index, and have pip install it from there.",
                package=one.name,
            )


def _imports(prefix: Path, lock: Lock) -> list[str]:
    """Modules of the packages that were asked for."""
    python = stack.python_of(lock.packages)
    if python is None:
        return []
    site = prefixes.site_packages(python)
    asked = set(map(conda_history.name_of, lock.specs))
    found: set[str] = set()
    for level in stack.levels(str(prefix)):
        for record in prefixes.records(Path(level)):
            if record.name in asked:
                found |= {
                    match[1] for entry in record.paths if (match := _MODULE.match(entry.path.partition(f"{site}/")[2]))
                }
    return sorted(found)


def of_pip(prefix: Path, lock: Lock) -> tuple[tuple[PipPackage, ...], list[str]]:
    """What pip has installed in ``prefix``, whose ``lock`` this is, each by its file; and as requirements those of
    which nobody knows the file."""
    found, unknown = _by_file(lock, [one for one in _distributions(prefix, lock) if not one.of_conda])
    return found.pip, unknown


def whole(lock: Lock) -> Lock:
    """``lock`` with what it stands on in one: other tools know nothing of overlays."""
    if lock.base is None:
        return lock
    below = Path(lock.base.prefix)
    under = whole(history.current_lock(below))
    packages = {package.name: package for package in (*lock.base.packages, *lock.packages)}
    return replace(
        lock,
        packages=tuple(packages[name] for name in sorted(packages)),
        channels=tuple(dict.fromkeys([*lock.channels, *under.channels])),
        specs=tuple(dict.fromkeys([*under.specs, *lock.specs])),
        base=None,
        pip_specs=requirements.together(under.pip_specs, lock.pip_specs),
        pip=(*under.pip, *lock.pip),
    )


def _pip_specs(lock: Lock, by_pip: Sequence[Distribution], wanted: Wanted) -> list[str]:
    """What was asked of pip and what nobody knows to have been; pinned, all that it installed."""
    if wanted in ("pinned", "builds"):
        return [_requirement(one) for one in by_pip]
    return [*lock.pip_specs, *(_requirement(one) for one in _by_hand(lock, by_pip))]


def _by_hand(lock: Lock, by_pip: Iterable[Distribution]) -> list[Distribution]:
    """Those of ``by_pip`` of which nobody knows whether they were asked for."""
    known = {one.name for one in lock.pip} | {requirements.name_of(spec) for spec in lock.pip_specs}
    return [one for one in by_pip if distributions.normalized(one.name) not in known]


def _for_bill(lock: Lock, by_pip: Sequence[Distribution], needs: Iterable[sites.Need]) -> Iterator[sbom.OfPip]:
    files = {one.name: one.files[0] for one in _by_file(lock, by_pip)[0].pip}
    asked = {requirements.name_of(spec) for spec in lock.pip_specs}
    asked |= {distributions.normalized(one.name) for one in _by_hand(lock, by_pip)}
    needed: dict[str, list[str]] = {}
    for need in needs:
        needed.setdefault(need.package, []).append(need.wanted)
    for one in by_pip:
        name = distributions.normalized(one.name)
        file = files.get(name)
        yield sbom.OfPip(
            name=name,
            version=one.version,
            source=one.source or (file.url if file else ""),
            sha256=one.sha256 or (file.sha256 if file else ""),
            licenses=_licenses(one.metadata),
            needs=tuple(needed.get(name, ())),
            asked=name in asked,
        )


def _licenses(metadata: Path) -> tuple[str, ...]:
    """What the file ``metadata`` calls its licence: in one line, since many have the whole text there."""
    headers = HeaderParser().parsestr(metadata.read_text(encoding="utf-8", errors="replace"))
    for said in (headers["License-Expression"], headers["License"]):
        if said and "\n" not in said.strip() and said.strip() != "UNKNOWN":
            return (said.strip(),)
    return tuple(
        text.rpartition(" :: ")[2] for text in headers.get_all("Classifier", []) if text.startswith("License ::")
    )


def _specs(prefix: Path, lock: Lock, wanted: Wanted) -> Sequence[str]:
    if wanted == "asked":
        return lock.specs
    if wanted == "history":
        levels = stack.levels(str(prefix))
        return list(dict.fromkeys(spec for level in levels for spec in history.requested(Path(level), lock.packages)))
    archives = {conda_history.name_of(spec): spec for spec in lock.specs if conda_history.is_archive(spec)}
    pinned = {one.name: f"{one.name}={one.version}" for one in lock.packages}
    if wanted == "builds":
        pinned = {one.name: f"{pinned[one.name]}={one.build}" for one in lock.packages}
    return list((pinned | archives).values())


def check_hashes(lock: Lock) -> None:
    """Raises Refused for a package that nobody could fetch again as it is."""
    for package in lock.packages:
        if not package.url or not (package.sha256 or package.md5):
            raise Refused(
                f"Nothing says where {package} came from, or what its archive was.",
                "Install it again from a channel, or export environment.yml.",
                package=package.name,
            )


def _requirement(one: Distribution) -> str:
    return f"{one.name} @ {one.source}" if one.source else f"{one.name}=={one.version}"


def _distributions(prefix: Path, lock: Lock) -> list[Distribution]:
    """Python packages of all levels below ``prefix``, each as the level that hides the others has it; sorted."""
    found: dict[str, Distribution] = {}
    python = stack.python_of(lock.packages)
    if python is None:
        return []
    for level in map(Path, stack.levels(str(prefix))):
        site = distributions.look(level, prefixes.site_packages(python), prefixes.records(level))
        for there in (site.conda, site.others):
            for name, one in there.items():
                if _DIST_NAME.fullmatch(one.name) and _DIST_VERSION.fullmatch(one.version):
                    of_conda = there is site.conda
                    source, sha256 = ("", "") if of_conda else _source(one.info)
                    found[name] = Distribution(one.name, one.version, source, of_conda, one.info, one.metadata, sha256)
    return [found[name] for name in sorted(found)]


def _source(info: Path) -> tuple[str, str]:
    """Where pip has it from, of what came from no index, and the hash of that if it is a file (PEP 610)."""
    try:
        origin = msgspec.json.decode((info / "direct_url.json").read_bytes(), type=_Origin)
    except (OSError, msgspec.MsgspecError):
        return "", ""
    source = origin.url
    if origin.vcs_info is not None:
        source = f"{origin.vcs_info.vcs}+{source}@{origin.vcs_info.commit_id}"
    sha256 = origin.archive_info.hashes.get("sha256", "") if origin.archive_info is not None else ""
    # It stands in lines of its own, and a line of a Dockerfile is a command.
    source = redact(re.sub(r"[\s\x00-\x1f\x7f]", lambda blank: quote(blank[0]), source))
    return source, sha256 if re.fullmatch(r"[0-9a-f]{64}", sha256) else ""


class _Vcs(msgspec.Struct):
    vcs: str
    commit_id: str


class _Archive(msgspec.Struct):
    hashes: dict[str, str] = {}


class _Origin(msgspec.Struct):
    url: str
    vcs_info: _Vcs | None = None
    archive_info: _Archive | None = None
