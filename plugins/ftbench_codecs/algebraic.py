"""Decoding of BCH codes by algebra: up to t misread bits are put right for certain, whatever their places.

Syndromes, the inversionless Berlekamp-Massey algorithm (Sarwate and Shanbhag, IEEE Trans. VLSI Syst. 9, 2001), and a
search for the roots of the error locator, each for a whole batch at once. Elements of the field are int64.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, reduce

import torch
from torch import Tensor

from ftbench_codecs.bch import Code, powers


def correct(read: Tensor, code: Code) -> tuple[Tensor, Tensor]:
    """Bits as read (b, n) of {0,1} -> (words (b, n) of {0,1} float32, which of them are codewords (b,) bool).

    A codeword is given wherever at most t bits were misread; elsewhere, mostly, no codeword is found.
    """
    field = _Field(code.n, str(read.device))
    read = read.float()
    locator = _locator(_syndromes(read, code), code.corrects, field)
    place = torch.arange(code.length - 1, -1, -1, device=read.device)
    # Bit i is wrong where α^-place(i) is a root.
    values = [field.times_power(locator[:, j, None], -j * place) for j in range(code.corrects + 1)]
    words = (read + (_sum(values) == 0).float()) % 2
    return words, (_syndromes(words, code) == 0).all(1)


class _Field:
    """GF(n + 1) by tables of powers and logarithms."""

    def __init__(self, n: int, device: str) -> None:
        self.n = n
        self.power = torch.tensor(powers(n), device=device)
        self.logarithm = torch.zeros(n + 1, dtype=torch.int64, device=device)
        self.logarithm[self.power] = torch.arange(n, device=device)

    def times_power(self, element: Tensor, exponent: Tensor) -> Tensor:
        """element · α^exponent."""
        product = self.power[(self.logarithm[element] + exponent) % self.n]
        return torch.where(element == 0, 0, product)

    def times(self, one: Tensor, other: Tensor) -> Tensor:
        """one · other."""
        return torch.where(other == 0, 0, self.times_power(one, self.logarithm[other]))


def _sum(terms: Sequence[Tensor]) -> Tensor:
    """The field's sum."""
    return reduce(torch.bitwise_xor, terms)


def _locator(syndromes: Tensor, corrects: int, field: _Field) -> Tensor:
    """Syndromes (b, 2t) -> error locator (b, t + 1), lowest coefficient first.

    Its roots are the inverses of α^place over the misread places, if there are at most t.
    """
    padded = torch.nn.functional.pad(syndromes, (corrects, 0))
    locator = torch.zeros_like(padded[:, : corrects + 1])
    locator[:, 0] = 1
    older, scale, balance = locator, locator[:, :1], torch.zeros_like(locator[:, :1])
    for step in range(2 * corrects):
        window = padded[:, step : step + corrects + 1].flip(1)
        gap = _sum(field.times(locator, window).unbind(1))[:, None]
        shifted = torch.nn.functional.pad(older[:, :-1], (1, 0))
        longer = (gap != 0) & (balance >= 0)
        updated = field.times(locator, scale) ^ field.times(shifted, gap)
        older = torch.where(longer, locator, shifted)
        scale = torch.where(longer, gap, scale)
        balance = torch.where(longer, -balance - 1, balance + 1)
        locator = updated
    return locator


def _syndromes(words: Tensor, code: Code) -> Tensor:
    """Words (b, n) of {0,1} -> their values (b, 2t) at α, α², …, α^2t."""
    bits = words @ _check_matrix(code, str(words.device)) % 2
    bits = bits.long().reshape(len(words), 2 * code.corrects, code.n.bit_length())
    return (bits << torch.arange(bits.shape[2], device=words.device)).sum(2)


@cache
def _check_matrix(code: Code, device: str) -> Tensor:
    """(n, 2t · m): bit by bit, α^(place · j) for each bit sent and each j in 1 … 2t."""
    power = torch.tensor(powers(code.n))
    place = torch.arange(code.length - 1, -1, -1)
    roots = power[place[:, None] * torch.arange(1, 2 * code.corrects + 1) % code.n]
    return (roots[:, :, None] >> torch.arange(code.n.bit_length()) & 1).flatten(1).float().to(device)
