"""The BCH codes as a part: systematic encoding, and decoding that heeds how surely each bit was read."""

from __future__ import annotations

from math import comb

import torch
from torch import Tensor

from ftbench_codecs import ordered_statistics
from ftbench_codecs.algebraic import correct
from ftbench_codecs.bch import choose, generator_rows
from ftbench_codecs.exhaustive import codebook, nearest
from ftbench_codecs.tensors import require_logits, require_payload

EXHAUSTIVE = 16
"""Most payload bits for which every codeword is tried."""

FLIPS = 50_000
"""Most codewords that ordered statistics tries for one word."""

CHUNK = 1024
"""Words in one elimination."""


class SoftBCH:
    """The smallest listed BCH code of length ``length`` that holds ``bits``, shortened to them.

    Raises ValueError when there is none. Payloads of up to 16 bits are decoded by exact maximum likelihood; longer
    ones by ordered statistics beside the algebraic decoder, taking the likelier of their two words. Either way up
    to t misread bits are put right when the logits are hard, and a common factor of a word's logits is of no effect.
    """

    def __init__(self, *, bits: int, length: int) -> None:
        self.code = choose(bits, length)
        self.order = max(order for order in range(5) if sum(comb(bits, i) for i in range(order + 1)) <= FLIPS)
        self._name = f"BCH code of {bits} bits in {self.code.length}"
        self._generator = torch.tensor(generator_rows(self.code))
        self._codebooks: dict[torch.device, Tensor] = {}

    def encode(self, payload: Tensor) -> Tensor:
        """Payload (b, k) of {0,1} -> code (b, n) of {0,1} float32: the payload, then the check bits.

        Raises ValueError on another shape or other values.
        """
        require_payload(payload, self.code.bits, self._name)
        return payload.float() @ self._generator.to(payload.device).float() % 2

    def decode(self, logits: Tensor) -> Tensor:
        """Read logits (b, n), real or hard ±1 -> payload (b, k) of {0,1} float32 on the same device.

        Raises ValueError on another shape and on logits that are not finite.
        """
        require_logits(logits, self.code.length, self._name)
        logits = _at_most_one(logits)
        if self.code.bits <= EXHAUSTIVE:
            words = self._codebook(logits.device)
            return (words[nearest(logits, words), : self.code.bits] > 0).float()
        return torch.cat([self._likelier(part) for part in logits.split(CHUNK)])[:, : self.code.bits]

    def _codebook(self, device: torch.device) -> Tensor:
        if device not in self._codebooks:
            self._codebooks[device] = codebook(self._generator.to(device))
        return self._codebooks[device]

    def _likelier(self, logits: Tensor) -> Tensor:
        """Logits (b, n) -> codewords (b, n) of {0,1}."""
        words, valid = correct(logits > 0, self.code)
        unsure = ~(valid & certain(logits, words, self.code.distance))
        logits, algebraic = logits[unsure], words[unsure]
        other = ordered_statistics.decode(logits, self._generator.to(logits.device), self.order)
        worse = ~valid[unsure] | (((other - algebraic) * logits).sum(1) > 0)
        words[unsure] = torch.where(worse[:, None], other, algebraic)
        return words


def certain(logits: Tensor, words: Tensor, distance: int) -> Tensor:
    """Which codewords (b, n) of {0,1} are surely the likeliest for the logits (b, n): (b,) bool.

    Every other codeword differs from this one in at least ``distance`` bits. Of those, at most the misread ones can
    speak for it, and at least the rest speak against it (Taipale and Pursley, IEEE Trans. Inf. Theory 37, 1991).
    """
    weight, misread = logits.abs(), (logits > 0) != (words > 0)
    lightest = weight.masked_fill(misread, torch.inf).sort(dim=1).values
    against = torch.arange(logits.shape[1], device=logits.device) < distance - misread.sum(1, keepdim=True)
    return (weight * misread).sum(1) <= lightest.masked_fill(~against, 0).sum(1)


def _at_most_one(logits: Tensor) -> Tensor:
    """Each word divided by its largest magnitude, as float32: sums of them cannot overflow."""
    wide = logits if logits.dtype == torch.float64 else logits.float()
    largest = wide.abs().amax(1, keepdim=True)
    return (wide / torch.where(largest == 0, 1, largest)).float()
