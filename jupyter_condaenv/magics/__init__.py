"""``%condaenv``: packages for the environment that a notebook's kernel runs in, from within the notebook.

A face that runs in foreign Pythons: standard library and IPython only, Python 3.8 and newer. It drives the command line
of the installation that registered the kernel. A copy of this folder lies beside the shim, which registers the magic in
every kernel that it starts.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HELP = """\
%condaenv install SPEC...    add packages to the environment that this kernel runs in

SPEC is what conda takes: numpy, numpy>=1.20,<3, conda-forge::numpy; in quotes where it holds a blank.
  -c CHANNEL   search here too, after the channels of the environment
  --pip REQ    have pip install this beside conda's packages; what follows --pip is all for pip
  -f FILE      add what this file asks for, such as environment.yml, with its channels and what it has for pip
  --now        replace at once also what this kernel may have loaded; else that waits for its next start
The stop button asks the operation to stop and leaves the environment whole.
"""


def register(shell: Any, command: list[str]) -> None:
    """Give ``shell`` the magic, which has its work done by ``command``: our command line, without arguments.

    What does it is imported when it is first used, not at each start of a kernel.
    """

    def condaenv(line: str) -> None:
        from .condaenv import run, watched

        run(line, command, live=watched(shell))

    condaenv.__doc__ = HELP
    shell.register_magic_function(condaenv, "line", "condaenv")
