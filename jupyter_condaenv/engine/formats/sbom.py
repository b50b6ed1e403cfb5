"""A software bill of materials: CycloneDX 1.6 in JSON, by cyclonedx-python-lib (the extra ``sbom``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..channels import redact
from ..conda_history import name_of
from ..errors import Refused
from ..model import Lock, Package

_NAMED_CHANNELS = ("https://conda.anaconda.org/", "https://repo.anaconda.com/pkgs/")
"""Before the names that the whole world knows; what lies elsewhere may have the same name and be something else."""
_PYPI = "https://files.pythonhosted.org/"


class OfPip(NamedTuple):
    """A Python package that pip, or a person, has put there."""

    name: str
    version: str
    source: str
    """The URL of its file or its repository; empty where nobody knows it."""
    sha256: str
    """Of that file; empty where nobody knows it."""
    licenses: tuple[str, ...]
    needs: tuple[str, ...]
    """Names of the packages that it needs, as conda has them where they are conda's."""
    asked: bool

    @property
    def is_of_repository(self) -> bool:
        return "+" in self.source.partition("://")[0]


def cyclonedx(name: str, lock: Lock, by_pip: Iterable[OfPip]) -> str:
    """What the environment ``name`` consists of: the packages of ``lock``, and those by pip. It depends on what was
    asked for; on all where nothing of that is there.

    Raises Refused where cyclonedx-python-lib is not installed.
    """
    try:
        from cyclonedx.model.bom import Bom
        from cyclonedx.model.component import Component, ComponentType
        from cyclonedx.output.json import JsonV1Dot6
    except ImportError as error:
        raise Refused(
            "A bill of materials needs cyclonedx-python-lib, which is not installed.",
            "pip install 'jupyter-condaenv[sbom]', where Jupyter runs.",
        ) from error
    bom = Bom()
    root = Component(name=name, type=ComponentType.APPLICATION, bom_ref="environment")
    bom.metadata.component = root
    conda = {package.name: _of_conda(package) for package in lock.packages}
    python = {one: _of_pip(one) for one in by_pip}
    everything = [*conda.values(), *python.values()]
    for component in everything:
        bom.components.add(component)
    for package in lock.packages:
        needs = {name_of(spec) for spec in package.depends} - {package.name}
        bom.register_dependency(conda[package.name], [conda[need] for need in needs & conda.keys()])
    by_name = conda | {one.name: component for one, component in python.items()}
    for one, component in python.items():
        bom.register_dependency(component, [by_name[need] for need in one.needs if need in by_name])
    asked = [conda[wanted] for spec in lock.specs if (wanted := name_of(spec)) in conda]
    asked += [component for one, component in python.items() if one.asked]
    bom.register_dependency(root, asked or everything)
    return f"{JsonV1Dot6(bom).output_as_string(indent=1)}\n"


def _of_conda(package: Package) -> Any:
    from packageurl import PackageURL

    channel = redact(package.channel)
    for beginning in _NAMED_CHANNELS:
        channel = channel.removeprefix(beginning)
    qualifiers = {
        "build": package.build,
        "channel": channel,
        "subdir": package.subdir,
        "type": "conda" if package.file_name.endswith(".conda") else "tar.bz2",
    }
    return _component(
        f"conda/{package.name}",
        PackageURL("conda", name=package.name, version=package.version, qualifiers=qualifiers),
        {"SHA_256": package.sha256, "MD5": package.md5},
        (package.license,),
        package.url,
    )


def _of_pip(one: OfPip) -> Any:
    from packageurl import PackageURL

    where = "vcs_url" if one.is_of_repository else "download_url"
    elsewhere = {where: one.source} if not one.source.startswith(_PYPI) else {}
    return _component(
        f"pypi/{one.name}",
        PackageURL("pypi", name=one.name, version=one.version, qualifiers=elsewhere),
        {"SHA_256": one.sha256},
        one.licenses,
        one.source,
        of_repository=one.is_of_repository,
    )


def _component(
    ref: str, purl: Any, hashes: dict[str, str], licenses: Iterable[str], url: str, *, of_repository: bool = False
) -> Any:
    from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
    from cyclonedx.model.component import Component, ComponentType

    kind = ExternalReferenceType.VCS if of_repository else ExternalReferenceType.DISTRIBUTION
    return Component(
        name=purl.name,
        version=purl.version,
        type=ComponentType.LIBRARY,
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm[name], content=value) for name, value in hashes.items() if value],
        licenses=_licenses([text for text in licenses if text and text.upper() != "UNKNOWN"]),
        external_references=[ExternalReference(type=kind, url=XsUri(url))] if url else [],
        bom_ref=ref,
    )


def _licenses(texts: list[str]) -> list[Any]:
    """By the id of SPDX, or as its expression, which stands alone: other names no scanner knows."""
    from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
    from cyclonedx.spdx import fixup_id, is_expression

    # A single word that is no id may still be taken for an expression, such as GPL.
    if len(texts) == 1 and " " in texts[0] and is_expression(texts[0]):
        return [LicenseExpression(texts[0])]
    return [
        DisjunctiveLicense(id=known) if (known := fixup_id(text)) else DisjunctiveLicense(name=text) for text in texts
    ]
