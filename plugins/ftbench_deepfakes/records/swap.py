"""Deepfakes by identity swap between any two people."""

from __future__ import annotations

import ftbench

RECORDS: tuple[ftbench.Simulator, ...] = ()
