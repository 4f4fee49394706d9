"""Ordered-statistics decoding: near maximum likelihood for codes with too many words to try them all.

Fossorier and Lin, "Soft-decision decoding of linear block codes based on ordered statistics", IEEE Trans. Inf.
Theory 41 (1995). The k most reliable independent bits of a word settle a codeword; it is tried with them as read,
and with every few of them flipped. Here a codeword is a row of signs, so that a flip is a product and the scores
of all flips of a word are one matrix product.
"""

from __future__ import annotations

import torch
from torch import Tensor

PACKED = 63
"""Bits in an int64, its sign left alone."""

NUMBERS = 2**20
"""Numbers held at once for the flips of a chunk of words on a processor: about what its cache holds."""


def decode(logits: Tensor, generator: Tensor, order: int) -> Tensor:
    """Logits (b, n), generator (k, n) of {0,1} -> the likeliest codewords found (b, n) of {0,1} float32.

    order: most flips tried, 0 to 4; the time for a word grows as k^order.
    """
    reliable_first = logits.abs().sort(dim=1, descending=True, stable=True).indices
    rows, pivots = systematic(generator, reliable_first)
    held = (1 + len(generator) ** 2) * logits.shape[1]
    chunk = max(1, (NUMBERS if logits.device.type == "cpu" else 64 * NUMBERS) // held)
    parts = zip(logits.split(chunk), rows.split(chunk), pivots.split(chunk), strict=True)
    return torch.cat([_likeliest(*part, order) for part in parts])


def systematic(generator: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
    """Gaussian elimination of one generator (k, n), for each word in its own order (b, n) of the columns.

    Returns the generators (b, k, n) of {0,1} int64, and pivots (b, k): the columns, the earliest independent ones
    of the order, in which row i alone has a 1.
    """
    bits, length = generator.shape
    column = torch.arange(length, device=generator.device)
    place, shift = column // PACKED, column % PACKED
    packed = torch.zeros((bits, (length - 1) // PACKED + 1), dtype=torch.int64, device=generator.device)
    rows = packed.index_add(1, place, generator.long() << shift).repeat(len(order), 1, 1)
    pivots = order.new_zeros((len(order), bits))
    free = torch.ones_like(pivots, dtype=torch.bool)
    for now in order.unbind(1):
        here = place[now][:, None, None].expand(-1, bits, 1)
        ones = (rows.gather(2, here).squeeze(2) >> shift[now][:, None] & 1).bool()
        candidates = ones & free
        found, first = candidates.any(1, keepdim=True), candidates.byte().argmax(1, keepdim=True)
        pivot = torch.zeros_like(free).scatter(1, first, found)
        row = rows.gather(1, first[:, :, None].expand(-1, -1, rows.shape[2]))
        rows ^= torch.where((ones & found & ~pivot)[:, :, None], row, 0)
        pivots = torch.where(pivot, now[:, None], pivots)
        free &= ~pivot
        if not free.any():
            break
    return rows[:, :, place] >> shift & 1, pivots


def _likeliest(logits: Tensor, rows: Tensor, pivots: Tensor, order: int) -> Tensor:
    """The best (b, n) of the codewords of at most ``order`` flips of the pivots; the arguments as above."""
    read = (logits.gather(1, pivots) > 0).float()
    start = 1 - 2 * (torch.einsum("bk,bkn->bn", read, rows.float()) % 2)
    signs = (1 - 2 * rows).float()
    many, few = _flips(signs, order - order // 2), _flips(signs, order // 2)
    # A sign of +1 is a bit of 0, which a negative logit speaks for.
    scores = (many * (-logits * start)[:, None]) @ few.transpose(1, 2)
    best = scores.flatten(1).argmax(1)
    word = torch.arange(len(logits), device=logits.device)
    found = start * many[word, best // few.shape[1]] * few[word, best % few.shape[1]]
    return (found < 0).float()


def _flips(signs: Tensor, most: int) -> Tensor:
    """Products of at most ``most`` (0, 1 or 2) of the rows ±1 (b, k, n), the empty product first."""
    products = [torch.ones_like(signs[:, :1])]
    if most > 0:
        products.append(signs)
    if most > 1:
        one, other = torch.triu_indices(signs.shape[1], signs.shape[1], 1, device=signs.device)
        products.append(signs[:, one] * signs[:, other])
    return torch.cat(products, 1)
