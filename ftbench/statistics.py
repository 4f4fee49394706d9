"""Moved to ``ftbench.evaluate.statistics``."""

from ftbench.contract.moved import forwarding

__getattr__ = forwarding(__name__, "ftbench.evaluate.statistics")
