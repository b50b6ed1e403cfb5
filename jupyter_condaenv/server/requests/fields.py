"""What the requests of several resources have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

from msgspec import Meta, Struct

from ...engine import channel_list, channels, condarc, cutoff, environments, requirements, specfiles
from ...engine.errors import CondaEnvError, InvalidRequest
from ...engine.model import ChangePackages, Dependencies, Environment, Settings, Strategy, When

MOST = 2**53
"""The largest whole number that every JSON parser reads."""


def find(name_or_prefix: str, settings: Settings) -> Environment:
    """The environment that a client names: by its name, or by its prefix, which starts with a slash.

    Raises InvalidRequest for what is neither, such as a path with ``..`` in it or one that only a shell understands;
    NotFound where there is none.
    """
    if "/" in name_or_prefix:
        check_prefix(name_or_prefix)
    elif name_or_prefix.startswith("~"):
        raise InvalidRequest(f"{name_or_prefix!r} is no name and no full path.", "Give the full path.")
    return environments.find(name_or_prefix, settings)


def check_prefix(prefix: str) -> None:
    environments.check_prefix(prefix)
    if prefix.startswith("//"):  # POSIX leaves open what two slashes mean, and here they would be a second spelling
        raise InvalidRequest(f"{prefix!r} is not an absolute, plain path.", "Begin it with one slash.")


@contextmanager
def about_field(path: str) -> Iterator[None]:
    """Errors say that they are about the field at ``path``."""
    try:
        yield
    except CondaEnvError as error:
        raise type(error)(f"{path}: {error.message}", error.hint, **error.details, field=path) from error


def checked_channels(channels: Sequence[str], settings: Settings, field: str = "") -> tuple[str, ...]:
    own = condarc.read()
    for index, channel in enumerate(channels):
        with about_field(field or f"$.channels[{index}]"):
            if channel.strip().startswith("."):
                raise InvalidRequest(f"{channel!r} is a directory seen from nowhere.", "Give its full path.")
            channel_list.url_of(channel, settings, own)
    return tuple(channels)


def checked_specs(specs: Sequence[str], field: str = "$.specs") -> tuple[str, ...]:
    for index, spec in enumerate(specs):
        with about_field(f"{field}[{index}]"):
            channels.check_spec(spec)
    return tuple(specs)


def checked_requirements(texts: Sequence[str]) -> tuple[str, ...]:
    for index, text in enumerate(texts):
        with about_field(f"$.pip[{index}]"):
            requirements.checked([text])
    return requirements.checked(texts)


def checked_strategy(strategy: Strategy) -> Strategy:
    with about_field("$.strategy.exclude_newer"):
        cutoff.parse(strategy.exclude_newer)
    return strategy


def check_file(path: str, field: str) -> None:
    with about_field(field):
        if not path.startswith("/") or "\0" in path or len(path.encode(errors="replace")) > 4096:
            raise InvalidRequest(f"{path!r} is not a full path.", "Begin it with a slash.")


DisplayName = Annotated[str, Meta(max_length=200)]


class Query(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands behind the question mark of an address."""


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sent as JSON."""


class Place(Body, frozen=True, kw_only=True):
    name: str = ""
    prefix: str = ""

    def where(self, settings: Settings, otherwise: str = "") -> str:
        """Where it goes: a name has its place among the environments, a prefix is taken as it is. ``otherwise`` is the
        name where neither is given."""
        if (self.name and self.prefix) or not (self.name or self.prefix or otherwise):
            raise InvalidRequest("$: Either `name` or `prefix` is needed.", "Give one of them.", field="$")
        if not self.name and not self.prefix:
            with about_field("$.file.text"):
                return environments.prefix_for(otherwise, settings)
        if self.name:
            with about_field("$.name"):
                return environments.prefix_for(self.name, settings)
        with about_field("$.prefix"):
            check_prefix(self.prefix)
        return self.prefix


class Kernel(Place, frozen=True, kw_only=True):
    display_name: DisplayName = ""


class New(Kernel, frozen=True, kw_only=True):
    specs: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    strategy: Strategy = Strategy()


class GivenFile(Body, frozen=True, kw_only=True):
    """A file, such as `environment.yml`: its `name` and what is in it. Its format follows from both. Of a `pixi.lock`
    or a manifest of pixi, `environment` is the one that is meant, by default `default`."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    text: Annotated[str, Meta(max_length=specfiles.MOST_BYTES)]
    environment: Annotated[str, Meta(max_length=255)] = ""


class Packages(Body, frozen=True, kw_only=True):
    add: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    update_all: bool = False
    file: GivenFile | None = None
    without_pip: bool = False
    prune: bool = False
    dependencies: Dependencies = "keep"
    channels: tuple[str, ...] = ()
    strategy: Strategy = Strategy()

    def change(self, environment: Environment, settings: Settings, when: When) -> ChangePackages:
        if self.without_pip and self.file is None:
            raise InvalidRequest("$.without_pip: It goes with `file`.", "Leave it out.", field="$.without_pip")
        request = ChangePackages(
            prefix=environment.prefix,
            add=checked_specs(self.add, "$.add"),
            pip=checked_requirements(self.pip),
            remove=checked_specs(self.remove, "$.remove"),
            update=checked_specs(self.update, "$.update"),
            update_all=self.update_all,
            prune=self.prune,
            dependencies=self.dependencies,
            channels=checked_channels(self.channels, settings),
            strategy=checked_strategy(self.strategy),
            when=when,
        )
        if self.file is None:
            return request
        with about_field("$.file.text"):
            found = specfiles.read(self.file.name, self.file.text, environment=self.file.environment)
            return specfiles.change(
                found, self.file.name, request, without_pip=self.without_pip, site_cutoff=settings.exclude_newer
            )


class NewApplication(Body, frozen=True, kw_only=True):
    """A plan to be applied, or a revision to be gone back to; `when` as for a change of packages."""

    when: When = "next_start"
