"""The codes against the exact error rates of the channels they are sent over."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pydantic
import pytest
import torch
from scipy import stats

from ftbench_codecs.plugin import ftbench_codecs

RECORDS = {record.name: record for record in ftbench_codecs()}
WORDS = 20_000


def code(name, bits, **given):
    record = RECORDS[name]
    return record.load()(bits=bits, **dict(record.parameters(**given)))


def random_payloads(count, bits, seed=0):
    return torch.randint(2, (count, bits), generator=torch.Generator().manual_seed(seed)).float()


def word_accuracy(codec, bits, channel, words=WORDS):
    payload = random_payloads(words, bits)
    return float((codec.decode(channel(codec.encode(payload))) == payload).all(1).double().mean())


def symmetric(error, seed=1):
    """A binary symmetric channel as hard ±1 logits."""

    def channel(sent):
        flips = torch.rand(sent.shape, generator=torch.Generator().manual_seed(seed)) < error
        return (2 * sent - 1) * (1 - 2 * flips.float())

    return channel


def majority_error(times, error):
    """Chance that a bit is misread by majority, a tie losing half of the time."""
    flipped = stats.binom(times, error)
    tie = flipped.pmf(times // 2) / 2 if times % 2 == 0 else 0.0
    return flipped.sf(times // 2) + tie


def tolerance(rate, words=WORDS):
    return 4 * np.sqrt(rate * (1 - rate) / words) + 1e-9


@pytest.mark.parametrize(("name", "given"), [("none", {}), *(("repetition", {"times": t}) for t in (1, 2, 3, 8))])
@pytest.mark.parametrize("bits", [1, 15, 64])
def test_a_clean_channel_gives_the_payload_back_at_the_declared_length(name, given, bits):
    record = RECORDS[name]
    codec, payload = code(name, bits, **given), random_payloads(50, bits)
    sent = codec.encode(payload)
    assert sent.shape == (50, record.length(bits, record.parameters(**given)))
    assert set(sent.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(codec.decode(0.01 * (2 * sent - 1)), payload)
    assert torch.equal(codec.decode((2 * sent - 1).bfloat16()), payload)


@pytest.mark.parametrize("times", [1, 3, 4, 8])
@pytest.mark.parametrize("error", [0.05, 0.2, 0.4])
def test_word_accuracy_on_a_symmetric_channel_is_the_binomial_one(times, error):
    expected = (1 - majority_error(times, error)) ** 15
    measured = word_accuracy(code("repetition", 15, times=times), 15, symmetric(error))
    assert measured == pytest.approx(expected, abs=tolerance(expected))


@pytest.mark.parametrize(
    ("error", "bare", "repeated"),
    [(0.10, 0.21, 0.96), (0.20, 0.04, 0.60), (0.25, 0.01, 0.33), (0.30, 0.01, 0.13)],
)
def test_word_accuracy_of_15_bits_is_the_published_measurement(error, bare, repeated):
    """The field's measured figures, to their two decimals and a little sampling error of either side."""
    assert word_accuracy(code("none", 15), 15, symmetric(error)) == pytest.approx(bare, abs=0.01)
    eight = code("repetition", 15, times=8)
    assert word_accuracy(eight, 15, symmetric(error)) == pytest.approx(repeated, abs=0.015)


@pytest.mark.parametrize("times", [3, 8])
def test_soft_decoding_reaches_the_rate_of_the_summed_gaussian_channel(times):
    """Logits ±1 + N(0, s²): the sum of t of them errs at rate Q(√t / s), well below the majority's."""
    spread = 1.5

    def channel(sent):
        noise = torch.randn(sent.shape, generator=torch.Generator().manual_seed(2))
        return 2 * sent - 1 + spread * noise

    expected = (1 - stats.norm.sf(np.sqrt(times) / spread)) ** 15
    measured = word_accuracy(code("repetition", 15, times=times), 15, channel)
    assert measured == pytest.approx(expected, abs=tolerance(expected))
    hard = (1 - majority_error(times, stats.norm.sf(1 / spread))) ** 15
    assert measured > hard + 0.05


def test_a_burst_as_long_as_the_payload_is_survived_wherever_it_falls():
    codec, payload = code("repetition", 15, times=3), random_payloads(1, 15)
    clean = 2 * codec.encode(payload) - 1
    for start in range(45 - 15 + 1):
        hit = clean.clone()
        hit[:, start : start + 15] *= -1
        assert torch.equal(codec.decode(hit), payload)


def test_a_tie_reads_as_zero():
    assert code("repetition", 2, times=2).decode(torch.tensor([[1.0, -1.0, -1.0, 1.0]])).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("name", ["none", "repetition"])
@pytest.mark.parametrize("shape", [(4,), (2, 7), (1, 4, 6), (3, 0)])
def test_a_wrong_shape_is_named(name, shape):
    codec = code(name, 4)
    with pytest.raises(ValueError, match=r"payload of shape .* must be \(images, 4\)"):
        codec.encode(torch.zeros(shape))
    with pytest.raises(ValueError, match=r"logits of shape .* must be \(images"):
        codec.decode(torch.zeros(shape))


@pytest.mark.parametrize("times", [0, -1, 2.5, True])
def test_impossible_parameters_are_refused(times):
    with pytest.raises(pydantic.ValidationError):
        RECORDS["repetition"].parameters(times=times)


@pytest.mark.parametrize("name", RECORDS)
def test_a_payload_without_bits_has_no_length(name):
    with pytest.raises(ValueError, match="at least 1"):
        RECORDS[name].length(0, RECORDS[name].parameters())


def test_listing_and_lengths_import_no_torch():
    script = """
import sys
from ftbench_codecs.plugin import ftbench_codecs
assert [record.length(15, record.parameters()) for record in ftbench_codecs()] == [15, 45]
assert not {"torch", "numpy"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)
