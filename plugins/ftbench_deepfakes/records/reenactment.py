"""Deepfakes by the face of one image with the pose and expression of another."""

from __future__ import annotations

import ftbench

RECORDS: tuple[ftbench.Simulator, ...] = ()
