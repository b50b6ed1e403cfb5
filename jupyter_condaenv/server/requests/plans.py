"""``plans``."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ...engine.model import ChangePackages, Rollback, Settings
from .environments import NewEnvironment, NewStack
from .fields import MOST, Body, Packages, about_field, find


class PlanCreation(NewEnvironment, frozen=True, kw_only=True, tag_field="verb", tag="create"):
    """What making this environment would do."""


class PlanStack(NewStack, frozen=True, kw_only=True, tag_field="verb", tag="stack"):
    """What making this overlay would do."""


class PlanChange(Packages, frozen=True, kw_only=True, tag_field="verb", tag="change"):
    """What this change of `environment`, a name or a prefix, would do."""

    environment: str

    def request(self, settings: Settings) -> ChangePackages:
        with about_field("$.environment"):
            environment = find(self.environment, settings)
        return self.change(environment, settings, "next_start")


class PlanRollback(Body, frozen=True, kw_only=True, tag_field="verb", tag="rollback"):
    """What bringing `environment`, a name or a prefix, back to the revision of that number would do; 0 stands for the
    last that is not as things are now."""

    environment: str
    revision: Annotated[int, Meta(ge=0, le=MOST)] = 0

    def request(self, settings: Settings) -> Rollback:
        with about_field("$.environment"):
            environment = find(self.environment, settings)
        return Rollback(prefix=environment.prefix, revision=self.revision)


NewPlan = PlanCreation | PlanStack | PlanChange | PlanRollback
