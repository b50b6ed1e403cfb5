"""Conda without Jupyter: solve, lock, link, activate and stack environments.

Nothing in here imports ``jupyter_*``, tornado, traitlets or IPython.
"""
