"""Asks pip for wheels and turns wheels into conda packages."""

from __future__ import annotations

import base64
import configparser
import csv
import email.parser
import hashlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from email.message import Message
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename

from . import elf
from .interpreters import Interpreter
from .writer import PLACEHOLDER, Content, File, Link, write_package

#: PyPI's names where conda's are others.
_NAMES = {
    "ipython-pygments-lexers": "ipython_pygments_lexers",
    "jupyter-client": "jupyter_client",
    "jupyter-core": "jupyter_core",
    "pure-eval": "pure_eval",
    "stack-data": "stack_data",
    "typing-extensions": "typing_extensions",
    "tzdata": "python-tzdata",
}
_SCRIPT = """\
#!{python}
import sys
from {module} import {first}
if __name__ == "__main__":
    sys.exit({function}())
"""
_COMPLETE = "complete.json"


class DownloadError(RuntimeError):
    """pip could not download what was asked for."""


def download(
    folder: Path,
    interpreter: Interpreter,
    requirements: Sequence[str],
    *,
    for_any_python: bool = False,
    refresh: bool = False,
) -> tuple[list[Path], bool]:
    """The wheels that satisfy `requirements` with all they depend on, and whether pip was asked.

    It is asked once: as long as the list and the minor stay the same, what is in `folder` is used.
    `for_any_python` says that the wheels are the same for every minor, so that one set serves all.
    """
    tag = "any" if for_any_python else f"cp{interpreter.tag}"
    request = [tag, os.uname().machine, sorted(requirements)]
    key = hashlib.sha256(json.dumps(request).encode()).hexdigest()[:12]
    kept = folder / f"{tag}-{key}"
    asked = refresh or not (kept / _COMPLETE).exists()
    if asked:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".part-") as part:
            _pip_download(Path(part), interpreter, requirements)
            (Path(part) / _COMPLETE).write_text(json.dumps(request))
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(part, kept, copy_function=os.link)
    return sorted(kept.glob("*.whl")), asked


def conda_name(name: str) -> str:
    """conda's name of a project on PyPI."""
    canonical = canonicalize_name(name)
    return _NAMES.get(canonical, canonical)


def is_pure(wheel: Path) -> bool:
    """Whether one package serves every Python and platform."""
    return all(tag.platform == "any" for tag in parse_wheel_filename(wheel.name)[3])


def project(wheel: Path) -> str:
    """The project's name on PyPI, as PyPI spells it."""
    return str(parse_wheel_filename(wheel.name)[0])


def version_of(wheel: Path) -> str:
    """The version in the wheel's name."""
    return str(parse_wheel_filename(wheel.name)[1])


def write_pure(channel: Path, wheel: Path, versions: Sequence[str]) -> None:
    """Write a noarch package that works for all of the Python `versions` ("3.11.7")."""
    contents = _Wheel(wheel, "site-packages")
    write_package(
        channel,
        conda_name(contents.name),
        contents.version,
        files=contents.files_with_record(),
        build="pyhd8ed1ab_0",
        noarch="python",
        entry_points=contents.entry_points,
        depends=[f"python {contents.requires_python}".strip(), *contents.depends(versions)],
        license=contents.license,
        summary=contents.metadata.get("Summary"),
    )


def write_compiled(
    channel: Path,
    wheel: Path,
    version: str,
    libraries: Mapping[str, str],
    split: re.Pattern[str] | None = None,
    split_name: str = "",
) -> None:
    """Write a package for one Python `version` ("3.11.7"), from a wheel with extension modules.

    `libraries` says which packages bring the sonames the wheel expects of the system (soname ->
    dependency). A bundled library that `split` matches moves into a package `split_name`.
    """
    minor = ".".join(version.split(".")[:2])
    major, number = minor.split(".")
    contents = _Wheel(wheel, f"lib/python{minor}/site-packages")
    contents.add_scripts()
    depends = [
        f"__glibc >={_oldest_glibc(wheel)}",
        f"python >={minor},<{major}.{int(number) + 1}.0a0",
        f"python_abi {minor}.* *_cp{major}{number}",
        *contents.depends([version]),
    ]
    with tempfile.TemporaryDirectory(prefix="condaenv-wheel-") as folder:
        if split is not None:
            depends += contents.split_library(channel, split, split_name, Path(folder))
        depends += sorted({libraries[n] for n in contents.foreign() if n in libraries})
        write_package(
            channel,
            conda_name(contents.name),
            contents.version,
            files=contents.files_with_record(),
            build=f"py{major}{number}h{hashlib.sha256(wheel.name.encode()).hexdigest()[:7]}_0",
            depends=depends,
            license=contents.license,
            summary=contents.metadata.get("Summary"),
        )


class _Wheel:
    """A wheel's files where conda puts them: path in the package -> content."""

    def __init__(self, path: Path, site_packages: str) -> None:
        name, version, _, _ = parse_wheel_filename(path.name)
        self.name, self.version, self.site_packages = str(name), str(version), site_packages
        self.pure = site_packages == "site-packages"
        self.files: dict[str, Content] = {}
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            metadata = next(n for n in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", n))
            self.dist_info = metadata.split("/")[0]
            self.metadata = _parse(archive.read(metadata))
            points = f"{self.dist_info}/entry_points.txt"
            text = archive.read(points).decode() if points in names else ""
            self.entry_points = _entry_points(text)
            for member in archive.infolist():
                if not member.is_dir():
                    self._add(member, archive.read(member))
        self.files[f"{site_packages}/{self.dist_info}/INSTALLER"] = "conda\n"

    @property
    def license(self) -> str | None:
        """As short as the wheel says it."""
        found = self.metadata.get("License-Expression") or self.metadata.get("License") or ""
        return found.splitlines()[0][:80] if found else None

    @property
    def requires_python(self) -> str:
        """In conda's notation, empty for any."""
        return conda_spec(SpecifierSet(self.metadata.get("Requires-Python") or ""))

    def depends(self, versions: Sequence[str]) -> list[str]:
        """The requirements whose marker holds for any of the Python `versions`."""
        found = set()
        for line in self.metadata.get_all("Requires-Dist") or []:
            requirement = Requirement(line)
            if requirement.marker is None or any(requirement.marker.evaluate(_environment(v)) for v in versions):
                name = conda_name(requirement.name)
                found.add(f"{name} {conda_spec(requirement.specifier)}".strip())
        return sorted(found)

    def add_scripts(self) -> None:
        """Entry points as files, which only noarch packages get from the installer."""
        for line in self.entry_points:
            command, _, target = line.partition(" = ")
            module, _, function = target.partition(":")
            self.files[f"bin/{command}"] = _SCRIPT.format(
                python=f"{PLACEHOLDER}/bin/python",
                module=module,
                first=function.split(".")[0],
                function=function,
            )

    def objects(self) -> dict[str, bytes]:
        """The ELF files among them."""
        found = {}
        for path, content in self.files.items():
            data = content.data if isinstance(content, File) else content
            if isinstance(data, bytes) and data.startswith(elf.MAGIC):
                found[path] = data
        return found

    def foreign(self) -> set[str]:
        """The libraries that the wheel expects to find outside of itself."""
        objects = self.objects()
        sections = [elf.dynamic(data) for data in objects.values()]
        own = {path.rpartition("/")[2] for path in objects} | {s.soname for s in sections}
        return {n for s in sections for n in s.needed if n not in own and not elf.is_glibc(n)}

    def split_library(self, channel: Path, pattern: re.Pattern[str], package: str, folder: Path) -> list[str]:
        """Move one bundled library into a package of its own and make the others look for it there.

        Returns the dependency that takes its place, or nothing where the wheel bundles no such
        library (any more).
        """
        objects = self.objects()
        found = next(((p, m) for p in objects if (m := pattern.search(p))), None)
        if found is None:
            return []
        path, match = found
        bundled, data = path.rpartition("/")[2], objects[path]
        file = f"{match['stem']}.so.{match['version']}"
        soname = f"{match['stem']}.so.{match['version'].split('.')[0]}"
        del self.files[path]
        library = _write_to(folder / file, data)
        elf.patchelf("--set-soname", soname, str(library))
        elf.set_run_path(library, "$ORIGIN")
        stated = re.search(package.encode() + rb" version (\d[\d.]*\d)", data)
        version = stated.group(1).decode() if stated else match["version"]
        write_package(
            channel,
            package,
            version,
            files={f"lib/{file}": library, f"lib/{soname}": Link(file)},
            build=f"h{hashlib.sha256(data).hexdigest()[:7]}_0",
            depends=["__glibc >=2.17"],
            summary=f"Taken out of the wheel of {self.name}, so that a library is shared",
        )
        for number, (user, content) in enumerate(objects.items()):
            section = elf.dynamic(content)
            if bundled in section.needed:
                copy = _write_to(folder / str(number), content)
                up = "/".join([".."] * user.count("/"))
                elf.patchelf("--replace-needed", bundled, soname, str(copy))
                elf.set_run_path(copy, ":".join([*section.run_path, f"$ORIGIN/{up}/lib"]))
                self.files[user] = File(copy.read_bytes(), 0o755)
        return [f"{package} >={version}"]

    def files_with_record(self) -> dict[str, Content]:
        """Everything, and the RECORD that pip reads, with the paths of an installed environment."""
        record = f"{self.site_packages}/{self.dist_info}/RECORD"
        rows = [self._record_row(path, content) for path, content in sorted(self.files.items())]
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([*rows, [self._installed(record), "", ""]])
        return {**self.files, record: out.getvalue()}

    def _add(self, member: zipfile.ZipInfo, data: bytes) -> None:
        name = member.filename
        if name.startswith(f"{self.dist_info}/RECORD"):
            return
        mode = 0o755 if (member.external_attr >> 16) & 0o100 else 0o644
        target = f"{self.site_packages}/{name}"
        prefix = f"{self.dist_info.removesuffix('.dist-info')}.data/"
        if name.startswith(prefix):
            kind, _, rest = name.removeprefix(prefix).partition("/")
            folders = {
                "purelib": f"{self.site_packages}/",
                "platlib": f"{self.site_packages}/",
                "data": "",
                "headers": f"include/{self.name}/",
                "scripts": "python-scripts/" if self.pure else "bin/",
            }
            target = f"{folders[kind]}{rest}"
            if kind == "scripts":
                mode = 0o755
                data = re.sub(rb"^#!python\w*", f"#!{PLACEHOLDER}/bin/python".encode(), data)
        self.files[target] = File(data, mode)

    def _record_row(self, path: str, content: Content) -> list[str]:
        data = content.data if isinstance(content, File) else content
        if isinstance(data, str):
            data = data.encode()
        if not isinstance(data, bytes) or PLACEHOLDER.encode() in data:
            return [self._installed(path), "", ""]
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        return [self._installed(path), f"sha256={digest}", str(len(data))]

    def _installed(self, path: str) -> str:
        """`path` as RECORD names it: relative to site-packages."""
        if path.startswith(f"{self.site_packages}/"):
            return path.removeprefix(f"{self.site_packages}/")
        if self.pure:
            path = re.sub("^python-scripts/", "bin/", path)
        return f"../../../{path}"


def conda_spec(specifiers: SpecifierSet) -> str:
    """A PEP 440 set of specifiers in conda's notation."""
    parts = []
    for specifier in sorted(specifiers, key=str):
        version = specifier.version
        if specifier.operator == "~=":
            parts += [f">={version}", ".".join(version.split(".")[:-1]) + ".*"]
        elif specifier.operator == "==" and version.endswith(".*"):
            parts.append(version)
        else:
            parts.append(specifier.operator.replace("===", "==") + version)
    return ",".join(parts)


def _pip_download(folder: Path, interpreter: Interpreter, requirements: Sequence[str]) -> None:
    command = [
        str(interpreter.executable), *_pip(interpreter), "download", "--quiet", "--no-input",
        "--disable-pip-version-check", "--only-binary=:all:", "--dest", str(folder), *requirements,
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        tail = "\n".join(run.stderr.splitlines()[-15:])
        raise DownloadError(
            f"pip could not download {len(requirements)} requirements for Python "
            f"{interpreter.minor}.\nCommand: {' '.join(command)}\nIts last words:\n{tail}\n"
            "Run the command by hand to see more. Where PyPI is reached through a mirror or a "
            "proxy, set PIP_INDEX_URL or HTTPS_PROXY, as for any pip."
        )


def _pip(interpreter: Interpreter) -> list[str]:
    """How to start pip under `interpreter`: its own, or the running environment's, or ensurepip's.

    A recent pip of the running environment is preferred, since it knows the recent wheel tags.
    """
    spec = importlib.util.find_spec("pip")
    if spec is not None and spec.origin is not None:
        own = Path(spec.origin).parent / "__main__.py"
        if tuple(map(int, interpreter.minor.split("."))) >= (3, 10):
            return [str(own)]
    bundled = sorted((interpreter.stdlib / "ensurepip/_bundled").glob("pip-*.whl"))
    bundled += sorted(Path("/usr/share/python-wheels").glob("pip-*.whl"))
    if bundled:
        return [f"{bundled[0]}/pip"]
    raise DownloadError(
        "There is no pip to download wheels with. Install it into the running environment: "
        "python -m ensurepip (or: uv pip install pip)"
    )


def _environment(version: str) -> dict[str, str]:
    minor = ".".join(version.split(".")[:2])
    stated = {"python_version": minor, "python_full_version": version, "extra": ""}
    return {**{k: str(v) for k, v in default_environment().items()}, **stated}


def _oldest_glibc(wheel: Path) -> str:
    platforms = " ".join(tag.platform for tag in parse_wheel_filename(wheel.name)[3])
    found = [f"{a}.{b}" for a, b in re.findall(r"manylinux_(\d+)_(\d+)_", platforms)]
    return min(found, key=lambda v: tuple(map(int, v.split("."))), default="2.17")


def _entry_points(text: str) -> list[str]:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return [
        f"{command} = {target.split('[')[0].strip()}"
        for section in ("console_scripts", "gui_scripts")
        if parser.has_section(section)
        for command, target in parser.items(section)
    ]


def _parse(metadata: bytes) -> Message:
    return email.parser.Parser().parsestr(metadata.decode("utf-8", "replace"))


def _write_to(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    path.chmod(0o755)
    return path
