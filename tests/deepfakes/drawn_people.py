"""Drawn faces of people who are held apart, as the witnesses and swaps of the tests see them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ftbench.data.donors import draw_donors
from ftbench.data.images import Images
from ftbench.train.batches import draw_batch
from ftbench_datasets.procedural.source import ProceduralFaces


@dataclass(frozen=True)
class Drawn:
    """Photos (n,3,s,s) in [0,1] and who they show (n,)."""

    images: Images

    @property
    def image(self) -> Tensor:
        """Every photo."""
        return self.images.covers(torch.arange(len(self.images)), "cpu")

    @property
    def identity(self) -> Tensor:
        """Who is shown."""
        return self.images.identity

    def inputs(self, seed: int) -> dict[str, Tensor]:
        """A simulator's extra inputs."""
        donors = draw_donors(self.images, self.identity, torch.Generator().manual_seed(seed))
        return {"identity": self.identity, "donor": self.images.covers(donors, "cpu")}

    def batch(self, step: int, people: int) -> Drawn:
        """Two photos each of some people."""
        index = draw_batch(self.images, 2 * people, torch.Generator().manual_seed(step), per_person=2)
        images = self.images
        return Drawn(
            Images(
                tuple(images.keys[i] for i in index.tolist()),
                tuple(images.names[i] for i in index.tolist()),
                images.people,
                images.identity[index],
                images.pixels[index],
            )
        )


@lru_cache(maxsize=8)
def drawn(people: int, each: int, seed: int, size: int = 32) -> Drawn:
    """``each`` photos of ``people`` people, who are others for every seed."""
    source = ProceduralFaces(identities=people, images_per_identity=each, seed=seed)
    shown = sorted({item.identity for item in source.items})
    pixels = np.stack([source.load(item, size) for item in source.items])
    return Drawn(
        Images(
            keys=tuple(item.key for item in source.items),
            names=tuple(item.name for item in source.items),
            people=tuple(shown),
            identity=torch.tensor([shown.index(item.identity) for item in source.items]),
            pixels=torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(),
        )
    )
