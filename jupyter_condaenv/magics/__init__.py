"""``%condaenv``: packages for the environment that a notebook's kernel runs in, from within the notebook.

A face that runs in foreign Pythons: standard library and IPython only, Python 3.8 and newer. It drives the command line
of the installation that registered the kernel. A copy of this folder lies beside the shim, which registers the magic in
every kernel that it starts.
"""
