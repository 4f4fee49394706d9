"""Codes, payloads and channels, and what may be expected of a rate that was measured on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from ftbench_codecs.plugin import ftbench_codecs

RECORDS = {record.name: record for record in ftbench_codecs()}


def build(name: str, bits: int, **given: Any) -> Any:
    """A code by the name of its record."""
    record = RECORDS[name]
    return record.load()(bits=bits, **dict(record.parameters(**given)))


def learned(bits: int, seed: int = 0, **given: Any) -> Any:
    """A learned code before it is fitted."""
    torch.manual_seed(seed)
    return build("learned", bits, **given).eval()


def fitted(bits: int, steps: int, batch_size: int, **given: Any) -> Any:
    """A learned code, fitted much as the harness does it."""
    code = learned(bits, **given).train()
    optimiser = torch.optim.AdamW(code.parameters(), lr=1e-2)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=steps)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        optimiser.zero_grad()
        code.fit_loss(batch_size, generator).backward()
        torch.nn.utils.clip_grad_norm_(code.parameters(), 1.0)
        optimiser.step()
        rate.step()
    return code.eval()


def random_payloads(count: int, bits: int, seed: int = 0) -> Tensor:
    return torch.randint(2, (count, bits), generator=torch.Generator().manual_seed(seed)).float()


def symmetric(error: float, seed: int = 1) -> Callable[[Tensor], Tensor]:
    """A binary symmetric channel: code (b, n) -> hard ±1 logits."""

    def channel(sent: Tensor) -> Tensor:
        flips = torch.rand(sent.shape, generator=torch.Generator().manual_seed(seed)) < error
        return (2 * sent - 1) * (1 - 2 * flips.float())

    return channel


def gaussian(error: float, seed: int = 1) -> Callable[[Tensor], Tensor]:
    """±1 in Gaussian noise whose signs are wrong at this rate: code (b, n) -> logits."""

    def channel(sent: Tensor) -> Tensor:
        noise = torch.randn(sent.shape, generator=torch.Generator().manual_seed(seed))
        return 2 * sent - 1 + noise / stats.norm.isf(error)

    return channel


def exactly(sent: Tensor, wrong: int, seed: int = 1) -> Tensor:
    """Hard ±1 logits of a code (b, n), ``wrong`` of each word's bits misread."""
    places = torch.rand(sent.shape, generator=torch.Generator().manual_seed(seed)).argsort(1)[:, :wrong]
    return (2 * sent - 1) * torch.ones_like(sent).scatter(1, places, -1)


def word_accuracy(codec: Any, bits: int, channel: Callable[[Tensor], Tensor], words: int) -> float:
    payload = random_payloads(words, bits)
    return float((codec.decode(channel(codec.encode(payload))) == payload).all(1).double().mean())


def tolerance(rate: float, words: int) -> float:
    """Four standard deviations of a rate measured on so many words."""
    return float(4 * np.sqrt(rate * (1 - rate) / words) + 1e-9)
