"""``locks``."""

from __future__ import annotations

from typing import Annotated, get_args

import msgspec
from msgspec import Meta

from ...engine import specfiles
from ...engine.errors import InvalidRequest
from ...engine.model import LockFormat, LockPlatforms, Platform, Settings, Strategy, Target
from .fields import Body, GivenFile, about_field, checked_channels, checked_specs, checked_strategy, find


class LockTarget(Body, frozen=True, kw_only=True):
    """A kind of machine that is locked for. Where nothing else is declared it has what all but old ones have, and no
    GPU; `virtual_packages` as in a strategy."""

    platform: Platform
    virtual_packages: tuple[str, ...] = ()


class NewLock(Body, frozen=True, kw_only=True):
    """One lock for the machines of `platforms`: of what `environment`, a name or a prefix, was asked for, of `specs`,
    or of what `file` asks for on each of them. Packages are chosen from `channels` (by default those of the
    environment or of the file, else the configured ones) by `strategy`, which declares no virtual packages here."""

    platforms: Annotated[tuple[LockTarget, ...], Meta(min_length=1, max_length=len(get_args(Platform)))]
    environment: str = ""
    specs: tuple[str, ...] = ()
    file: GivenFile | None = None
    without_pip: bool = False
    channels: tuple[str, ...] = ()
    strategy: Strategy = Strategy()
    format: LockFormat = "conda-lock"

    def request(self, settings: Settings) -> LockPlatforms:
        if (bool(self.environment), bool(self.specs), self.file is not None).count(True) != 1:
            raise InvalidRequest(
                "$: One of `environment`, `specs` and `file` is needed.", "Give one of them.", field="$"
            )
        if self.without_pip and self.file is None:
            raise InvalidRequest("$.without_pip: It goes with `file`.", "Leave it out.", field="$.without_pip")
        if self.strategy.virtual_packages:
            raise InvalidRequest(
                "$.strategy.virtual_packages: They are declared for each platform.",
                "Put them into `platforms`.",
                field="$.strategy.virtual_packages",
            )
        specs = checked_specs(self.specs)
        targets = tuple(
            Target(platform=one.platform, virtual_packages=one.virtual_packages, specs=specs) for one in self.platforms
        )
        channels = checked_channels(self.channels, settings)
        strategy = checked_strategy(self.strategy)
        if self.file is not None:
            with about_field("$.file.text"):
                asked = specfiles.targets(
                    self.file.name,
                    self.file.text,
                    targets,
                    channels,
                    without_pip=self.without_pip,
                    environment=self.file.environment,
                    strategy=strategy,
                    site_cutoff=settings.exclude_newer,
                )
        else:
            with about_field("$.environment"):
                prefix = find(self.environment, settings).prefix if self.environment else ""
            asked = LockPlatforms(prefix=prefix, targets=targets, channels=channels, strategy=strategy)
        return msgspec.structs.replace(asked, format=self.format)
