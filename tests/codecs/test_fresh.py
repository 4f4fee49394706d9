"""A fresh code for every picture: what comes back, what a nonce hides, and the exact rate of false positives."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor

from ftbench.errors import BadInput
from ftbench.parts.catalogue import Plugins
from ftbench.pipeline.stages import encoded
from ftbench.statistics.detection import false_positive_rate
from ftbench_codecs.fresh import Fresh
from ftbench_codecs.keyfile import PUBLIC
from tests.codecs.channels import gaussian
from tests.test_evaluate import BITS
from tests.test_plan import changed, planned

MILLION = 1_000_000


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_bits(count: int, bits: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 2, (count, bits), generator=drawn(seed)).float()


@pytest.mark.parametrize(("bits", "nonce", "tag", "length"), [(15, 14, 0, 127), (30, 14, 8, 127), (4, 2, 1, 15)])
def test_what_was_sent_comes_back(bits: int, nonce: int, tag: int, length: int) -> None:
    code, payload = Fresh(bits=bits, nonce=nonce, tag=tag, length=length), random_bits(64, bits)
    sent = code.encode(payload, drawn(1))
    assert torch.equal(code.decode(2 * sent - 1), payload)
    assert bool(code.vouched(2 * sent - 1).all())
    # The system's own nonces, too.
    assert torch.equal(code.decode(2 * code.encode(payload) - 1), payload)


def test_a_noisy_channel_is_put_right() -> None:
    code, payload = Fresh(bits=15, nonce=14, tag=0, length=127), random_bits(50, 15)
    assert torch.equal(code.decode(gaussian(0.10)(code.encode(payload, drawn(1)))), payload)


def test_the_mask_is_blake2b_of_the_nonce_under_the_key() -> None:
    code, payload = Fresh(bits=15, nonce=14, tag=6, length=127), random_bits(8, 15)
    sent = code.encode(payload, drawn(1))
    for row, said in zip(sent.numpy().astype(int), payload.numpy().astype(int), strict=True):
        nonce = "".join(map(str, row[:14]))
        packed = int(nonce.ljust(16, "0"), 2).to_bytes(2, "big")
        mask = hashlib.blake2b(packed, digest_size=2, key=PUBLIC, person=b"mask").digest()
        hidden = [int(bit) for bit in f"{int.from_bytes(mask, 'big'):016b}"[:15]]
        assert list(row[14:29]) == [a ^ b for a, b in zip(hidden, said, strict=True)]
        text = (nonce + "".join(map(str, said))).ljust(32, "0")
        tag = hashlib.blake2b(int(text, 2).to_bytes(4, "big"), digest_size=1, key=PUBLIC, person=b"tag").digest()
        assert list(row[29:35]) == [int(bit) for bit in f"{tag[0]:08b}"[:6]]


def test_codes_of_one_payload_have_nothing_in_common() -> None:
    code = Fresh(bits=15, nonce=14, tag=0, length=127)
    sent = code.encode(torch.ones(4000, 15), drawn(2))
    # The mean of many codes is one half in every place: four and a half standard errors, for 113 places.
    assert float((sent.mean(0) - 0.5).abs().max()) < 4.5 * 0.5 / 4000**0.5
    assert torch.equal(code.encode(torch.ones(5, 15), drawn(2)), sent[:5])


def test_another_key_reads_at_random(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(bytes(range(32)))
    payload = random_bits(3000, 15)
    sent = Fresh(bits=15, nonce=14, tag=0, length=127, key=str(file)).encode(payload, drawn(1))
    read = Fresh(bits=15, nonce=14, tag=0, length=127).decode(2 * sent - 1)
    assert abs(float((read == payload).float().mean()) - 0.5) < 4.5 * 0.5 / (3000 * 15) ** 0.5


@pytest.mark.parametrize(("bits", "nonce", "tag"), [(4, 3, 0), (3, 2, 2)])
def test_the_rate_of_false_positives_is_exact(bits: int, nonce: int, tag: int) -> None:
    code = Fresh(bits=bits, nonce=nonce, tag=tag, length=15)
    # A decoder that leans to one side, on images that carry nothing.
    lean = torch.linspace(-0.8, 0.8, 15)
    logits = torch.randn(MILLION, 15, generator=drawn(1)) + lean
    matches = (code.decode(logits) == random_bits(MILLION, bits, 2)).sum(1).numpy()
    counts = np.bincount(matches, minlength=bits + 1)
    expected = scipy.stats.binom.pmf(np.arange(bits + 1), bits, 0.5) * MILLION
    assert scipy.stats.chisquare(counts, expected).pvalue > 1e-3
    for least in range(bits + 1):
        rate = counts[least:].sum() / MILLION
        exact = false_positive_rate(bits, least)
        assert abs(rate - exact) <= 4.5 * (exact * (1 - exact) / MILLION) ** 0.5


def test_a_tag_is_right_by_chance_as_often_as_its_bits_say() -> None:
    code = Fresh(bits=3, nonce=2, tag=2, length=15)
    right = float(code.vouched(torch.randn(MILLION, 15, generator=drawn(3))).float().mean())
    # The decoder reads all words alike often, and of those a share has its tag: of 32 a fixed number, near a quarter.
    words = torch.tensor([[int(bit) for bit in f"{number:07b}"] for number in range(128)]).float()
    share = float(code.vouched(2 * code.inner.encode(words) - 1).float().mean())
    assert share == 0.25
    assert abs(right - share) < 0.01


def test_planning_says_why_there_is_no_code(plugins: Plugins, tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_bytes(b"abc")
    for codec, says in (
        ({"nonce": 60}, "15 bits of payload, 60 of nonce and 0 of tag are 75: no BCH code of length 127 holds"),
        ({"key": str(tmp_path / "none")}, r"codec\.0\.key: there is no file 'none'"),
        ({"key": str(short)}, "the key file 'short' holds 3 bytes, and a key has 16 to 64"),
    ):
        with pytest.raises(BadInput, match=says):
            planned(changed(matrix={"codec": {"name": "fresh", **codec}}), plugins)


def test_a_plain_code_draws_nothing(plugins: Plugins) -> None:
    record: Any = plugins.find("codec", "soft-bch").record
    plain, randomness = record.load()(bits=BITS, length=127), drawn(5)
    before = randomness.get_state()
    encoded(plain, random_bits(3, BITS), randomness)
    assert torch.equal(before, randomness.get_state())
