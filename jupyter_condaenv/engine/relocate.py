"""Writing another prefix into a file that holds one, byte for byte as a fresh link of its package would.

Packages are built with a placeholder that linking replaces by the prefix (CEP 34, ``prefix_placeholder``). In texts
that is all there is to it, the first line of a script apart. In binaries the path is the beginning of a C string,
which keeps its room: what is shorter than the placeholder is followed by zeros.
"""

from __future__ import annotations

import os
import re
import sys

_LONGEST_SHEBANG = 512 if sys.platform == "darwin" else 127
"""Bytes that the kernel reads of the first line of a script."""
_THROUGH_SHELL = re.compile(rb"""#!/bin/sh\n'''exec' "([^"\n]*)"([^\n]*) "\$0" "\$@" #'''$""", re.MULTILINE)
"""How the first line of a Python script stands where it would be too long or has a space in it."""


def text(data: bytes, old: str, new: str, *, whole: bool = False) -> bytes:
    """``data`` with ``new`` in the place of ``old``.

    ``whole`` leaves alone what only begins like it: ``/envs/geology`` is not in ``/envs/geo``.
    """
    before, after = os.fsencode(old), os.fsencode(new)
    pattern = re.compile(re.escape(before) + (rb"(?![\w.+-])" if whole else b""))
    if not pattern.search(data):
        return data
    plain = _THROUGH_SHELL.sub(rb"#!\1\2", data, count=1) if data.startswith(b"#!/bin/sh\n'''exec'") else data
    script = re.match(rb"#!\s*" + re.escape(before) + rb"(/\S*)([^\n]*)", plain)
    if script is None:
        return pattern.sub(lambda _: after, plain)
    return shebang(after + script[1], script[2]) + pattern.sub(lambda _: after, plain[script.end() :])


def binary(data: bytes, old: str, new: str, room: int) -> bytes:
    """``data`` with ``new`` in the place of ``old``, each string as long as before. ``room`` is the length of the
    placeholder. Raises ValueError where ``new`` is longer than that."""
    before, after = os.fsencode(old), os.fsencode(new)
    if len(after) > room:
        raise ValueError(f"{new!r} is longer than {room} bytes")

    def moved(string: re.Match[bytes]) -> bytes:
        return string[0].rstrip(b"\0").replace(before, after).ljust(len(string[0]), b"\0")

    return re.sub(re.escape(before) + rb"[^\0]*\0*", moved, data)


def shebang(interpreter: bytes, options: bytes) -> bytes:
    """The first line of a script, or the two that do the same where it would not be understood."""
    line = b"#!" + interpreter + options
    if b" " not in interpreter and len(line) <= _LONGEST_SHEBANG:
        return line
    name = os.path.basename(interpreter)
    if name.startswith(b"python"):
        return b"""#!/bin/sh\n'''exec' "%s"%s "$0" "$@" #'''""" % (interpreter, options)
    return b"#!/usr/bin/env %s%s" % (name, options)
