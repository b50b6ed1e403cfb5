"""Conda environments that a notebook user never has to fight with: each one a kernel that simply works."""

__version__ = "0.1.0"
