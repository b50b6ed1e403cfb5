"""Prints the OpenAPI document, for the panel, whose types are made from it."""

from __future__ import annotations

import msgspec

from .handlers import DOCUMENTED
from .openapi import document

if __name__ == "__main__":
    print(msgspec.json.format(msgspec.json.encode(document(DOCUMENTED, "/")), indent=1).decode())
