"""``shim.py LEVELS ...``: see ``start.py``, which lies beside this as ``condaenv_start.py``.

Python compiles what it is given on its command line at each start, and a module once: so this is all that is here.
"""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
__import__("condaenv_start").main()
