"""The fakes that a witness looks at."""

from __future__ import annotations

import torch
from torch import Tensor

from ftbench.data.donors import donating
from ftbench.data.images import Images
from ftbench.machine.randomness import derive, generator
from ftbench.pipeline.stages import SimulatorStage, extra_inputs

BATCH = 64


@torch.no_grad()
def fakes_of(attack: SimulatorStage, covers: Images, seed: int) -> Tensor:
    """One 8-bit fake of each cover, (n,3,s,s) in [0,1] and in the covers' order; made of unmarked covers.

    Donors are drawn from the same covers. A simulator that draws from torch's global generator finds it seeded, and
    whoever draws after it finds it as it was.
    """
    fakes = []
    with torch.random.fork_rng(devices=[]):
        for start in range(0, len(covers), BATCH):
            index = torch.arange(start, min(start + BATCH, len(covers)))
            identity = covers.identity[index]
            donors = donating(covers, identity, generator(seed, "witness donor", start), "cpu")
            torch.manual_seed(derive(seed, "witness", start))
            fakes.append(attack(covers.covers(index, "cpu"), extra_inputs(identity, donor=donors)))
    return torch.cat(fakes)
