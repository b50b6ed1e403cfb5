"""``explanations``."""

from __future__ import annotations

from ...engine import channels
from ...engine.model import Explain, Seconds, Settings, WhyNot
from .environments import NewEnvironment, NewStack
from .fields import Body, Packages, about_field, find
from .locks import NewLock


class ExplainCreation(NewEnvironment, frozen=True, kw_only=True, tag_field="verb", tag="create"):
    """Why this environment cannot be made. Ways out are tried for `seconds`."""

    seconds: Seconds = 60.0

    def explained(self, settings: Settings) -> Explain:
        request = self.request(settings)
        return Explain(prefix=request.prefix, request=request, seconds=self.seconds)


class ExplainStack(NewStack, frozen=True, kw_only=True, tag_field="verb", tag="stack"):
    """Why this overlay cannot be made. Ways out are tried for `seconds`."""

    seconds: Seconds = 60.0

    def explained(self, settings: Settings) -> Explain:
        request = self.request(settings)
        return Explain(prefix=request.prefix, request=request, seconds=self.seconds)


class ExplainChange(Packages, frozen=True, kw_only=True, tag_field="verb", tag="change"):
    """Why this change of `environment`, a name or a prefix, cannot be made. Ways out are tried for `seconds`."""

    environment: str
    seconds: Seconds = 60.0

    def explained(self, settings: Settings) -> Explain:
        with about_field("$.environment"):
            environment = find(self.environment, settings)
        request = self.change(environment, settings, "next_start")
        return Explain(prefix=request.prefix, request=request, seconds=self.seconds)


class ExplainAbsence(Body, frozen=True, kw_only=True, tag_field="verb", tag="why_not"):
    """What keeps the package that `spec` asks for out of `environment`, a name or a prefix."""

    environment: str
    spec: str
    seconds: Seconds = 60.0

    def explained(self, settings: Settings) -> WhyNot:
        with about_field("$.environment"):
            environment = find(self.environment, settings)
        with about_field("$.spec"):
            channels.check_spec(self.spec)
        return WhyNot(prefix=environment.prefix, spec=self.spec, seconds=self.seconds)


class ExplainLock(NewLock, frozen=True, kw_only=True, tag_field="verb", tag="lock"):
    """Why the first of these platforms that cannot be locked for cannot be. Ways out are tried for `seconds`."""

    seconds: Seconds = 60.0

    def explained(self, settings: Settings) -> Explain:
        request = self.request(settings)
        return Explain(prefix=request.prefix, request=request, seconds=self.seconds)


NewExplanation = ExplainCreation | ExplainStack | ExplainChange | ExplainLock | ExplainAbsence
