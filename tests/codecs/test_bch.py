"""The BCH codes against galois's, and how they are chosen and shortened."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from channels import RECORDS, build, random_payloads
from galois_codes import LISTED, encoded, reference

from ftbench_codecs.bch import Code, choose, generator_polynomial, generator_rows
from ftbench_codecs.exhaustive import codebook


@pytest.mark.parametrize(("n", "k"), LISTED)
def test_generator_polynomial_and_designed_distance_are_galois_s(n, k):
    code, oracle = Code(n, k), reference(n, k)
    assert generator_polynomial(code) == int(oracle.generator_poly)
    assert (code.corrects, code.distance) == (oracle.t, oracle.d)


@pytest.mark.parametrize(("n", "k"), LISTED)
@pytest.mark.parametrize("dropped", [0, 1, 5])
def test_codewords_are_galois_s_also_when_shortened(n, k, dropped):
    payload = random_payloads(200, k - dropped)
    if k - dropped > max((other for length, other in LISTED if length == n and other < k), default=0):
        sent = build("soft-bch", k - dropped, length=n).encode(payload)
    else:
        sent = payload @ torch.tensor(generator_rows(Code(n, k, dropped))).float() % 2
    assert sent.shape == (200, n - dropped)
    np.testing.assert_array_equal(sent.numpy(), encoded(n, k, payload))


@pytest.mark.parametrize(("n", "k"), LISTED)
def test_a_shortened_word_is_the_full_word_of_zeros_and_the_payload(n, k):
    payload = random_payloads(50, k)
    payload[:, :3] = 0
    full = payload @ torch.tensor(generator_rows(Code(n, k))).float() % 2
    short = payload[:, 3:] @ torch.tensor(generator_rows(Code(n, k, 3))).float() % 2
    assert torch.equal(full, torch.nn.functional.pad(short, (3, 0)))


@pytest.mark.parametrize(("n", "k"), [(n, k) for n, k in LISTED if k <= 16])
@pytest.mark.parametrize("dropped", [0, 2])
def test_no_two_words_are_nearer_than_the_designed_distance(n, k, dropped):
    words = codebook(torch.tensor(generator_rows(Code(n, k, dropped))))
    weights = (words > 0).sum(1)
    assert (int(weights[0]), int(weights[1:].min())) == (0, Code(n, k).distance)


@pytest.mark.parametrize(("n", "k"), LISTED)
def test_the_code_is_linear_cyclic_and_begins_with_the_payload(n, k):
    codec = build("soft-bch", k, length=n)
    one, other = random_payloads(100, k, seed=1), random_payloads(100, k, seed=2)
    words = codec.encode(one)
    assert torch.equal(codec.encode((one + other) % 2), (words + codec.encode(other)) % 2)
    assert torch.equal(words[:, :k], one)
    turned = words.roll(1, dims=1)
    assert torch.equal(codec.encode(turned[:, :k]), turned)


@pytest.mark.parametrize(
    ("bits", "n", "expected"),
    [
        (7, 15, Code(15, 7)),
        (4, 15, Code(15, 7, 3)),
        (1, 31, Code(31, 16, 15)),
        (17, 31, Code(31, 21, 4)),
        (16, 63, Code(63, 16)),
        (17, 63, Code(63, 30, 13)),
        (8, 127, Code(127, 15, 7)),
        (15, 127, Code(127, 15)),
        (16, 127, Code(127, 29, 13)),
        (30, 127, Code(127, 64, 34)),
        (64, 127, Code(127, 64)),
    ],
)
def test_the_smallest_code_that_holds_the_payload_is_shortened_to_it(bits, n, expected):
    assert choose(bits, n) == expected
    record = RECORDS["soft-bch"]
    length = record.length(bits, record.parameters(length=n))
    assert length == expected.length == n - (expected.k - bits)
    assert build("soft-bch", bits, length=n).encode(random_payloads(3, bits)).shape == (3, length)


def test_the_longest_code_is_the_default():
    record = RECORDS["soft-bch"]
    assert [record.length(bits, record.parameters()) for bits in (15, 29, 64)] == [127, 127, 127]


@pytest.mark.parametrize(("bits", "n"), [(8, 15), (22, 31), (31, 63), (65, 127)])
def test_a_payload_too_long_is_told_which_codes_there_are(bits, n):
    record = RECORDS["soft-bch"]
    with pytest.raises(ValueError, match=rf"length {n} holds a payload of {bits} bits; .*\(15,7\), .*\(127,64\)$"):
        record.length(bits, record.parameters(length=n))
    with pytest.raises(ValueError, match="no BCH code"):
        build("soft-bch", bits, length=n)


@pytest.mark.parametrize("length", [14, 128, 0, True])
def test_a_length_that_no_code_has_is_refused(length):
    with pytest.raises(ValueError, match="127"):
        RECORDS["soft-bch"].parameters(length=length)
