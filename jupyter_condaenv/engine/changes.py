"""What is different between two sets of packages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from . import versions
from .channels import redact
from .model import Change, ChangeKind, Difference, Package, PipChange, PipPackage, Revision, Variable, VariableChange


def compare(before: Sequence[Package], after: Sequence[Package]) -> tuple[Change, ...]:
    """What turns ``before`` into ``after``, sorted by name."""
    old = {package.name: package for package in before}
    new = {package.name: package for package in after}
    changes = []
    for name in sorted(old.keys() | new.keys()):
        one, other = old.get(name), new.get(name)
        if one is None or other is None:
            changes.append(Change(kind="add" if one is None else "remove", before=one, after=other))
        elif one.identity != other.identity:
            changes.append(Change(kind=_direction(one, other), before=one, after=other))
    return tuple(changes)


def compare_pip(before: Sequence[PipPackage], after: Sequence[PipPackage]) -> tuple[PipChange, ...]:
    """What turns ``before`` into ``after``, sorted by name."""
    old, new = ({one.name: one for one in packages} for packages in (before, after))
    return tuple(
        PipChange(
            name=name,
            before=old[name].version if name in old else "",
            after=new[name].version if name in new else "",
        )
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )


def difference(one: Revision, other: Revision) -> Difference:
    """What ``other`` has and asks for that ``one`` does not, and the other way round."""
    before, after = one.lock, other.lock
    return Difference(
        specs_added=tuple(spec for spec in after.specs if spec not in before.specs),
        specs_dropped=tuple(spec for spec in before.specs if spec not in after.specs),
        pip_specs_added=tuple(spec for spec in after.pip_specs if spec not in before.pip_specs),
        pip_specs_dropped=tuple(spec for spec in before.pip_specs if spec not in after.pip_specs),
        changes=compare(before.packages, after.packages),
        pip=compare_pip(before.pip, after.pip),
        variables=compare_variables(one.variables, other.variables),
    )


def compare_variables(
    before: Iterable[Variable] | None, after: Iterable[Variable] | None
) -> tuple[VariableChange, ...]:
    """What turns ``before`` into ``after``, sorted by name; nothing where one is not known."""
    if before is None or after is None:
        return ()
    old, new = ({one.name: one.value for one in variables} for variables in (before, after))
    return tuple(
        VariableChange(name=name, before=_shown(old.get(name)), after=_shown(new.get(name)))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )


def _shown(value: str | None) -> str | None:
    return None if value is None else redact(value)


def _direction(one: Package, other: Package) -> ChangeKind:
    order = versions.compare(one.version, other.version)
    if order:
        return "upgrade" if order < 0 else "downgrade"
    return "rechannel" if one.build == other.build and one.channel != other.channel else "rebuild"
