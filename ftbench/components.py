"""Moved to ``ftbench.contract.records``."""

from ftbench.contract.moved import forwarding

__getattr__ = forwarding(__name__, "ftbench.contract.records")
