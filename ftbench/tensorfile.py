"""Moved to ``ftbench.contract.tensorfile``."""

from ftbench.contract.moved import forwarding

__getattr__ = forwarding(__name__, "ftbench.contract.tensorfile")
