"""Moved to ``ftbench.data.splits``."""

from ftbench.contract.moved import forwarding

__getattr__ = forwarding(__name__, "ftbench.data.splits")
