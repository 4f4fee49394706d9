"""Repetition and no code at all, against the exact error rates of the channels that they are sent over."""

from __future__ import annotations

import numpy as np
import pydantic
import pytest
import torch
from channels import RECORDS, build, random_payloads, symmetric, tolerance, word_accuracy
from scipy import stats

WORDS = 20_000


def majority_error(times, error):
    """Chance that a bit is misread by majority, a tie losing half of the time."""
    flipped = stats.binom(times, error)
    tie = flipped.pmf(times // 2) / 2 if times % 2 == 0 else 0.0
    return flipped.sf(times // 2) + tie


@pytest.mark.parametrize(("name", "given"), [("none", {}), *(("repetition", {"times": t}) for t in (1, 2, 3, 8))])
@pytest.mark.parametrize("bits", [1, 15, 64])
def test_a_clean_channel_gives_the_payload_back_at_the_declared_length(name, given, bits):
    record = RECORDS[name]
    codec, payload = build(name, bits, **given), random_payloads(50, bits)
    sent = codec.encode(payload)
    assert sent.shape == (50, record.length(bits, record.parameters(**given)))
    assert set(sent.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(codec.decode(0.01 * (2 * sent - 1)), payload)
    assert torch.equal(codec.decode((2 * sent - 1).bfloat16()), payload)


@pytest.mark.parametrize("times", [1, 3, 4, 8])
@pytest.mark.parametrize("error", [0.05, 0.2, 0.4])
def test_word_accuracy_on_a_symmetric_channel_is_the_binomial_one(times, error):
    expected = (1 - majority_error(times, error)) ** 15
    measured = word_accuracy(build("repetition", 15, times=times), 15, symmetric(error), WORDS)
    assert measured == pytest.approx(expected, abs=tolerance(expected, WORDS))


@pytest.mark.parametrize(
    ("error", "bare", "repeated"),
    [(0.10, 0.21, 0.96), (0.20, 0.04, 0.60), (0.25, 0.01, 0.33), (0.30, 0.01, 0.13)],
)
def test_word_accuracy_of_15_bits_is_the_published_measurement(error, bare, repeated):
    """The field's measured figures, to their two decimals and a little sampling error of either side."""
    assert word_accuracy(build("none", 15), 15, symmetric(error), WORDS) == pytest.approx(bare, abs=0.01)
    eight = build("repetition", 15, times=8)
    assert word_accuracy(eight, 15, symmetric(error), WORDS) == pytest.approx(repeated, abs=0.015)


@pytest.mark.parametrize("times", [3, 8])
def test_soft_decoding_reaches_the_rate_of_the_summed_gaussian_channel(times):
    """Logits ±1 + N(0, s²): the sum of t of them errs at rate Q(√t / s), well below the majority's."""
    spread = 1.5

    def channel(sent):
        noise = torch.randn(sent.shape, generator=torch.Generator().manual_seed(2))
        return 2 * sent - 1 + spread * noise

    expected = (1 - stats.norm.sf(np.sqrt(times) / spread)) ** 15
    measured = word_accuracy(build("repetition", 15, times=times), 15, channel, WORDS)
    assert measured == pytest.approx(expected, abs=tolerance(expected, WORDS))
    hard = (1 - majority_error(times, stats.norm.sf(1 / spread))) ** 15
    assert measured > hard + 0.05


def test_a_burst_as_long_as_the_payload_is_survived_wherever_it_falls():
    codec, payload = build("repetition", 15, times=3), random_payloads(1, 15)
    clean = 2 * codec.encode(payload) - 1
    for start in range(45 - 15 + 1):
        hit = clean.clone()
        hit[:, start : start + 15] *= -1
        assert torch.equal(codec.decode(hit), payload)


def test_a_tie_reads_as_zero():
    assert build("repetition", 2, times=2).decode(torch.tensor([[1.0, -1.0, -1.0, 1.0]])).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("name", ["none", "repetition"])
@pytest.mark.parametrize("shape", [(4,), (2, 7), (1, 4, 6), (3, 0)])
def test_a_wrong_shape_is_named(name, shape):
    codec = build(name, 4)
    with pytest.raises(ValueError, match=r"payload of shape .* must be \(images, 4\)"):
        codec.encode(torch.zeros(shape))
    with pytest.raises(ValueError, match=r"logits of shape .* must be \(images"):
        codec.decode(torch.zeros(shape))


@pytest.mark.parametrize("times", [0, -1, 2.5, True])
def test_impossible_parameters_are_refused(times):
    with pytest.raises(pydantic.ValidationError):
        RECORDS["repetition"].parameters(times=times)


@pytest.mark.parametrize("name", ["none", "repetition"])
def test_what_is_no_bit_and_no_number_is_named(name):
    codec = build(name, 4)
    with pytest.raises(ValueError, match="something else than 0 and 1"):
        codec.encode(torch.full((2, 4), 0.5))
    logits = torch.ones(2, RECORDS[name].length(4, RECORDS[name].parameters()))
    logits[0, 1] = float("nan")
    with pytest.raises(ValueError, match="not all finite"):
        codec.decode(logits)
