"""The commands, their arguments and what ``--help`` says.

argparse: it is in the standard library and starts in 10 ms. Each command has a parser of its own, because only such a
parser can take options between positional arguments (``create geo -c conda-forge python``).
"""
