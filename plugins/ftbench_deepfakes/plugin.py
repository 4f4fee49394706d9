"""Deepfakes that the harness trains: records only, nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterator

import ftbench
from ftbench_deepfakes import records


@ftbench.hookimpl
def ftbench_simulators() -> Iterator[ftbench.Simulator]:
    """Yield the four kinds and their black-box twins."""
    yield from records.ALL
