"""Deepfakes by entire synthesis."""

from __future__ import annotations

import ftbench

RECORDS: tuple[ftbench.Simulator, ...] = ()
