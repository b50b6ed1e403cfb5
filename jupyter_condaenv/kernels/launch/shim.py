"""``shim.py LEVELS ...``: see ``start.py``, which lies beside this as ``condaenv_start.py``.

Python compiles what it is given on its command line at each start, and a module once: so this is all that is here.
Where ``bundle.py`` has put the modules of a start into one file for this Python, they come from there: to find eight
of them costs more than what they do. So does collecting garbage, of which they make none: ``start.py`` turns that on.
"""

from __future__ import annotations

import gc
import marshal
import os
import sys

gc.disable()
here = os.path.dirname(os.path.abspath(__file__))
try:
    with open(f"{here}/{sys.implementation.cache_tag}-{sys.hexversion:x}.bundle", "rb") as file:
        for name, code, folders in marshal.loads(file.read()):
            spec = type(sys.__spec__)(name, None, origin=code.co_filename, is_package=bool(folders))
            spec.submodule_search_locations = folders
            module = sys.modules[name] = type(sys)(name)
            vars(module).update(__spec__=spec, __file__=code.co_filename, __package__=spec.parent)
            if folders:
                module.__path__ = folders
            exec(code, vars(module))
except (OSError, EOFError, ValueError, TypeError):
    sys.path.insert(0, here)
__import__("condaenv_start").main()
