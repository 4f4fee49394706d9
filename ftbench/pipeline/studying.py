"""Showing an attacker the pictures that it knows before and after marking, each with a payload of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from ftbench.contract.protocols import ChannelCode
from ftbench.pipeline.stages import Held, Pair, SimulatorStage, encoded

MARKED_AT_ONCE = 32
"""Known images that are marked in one call."""


def show(
    attack: SimulatorStage,
    covers: Tensor,
    pair: Pair,
    held: Held | None,
    codec: ChannelCode,
    bits: int,
    randomness: torch.Generator,
    seed: int,
) -> None:
    """Mark covers (m,3,h,w) with payloads of ``bits`` and let ``attack`` study them.

    Payloads and nonces are drawn from ``randomness``, what the attack draws from torch's generator from ``seed``.
    """
    payloads = torch.randint(0, 2, (len(covers), bits), generator=randomness).float()
    code = encoded(codec, payloads, randomness).to(covers.device)
    pieces = zip(covers.split(MARKED_AT_ONCE), code.split(MARKED_AT_ONCE), strict=True)
    marked = torch.cat([pair.mark(some, own, held) for some, own in pieces])
    torch.manual_seed(seed)
    attack.study(marked, covers, randomness)
