"""A software bill of materials: CycloneDX 1.6 in JSON, by cyclonedx-python-lib (the extra ``sbom``)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from ..errors import Refused
from ..model import Lock, Package


def cyclonedx(name: str, lock: Lock, by_pip: Iterable[tuple[str, str]]) -> str:
    """What the environment ``name`` consists of: the packages of ``lock``, and name and version of those by pip.

    Raises Refused where cyclonedx-python-lib is not installed.
    """
    try:
        from cyclonedx.model.bom import Bom
        from cyclonedx.model.component import Component, ComponentType
        from cyclonedx.output.json import JsonV1Dot6
        from packageurl import PackageURL
    except ImportError as error:
        raise Refused(
            "A bill of materials needs cyclonedx-python-lib, which is not installed.",
            "pip install 'jupyter-condaenv[sbom]', where Jupyter runs.",
        ) from error
    bom = Bom()
    root = Component(name=name, type=ComponentType.APPLICATION, bom_ref="environment")
    bom.metadata.component = root
    components = {package.name: _component(package) for package in lock.packages}
    python = [
        Component(
            name=one,
            version=version,
            type=ComponentType.LIBRARY,
            purl=PackageURL("pypi", name=one.lower().replace("_", "-"), version=version),
            bom_ref=f"pypi/{one}",
        )
        for one, version in by_pip
    ]
    for component in (*components.values(), *python):
        bom.components.add(component)
    for package in lock.packages:
        needs = {spec.partition(" ")[0] for spec in package.depends} - {package.name}
        bom.register_dependency(components[package.name], [components[need] for need in needs & components.keys()])
    bom.register_dependency(root, [*components.values(), *python])
    return f"{JsonV1Dot6(bom).output_as_string(indent=1)}\n"


def _component(package: Package):  # type: ignore[no-untyped-def]  # its type comes with the extra
    from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.license import DisjunctiveLicense
    from packageurl import PackageURL

    known = ((HashAlgorithm.SHA_256, package.sha256), (HashAlgorithm.MD5, package.md5))
    channel = urlsplit(package.channel).path.strip("/") if not package.channel.startswith("file:") else ""
    qualifiers = {
        "build": package.build,
        "channel": channel,
        "subdir": package.subdir,
        "type": "conda" if package.file_name.endswith(".conda") else "tar.bz2",
    }
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        purl=PackageURL("conda", name=package.name, version=package.version, qualifiers=qualifiers),
        hashes=[HashType(alg=algorithm, content=value) for algorithm, value in known if value],
        licenses=[DisjunctiveLicense(name=package.license)] if package.license else [],
        external_references=[ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(package.url))]
        if package.url
        else [],
        bom_ref=f"conda/{package.name}",
    )
