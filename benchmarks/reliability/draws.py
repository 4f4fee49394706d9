"""Hypothesis as a source of files: the same seed draws the same, and nothing is made smaller or kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.strategies import SearchStrategy

from benchmarks.reliability.guard import Tried


def drawn(
    strategy: SearchStrategy[bytes], trial: Callable[[bytes], Tried], times: int, seed: int
) -> Iterator[tuple[Tried, bytes]]:
    """What became of ``times`` draws; the same seed draws the same."""
    if times < 1:
        return
    ended: list[tuple[Tried, bytes]] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=times,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(strategy)
    def each(content: bytes) -> None:
        ended.append((trial(content), content))

    each()
    yield from ended[:times]
