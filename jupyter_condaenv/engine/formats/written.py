"""The same formats written: environment.yml, explicit lists, conda-lock.yml, pixi.lock and requirements.txt."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

import yaml

from ..model import Lock, Package, PipPackage

_ANACONDA = "https://conda.anaconda.org/"
_DEFAULTS = "https://repo.anaconda.com/pkgs/"
OURS = "Written by jupyter_condaenv"
"""In files that may be written over when they are written anew."""
BY_HASH = "--no-deps --require-hashes --requirement"
"""How pip installs what a file names by its hash, and nothing else."""
_PIP = "Not in this file, since pip installed it"


def environment(
    *,
    name: str,
    channels: Sequence[str],
    specs: Iterable[str],
    pip: Sequence[str],
    variables: Mapping[str, str],
) -> str:
    """``environment.yml`` (CEP 24)."""
    named = [url.removeprefix(_ANACONDA) if "/" not in url.removeprefix(_ANACONDA) else url for url in channels]
    if not any(url.startswith(_DEFAULTS) or url == "defaults" for url in named):
        named.append("nodefaults")  # else older versions of conda add its own
    dependencies: list[Any] = list(specs)
    if pip:
        if not any(spec.partition("=")[0].strip() == "pip" for spec in dependencies):
            dependencies.append("pip")
        dependencies.append({"pip": list(pip)})
    content: dict[str, Any] = {"name": name, "channels": named, "dependencies": dependencies}
    if variables:
        content["variables"] = dict(variables)
    return _yaml(content)


def explicit(lock: Lock, *, pip: Sequence[str] = ()) -> str:
    """An explicit list (CEP 23), in an order in which each package comes after those it needs."""
    lines = [f"# platform: {lock.platform}", *comments(pip), "@EXPLICIT"]
    lines += [
        f"{package.url}#{f'sha256:{package.sha256}' if package.sha256 else package.md5}" for package in _ordered(lock)
    ]
    return "\n".join(lines) + "\n"


def conda_lock(*locks: Lock, pip: Sequence[str] = ()) -> str:
    """``conda-lock.yml`` version 1 (CEP 37), with the packages of each platform that there is a lock for; of each of
    pip's the first file. ``pip`` are those that no lock knows."""
    content = {
        "version": 1,
        "metadata": {
            "content_hash": {lock.platform: _content_hash(lock) for lock in locks},
            "channels": [{"url": url, "used_env_vars": []} for url in _channels(locks)],
            "platforms": [lock.platform for lock in locks],
            "sources": [],
        },
        "package": [row for lock in locks for row in _conda_lock_rows(lock)],
    }
    # CEP 37 has no place for what each was solved for, and forbids keys of one's own.
    machines = [f"# {lock.platform}: for {' '.join(_virtual(lock))}" for lock in locks if lock.virtual_packages]
    return _commented([*machines, *comments(pip)]) + _yaml(content)


def pixi_lock(*locks: Lock, pip: Sequence[str] = ()) -> str:
    """``pixi.lock`` version 7, with one environment for each platform that there is a lock for; of each of pip's
    packages the first file. ``pip`` are those that no lock knows."""
    packages = {package.url: package for lock in locks for package in lock.packages}
    of_pip = {one.files[0].url: one for lock in locks for one in lock.pip}
    content = {
        "version": 7,
        "platforms": [
            {"name": lock.platform} | ({"virtual-packages": virtual} if (virtual := list(_virtual(lock))) else {})
            for lock in locks
        ],
        "environments": {
            "default": {
                "channels": [{"url": f"{url}/"} for url in _channels(locks)],
                "packages": {
                    lock.platform: [
                        *({"conda": url} for url in sorted(package.url for package in lock.packages)),
                        *({"pypi": url} for url in sorted(one.files[0].url for one in lock.pip)),
                    ]
                    for lock in locks
                },
            }
        },
        "packages": [
            *(_pixi_package(packages[url]) for url in sorted(packages)),
            *(_pixi_pypi(of_pip[url], {one.name for one in of_pip.values()}) for url in sorted(of_pip)),
        ],
    }
    return _commented(comments(pip)) + _yaml(content)


def requirements(lock: Lock, installed: Sequence[str]) -> str:
    """``requirements.txt``: what pip would need to have the same Python packages elsewhere."""
    python = next((package.version for package in lock.packages if package.name == "python"), "")
    return "\n".join([*([f"# Python {python}"] if python else []), *installed]) + "\n"


def by_hash(lines: Iterable[str]) -> str:
    """A ``requirements.txt`` of ``lines`` with hashes, for pip to install these files and nothing else."""
    return "\n".join([f"# {OURS}, for: pip install {BY_HASH}", *lines]) + "\n"


def _content_hash(lock: Lock) -> str:
    """Of what was asked for: another one says that the lock is no longer of that."""
    told = "\n".join([lock.platform, *lock.channels, *lock.specs, *lock.declared])
    return hashlib.sha256(told.encode()).hexdigest()


def _conda_lock_rows(lock: Lock) -> Iterator[dict[str, Any]]:
    for package in _ordered(lock):
        yield _conda_lock_package(lock.platform, package)
    there = {one.name for one in lock.pip}
    for one in lock.pip:
        yield {
            "name": one.name,
            "version": one.version,
            "manager": "pip",
            "platform": lock.platform,
            "dependencies": {name: "*" for name in one.dependencies if name in there},
            "url": one.files[0].url,
            "hash": {"sha256": one.files[0].sha256},
            "category": "main",
            "optional": False,
        }


def _conda_lock_package(platform: str, package: Package) -> dict[str, Any]:
    return {
        "name": package.name,
        "version": package.version,
        "manager": "conda",
        "platform": platform,
        "dependencies": dict(_need(spec) for spec in package.depends),
        "url": package.url,
        "hash": _hashes(package),
        "category": "main",
        "optional": False,
    }


def _channels(locks: Iterable[Lock]) -> list[str]:
    return list(dict.fromkeys(url for lock in locks for url in lock.channels))


def _virtual(lock: Lock) -> Iterator[str]:
    """Each virtual package, its build only where that says something."""
    return (text.removesuffix("=0") if text.count("=") == 2 else text for text in lock.virtual_packages)


def _pixi_package(package: Package) -> dict[str, Any]:
    said = {
        # Of what lies in a directory, rattler does not take it from the path.
        "subdir": "" if package.url.startswith("http") else package.subdir,
        "build_number": package.build_number,
        "sha256": package.sha256,
        "md5": package.md5,
        "depends": list(package.depends),
        "constrains": list(package.constrains),
        "track_features": list(package.track_features),
        "license": package.license,
        "size": package.size,
        "timestamp": package.timestamp,
        "python_site_packages_path": package.python_site_packages_path,
    }
    return {"conda": package.url} | {key: value for key, value in said.items() if value}


def _pixi_pypi(one: PipPackage, there: Set[str]) -> dict[str, Any]:
    """``there`` are the names of all of pip's packages: what is needed only by extras is not among them."""
    file = one.files[0]
    needs = [name for name in one.dependencies if name in there]
    return {"pypi": file.url, "name": one.name, "version": one.version, "sha256": file.sha256} | (
        {"requires_dist": needs} if needs else {}
    )


def _hashes(package: Package) -> dict[str, str]:
    said = {"md5": package.md5, "sha256": package.sha256}
    return {key: value for key, value in said.items() if value}


def _need(spec: str) -> tuple[str, str]:
    """A dependency as conda-lock has it: by its name, what else it asks for."""
    name, _, rest = spec.partition(" ")
    return name, rest.strip()


def _ordered(lock: Lock) -> list[Package]:
    """Each after those that it needs, as far as they do not need each other; else by name."""
    packages = {package.name: package for package in lock.packages}
    done: dict[str, Package] = {}
    for start in sorted(packages):
        todo = [(start, False)]
        begun: set[str] = set()
        while todo:
            name, after = todo.pop()
            if after:
                done.setdefault(name, packages[name])
            elif name in packages and name not in done and name not in begun:
                begun.add(name)
                todo.append((name, True))
                todo += [(_need(spec)[0], False) for spec in reversed(packages[name].depends)]
    return list(done.values())


def comments(pip: Sequence[str]) -> list[str]:
    """Lines that name what cannot be in a file that is only of conda packages."""
    return [f"# {_PIP}: {one}" for one in pip]


def plain(name: str) -> str:
    """The name of an environment, where it stands in a file that a program interprets."""
    return name if re.fullmatch(r"[\w.-][\w. -]*", name, re.ASCII) else "environment"


def _commented(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _yaml(content: Any) -> str:
    return str(yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10_000))


class Dumper(yaml.SafeDumper):
    """Writes lists below their key as people do, and nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
