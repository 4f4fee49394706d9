"""Maximum-likelihood decoding by trying every codeword: exact, and affordable up to some 16 payload bits."""

from __future__ import annotations

import torch
from torch import Tensor

SCORES = 2**24
"""Scores held at once; in float32 they fill 64 MiB."""


def codebook(generator: Tensor) -> Tensor:
    """Every codeword of a generator matrix (k, n) of {0,1}, as ±1 (2ᵏ, n) float32.

    Word i belongs to the payload that writes i in binary, first bit highest.
    """
    bits = generator.shape[0]
    place = torch.arange(bits - 1, -1, -1, device=generator.device)
    payloads = torch.arange(2**bits, device=generator.device)[:, None] >> place & 1
    return 2 * (payloads.float() @ generator.float() % 2) - 1


def nearest(logits: Tensor, codebook: Tensor) -> Tensor:
    """Logits (b, n) -> indices (b,) of the codewords ±1 (m, n) with the highest correlation.

    This is the most likely codeword when the reads are independent and the logits are log-odds, up to scale;
    for hard ±1 logits it is the one that differs in the fewest bits. The first of equals is taken. The memory
    in use does not grow with b.
    """
    chunk = max(1, SCORES // len(codebook))
    return torch.cat([(part @ codebook.T).argmax(1) for part in logits.split(chunk)])
