"""Payloads and seeds: uniform, independent, and the same everywhere."""

from __future__ import annotations

import hashlib

import numpy as np
from scipy import stats

from ftbench.machine.randomness import derive, generator, payload


def test_a_seed_hangs_on_every_name_and_on_their_borders() -> None:
    assert len({derive(0, "a"), derive(1, "a"), derive(0, "b"), derive("0a"), derive("0", "a", "")}) == 5
    assert 0 <= derive("x") < 2**63


def test_generators_repeat() -> None:
    import torch

    assert torch.equal(torch.rand(5, generator=generator("a", 1)), torch.rand(5, generator=generator("a", 1)))


def test_payloads_are_as_documented() -> None:
    # Written out with hashlib, as another program would read them.
    stream = hashlib.shake_128(b"payload\x1f3\x1f2\x1fkey").digest(2)
    expected = [int(bit) for bit in f"{int.from_bytes(stream, 'big'):016b}"[:15]]
    assert payload("key", 3, 2, 15).tolist() == expected


def test_payloads_are_uniform_and_independent() -> None:
    drawn = np.stack([payload(f"image {i}", 0, draw, 16) for i in range(500) for draw in range(4)])
    ones = drawn.sum()
    assert stats.binomtest(int(ones), drawn.size).pvalue > 0.001
    # Matches between payloads of different images follow Bin(16, 1/2): what exact false-positive rates rest on.
    matches = (drawn[:1000] == drawn[1000:]).sum(axis=1)
    observed = np.bincount(matches, minlength=17)
    expected = stats.binom.pmf(np.arange(17), 16, 0.5) * 1000
    pooled = [slice(0, 5), *(slice(i, i + 1) for i in range(5, 12)), slice(12, 17)]
    assert stats.chisquare([observed[s].sum() for s in pooled], [expected[s].sum() for s in pooled]).pvalue > 0.001
