"""The decoders against brute force, against galois's algebraic one, and against published word accuracies."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from channels import build, exactly, gaussian, random_payloads, symmetric, tolerance, word_accuracy
from galois_codes import LISTED, bits, decoded, encoded

from ftbench_codecs import exhaustive, ordered_statistics, soft_bch
from ftbench_codecs.algebraic import correct
from ftbench_codecs.bch import Code, generator_rows

SHORTENED = [(4, 15), (12, 31), (21, 63), (9, 127), (24, 127), (50, 127)]
"""(payload, length) of codes that are shortened."""


def generator(n, k, dropped=0):
    return torch.tensor(generator_rows(Code(n, k, dropped)))


@pytest.mark.parametrize(("k", "n"), [*((k, n) for n, k in LISTED), *SHORTENED])
def test_as_many_misread_bits_as_the_code_corrects_are_put_right(k, n):
    codec = build("soft-bch", k, length=n)
    payload = random_payloads(100, k)
    sent = codec.encode(payload)
    for wrong in (0, 1, codec.code.corrects):
        assert torch.equal(codec.decode(exactly(sent, wrong)), payload)
    burst = 2 * sent - 1
    burst[:, 2 : 2 + codec.code.corrects] *= -1
    assert torch.equal(codec.decode(burst), payload)


@pytest.mark.parametrize(("n", "k"), [(15, 7), (31, 16)])
def test_exhaustive_decoding_is_brute_force_over_galois_s_words(n, k):
    every = np.array(list(itertools.product((0, 1), repeat=k)), dtype=np.uint8)
    words = encoded(n, k, torch.from_numpy(every)) * 2.0 - 1
    logits = torch.randn(60, n, generator=torch.Generator().manual_seed(3))
    best = [every[np.argmax(words @ row)] for row in logits.numpy().astype(float)]
    np.testing.assert_array_equal(build("soft-bch", k, length=n).decode(logits).numpy(), best)


def test_ordered_statistics_of_full_order_tries_every_word():
    """At most four flips of four pivots are all sixteen words."""
    logits = torch.randn(500, 12, generator=torch.Generator().manual_seed(4))
    rows = generator(15, 7, 3)
    words = exhaustive.codebook(rows)
    found = ordered_statistics.decode(logits, rows, order=4)
    assert torch.equal(2 * found - 1, words[exhaustive.nearest(logits, words)])


@pytest.mark.parametrize(("order", "agreement"), [(0, 0.75), (1, 0.97), (2, 0.99), (4, 0.999)])
def test_ordered_statistics_agrees_with_exhaustive_decoding(order, agreement):
    rows = generator(31, 16)
    logits = gaussian(0.08)(random_payloads(1000, 16) @ rows.float() % 2)
    words = exhaustive.codebook(rows)
    best = words[exhaustive.nearest(logits, words)]
    found = ordered_statistics.decode(logits, rows, order)
    assert ((2 * found - 1) == best).all(1).double().mean() >= agreement


@pytest.mark.parametrize(("n", "k", "error"), [(63, 30, 0.2), (127, 29, 0.25), (127, 64, 0.1)])
def test_ordered_statistics_seldom_misses_a_likelier_word_that_is_known(n, k, error):
    """The word that was sent is a lower bound of the best score; maximum likelihood never falls below it."""
    codec = build("soft-bch", k, length=n)
    sent = codec.encode(random_payloads(150, k))
    logits = gaussian(error)(sent)
    found = codec.encode(codec.decode(logits))
    missed = ((sent - found) * logits).sum(1) > 1e-3
    assert missed.double().mean() <= 0.05


@pytest.mark.parametrize(("n", "k"), [(63, 16), (63, 30), (127, 29), (127, 64)])
def test_the_algebraic_decoder_is_galois_s(n, k):
    t = Code(n, k).corrects
    sent = random_payloads(12, k) @ generator(n, k).float() % 2
    # Around t, so that some words can be put right and some cannot.
    read = torch.cat([exactly(part, t + extra) > 0 for extra, part in zip((-1, 0, 1, 4), sent.split(3), strict=True)])
    words, valid = correct(read, Code(n, k))
    payload, errors = decoded(n, k, read)
    np.testing.assert_array_equal(valid.numpy(), errors >= 0)
    assert 6 <= int(valid.sum()) < 12
    np.testing.assert_array_equal(bits(words[valid, :k]), payload[valid.numpy()])
    np.testing.assert_array_equal(bits(words[valid]), encoded(n, k, words[valid, :k]))


@pytest.mark.parametrize(("n", "k"), [(63, 30), (127, 64)])
def test_what_galois_puts_right_is_put_right(n, k):
    codec = build("soft-bch", k, length=n)
    hard = symmetric(0.08)(codec.encode(random_payloads(15, k)))
    payload, errors = decoded(n, k, hard > 0)
    right = errors >= 0
    assert right.sum() >= 5
    np.testing.assert_array_equal(bits(codec.decode(hard))[right], payload[right])


@pytest.mark.parametrize(("n", "k"), [(31, 16), (127, 29)])
def test_elimination_keeps_the_code_and_the_most_reliable_independent_bits(n, k):
    order = torch.randn(5, n, generator=torch.Generator().manual_seed(5)).argsort(1)
    rows, pivots = ordered_statistics.systematic(generator(n, k), order)
    np.testing.assert_array_equal(bits(rows.flatten(0, 1)), encoded(n, k, rows.flatten(0, 1)[:, :k]))
    for word, (matrix, chosen) in enumerate(zip(rows, pivots, strict=True)):
        assert torch.equal(matrix[:, chosen], torch.eye(k, dtype=torch.int64))
        basis = {}
        for column in order[word].tolist():
            rest = int("".join(map(str, generator(n, k)[:, column].tolist())), 2)
            while rest and rest.bit_length() in basis:
                rest ^= basis[rest.bit_length()][0]
            if rest:
                basis[rest.bit_length()] = (rest, column)
        assert sorted(chosen.tolist()) == sorted(column for _, column in basis.values())


def test_a_word_called_certain_is_the_likeliest():
    rows = generator(31, 16)
    words = exhaustive.codebook(rows)
    logits = gaussian(0.05)(random_payloads(2000, 16) @ rows.float() % 2)
    read, valid = correct(logits > 0, Code(31, 16))
    sure = soft_bch.certain(logits, read, 7) & valid
    assert 0.1 < sure.double().mean() < 0.99
    assert torch.equal(2 * read[sure] - 1, words[exhaustive.nearest(logits[sure], words)])


@pytest.mark.parametrize(
    ("error", "hard", "soft"), [(0.10, 1.0, 1.0), (0.20, 1.0, 1.0), (0.25, 0.95, 1.0), (0.30, 0.67, 0.94)]
)
def test_word_accuracy_of_15_bits_in_127_is_the_published_measurement(error, hard, soft):
    """The field's figures, to half a unit of their second decimal and the sampling error of ours."""
    codec, words = build("soft-bch", 15, length=127), 2000
    assert word_accuracy(codec, 15, symmetric(error), words) == pytest.approx(hard, abs=0.005 + tolerance(hard, words))
    assert word_accuracy(codec, 15, gaussian(error), words) == pytest.approx(soft, abs=0.005 + tolerance(soft, words))


@pytest.mark.parametrize(("k", "n"), [(15, 127), (29, 127)])
def test_a_word_s_result_hangs_on_its_own_logits_up_to_a_factor(k, n):
    codec = build("soft-bch", k, length=n)
    logits = gaussian(0.25)(codec.encode(random_payloads(40, k)))
    expected = codec.decode(logits)
    assert torch.equal(codec.decode(logits), expected)
    assert torch.equal(codec.decode(logits * 2.0**100), expected)
    assert torch.equal(codec.decode(logits * torch.linspace(1, 9, 40)[:, None]), expected)
    assert torch.equal(codec.decode(logits.double() * 1e300), expected)
    assert torch.equal(codec.decode(logits.flip(0)), expected.flip(0))
    assert torch.equal(torch.cat([codec.decode(part) for part in logits.split(7)]), expected)


@pytest.mark.parametrize(("k", "n"), [(15, 127), (29, 127)])
def test_small_chunks_give_the_same_payloads(k, n, monkeypatch):
    codec = build("soft-bch", k, length=n)
    logits = gaussian(0.25)(codec.encode(random_payloads(40, k)))
    expected = codec.decode(logits)
    monkeypatch.setattr(exhaustive, "SCORES", 3 * 2**k)
    monkeypatch.setattr(ordered_statistics, "NUMBERS", 1)
    monkeypatch.setattr(soft_bch, "CHUNK", 7)
    assert torch.equal(codec.decode(logits), expected)


@pytest.mark.parametrize(("k", "n"), [(7, 15), (64, 127)])
def test_any_number_type_no_word_and_no_information_are_taken(k, n):
    codec = build("soft-bch", k, length=n)
    payload = random_payloads(5, k)
    hard = 2 * codec.encode(payload) - 1
    for kind in (torch.bfloat16, torch.float16, torch.float64, torch.int64):
        found = codec.decode(hard.to(kind))
        assert torch.equal(found, payload)
        assert found.dtype == torch.float32
    assert codec.encode(payload.long()).dtype == torch.float32
    assert codec.decode(hard[:0]).shape == codec.encode(payload[:0])[:, :k].shape == (0, k)
    assert set(codec.decode(torch.zeros(2, n)).unique().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize(("k", "n"), [(15, 127), (29, 127)])
def test_bad_tensors_are_named(k, n):
    codec = build("soft-bch", k, length=n)
    for shape in [(n,), (2, n + 1), (1, n, 1), (3, 0)]:
        with pytest.raises(ValueError, match=rf"logits of shape .* must be \(images, {n}\)"):
            codec.decode(torch.zeros(shape))
    with pytest.raises(ValueError, match=rf"payload of shape .* must be \(images, {k}\)"):
        codec.encode(torch.zeros(2, n))
    with pytest.raises(ValueError, match="something else than 0 and 1"):
        codec.encode(torch.full((2, k), 0.5))
    for bad in (float("nan"), float("inf"), -float("inf")):
        logits = torch.ones(2, n)
        logits[1, 3] = bad
        with pytest.raises(ValueError, match="not all finite"):
            codec.decode(logits)
