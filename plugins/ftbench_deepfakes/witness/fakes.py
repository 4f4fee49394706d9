"""The fakes that a witness looks at."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from ftbench.data.donors import donors
from ftbench.data.images import Images
from ftbench.machine.randomness import derive, generator
from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.stages import SimulatorStage

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
            randomness = generator(seed, "witness donor", start)
            inputs = Inputs(identity=identity, donor=partial(donors, covers, identity, randomness, "cpu"))
            torch.manual_seed(derive(seed, "witness", start))
            fakes.append(attack(covers.covers(index, "cpu"), inputs))
    return torch.cat(fakes)
