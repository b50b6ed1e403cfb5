"""``storage``."""

from __future__ import annotations

from ...engine.model import Clean, CleanKind, Settings
from .fields import Body


class NewCleaning(Body, frozen=True, kw_only=True):
    """What nobody needs to be deleted: of these `kinds`, or of all where none is named. A `preview` only says what it
    would be."""

    kinds: tuple[CleanKind, ...] = ()
    preview: bool = False

    def request(self, _settings: Settings) -> Clean:
        return Clean(kinds=self.kinds, preview=self.preview)
