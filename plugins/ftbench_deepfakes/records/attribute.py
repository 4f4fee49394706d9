"""Deepfakes by editing of an attribute."""

from __future__ import annotations

import ftbench

RECORDS: tuple[ftbench.Simulator, ...] = ()
