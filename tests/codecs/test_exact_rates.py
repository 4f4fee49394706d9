"""A million unmarked images: the exact false-positive rate holds whatever decoder, attack and code, and not by luck.

What an unmarked image gives may be anything, but it knows nothing of the payload, which was drawn uniformly. Where the
payload is fixed instead, and the decoder leans towards it, the rate does not hold.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from channels import build, learned

from ftbench.statistics.detection import false_positive_rate, p_value, smallest_match, traced_share

TRIALS = 1_000_000
BITS = 8
RATES = (1e-1, 1e-2)
CODES = {"none": {}, "repetition": {"times": 3}, "soft-bch": {"length": 31}}


def logits(length: int, seed: int = 0) -> torch.Tensor:
    """What a biased decoder makes of unmarked images: it says "one" more often than not, and bits hang together."""
    generator = torch.Generator().manual_seed(seed)
    lean = torch.linspace(-0.5, 2.0, length)
    shared = torch.randn(TRIALS, 1, generator=generator)
    return lean + 0.7 * shared + torch.randn(TRIALS, length, generator=generator)


def attacked(given: torch.Tensor) -> torch.Tensor:
    """After an attack that turns some bits and silences others, all alike for each image."""
    turned = given.clone()
    turned[:, ::3] *= -1
    turned[turned.abs() < 0.2] = -0.2
    return turned


def matches(read: torch.Tensor, payload: torch.Tensor) -> np.ndarray:
    found: np.ndarray = (read.round() == payload).sum(1).numpy()
    return found


def drawn(bits: int = BITS) -> torch.Tensor:
    return torch.randint(2, (TRIALS, bits), generator=torch.Generator().manual_seed(5)).float()


def assert_exact(found: np.ndarray, bits: int = BITS) -> None:
    for rate in RATES:
        threshold = smallest_match(bits, rate)
        assert threshold is not None
        exact = false_positive_rate(bits, threshold)
        assert exact <= rate < false_positive_rate(bits, threshold - 1)
        # Four standard errors of a million trials.
        assert abs((found >= threshold).mean() - exact) <= 4 * math.sqrt(exact * (1 - exact) / TRIALS)


@pytest.mark.parametrize("attack", [False, True])
@pytest.mark.parametrize("name", [*CODES, "learned"])
def test_the_rate_is_exact_for_a_biased_decoder_after_an_attack_and_with_each_code(name: str, attack: bool) -> None:
    code = learned(BITS, length=16, width=32) if name == "learned" else build(name, BITS, **CODES[name])
    length = code.encode(torch.zeros(1, BITS)).shape[1]
    given = attacked(logits(length)) if attack else logits(length)
    with torch.no_grad():
        read = torch.cat([code.decode(part) for part in given.split(50_000)])
    # It reads "one" more often than not, or the other way round: biased indeed.
    assert (read.mean(0) - 0.5).abs().max() > 0.1
    assert_exact(matches(read, drawn()))


@pytest.mark.parametrize("bits", [8, 30])
def test_tracing_among_registered_payloads_is_as_sure_as_it_says(bits: int) -> None:
    read = (logits(bits) > 0).float()
    found = matches(read, drawn(bits))
    # Of an unmarked image the best of M payloads is as near with a chance of at most M times its own.
    for registered in (10, 10_000):
        assert (p_value(found, bits, registered) <= 0.01).mean() <= 0.01 / registered + 4e-3 / math.sqrt(TRIALS)
    # Nine others: how often none of them is as near, counted, and as the union bound has it.
    own = np.full(TRIALS // 10, bits - 1)
    others = torch.randint(2, (TRIALS // 10, 9, bits), generator=torch.Generator().manual_seed(9)).numpy()
    nearest = (others == 1).sum(2).max(1)
    counted = (nearest < own).mean()
    bound = traced_share(own, bits, 10)[0]
    assert bound <= counted + 4 * math.sqrt(counted * (1 - counted) / len(own) + 1e-12)
    assert counted - bound < 0.05


def test_a_fixed_message_has_no_such_rate() -> None:
    read = (logits(BITS) > 0).float()
    found = matches(read, torch.ones(TRIALS, BITS))
    threshold = smallest_match(BITS, 1e-2)
    assert threshold is not None
    assert (found >= threshold).mean() > 5 * false_positive_rate(BITS, threshold)


def test_code_bits_are_not_binomial() -> None:
    """Why no rate is said of bits before the code: a threshold on 24 repeated bits is passed far too often."""
    code = build("repetition", BITS, times=3)
    read = (logits(24) > 0).float()
    found = matches(read, code.encode(drawn()))
    threshold = smallest_match(24, 1e-3)
    assert threshold is not None
    assert (found >= threshold).mean() > 3 * false_positive_rate(24, threshold)
