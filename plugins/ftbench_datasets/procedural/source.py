"""``procedural-faces`` as an image source."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ftbench.contract.protocols import Item
from ftbench.data.splits import split_of
from ftbench.errors import BadInput
from ftbench_datasets.procedural.camera import portrait
from ftbench_datasets.procedural.genes import Genes, person
from ftbench_datasets.procedural.landmarks import five_points
from ftbench_datasets.procedural.shot import shot

# Raise it when a change draws any picture differently: keys, and so splits, payloads and stored results,
# hang on it.
GENERATOR_VERSION = 1

_people = lru_cache(maxsize=4096)(person)


class ProceduralFaces:
    """``identities`` people, ``images_per_identity`` photos of each; the same for the same ``seed``.

    A picture depends on the seed, the person's number and the photo's number alone: asking for more people or
    more photos leaves the others as they were. Splits go by photo, so every person is in every split.
    Processors with other vector units may round a few pixels to the neighbouring value.
    """

    name = "procedural-faces"
    landmarks_digest = ""
    set_aside: tuple[tuple[str, str], ...] = ()

    def __init__(self, *, identities: int, images_per_identity: int, seed: int) -> None:
        self._seed = seed
        self._where: dict[str, tuple[int, int]] = {}
        items: list[Item] = []
        for who in range(identities):
            for index in range(images_per_identity):
                identity = f"person-{who:02d}"
                key = _key(seed, who, index)
                self._where[key] = who, index
                items.append(Item(key, f"{identity}/{index:04d}", identity, split_of(key)))
        self.items = tuple(items)
        self.notes = (
            f"Drawn, not photographed: procedural faces, generator version {GENERATOR_VERSION}, seed {seed}; "
            "split by photo, so every person is in every split.",
        )

    def load(self, item: Item, size: int) -> npt.NDArray[np.uint8]:
        """Draw ``item`` at ``size`` × ``size`` pixels: RGB, uint8 (size, size, 3).

        Raises BadInput when the item is not of this source, or the size is under 16 pixels.
        """
        if item.key not in self._where:
            raise BadInput(f"{self.name}: {item.name} is not in this draw; take items from its own list.")
        if size < 16:
            raise BadInput(f"{self.name}: {size} px is too small to draw a face; ask for 16 px or more.")
        who, index = self._where[item.key]
        genes: Genes = _people(self._seed, who)
        return portrait(genes, shot(self._seed, who, index), size)

    def landmarks(self, item: Item) -> npt.NDArray[np.float64]:
        """Five points as the extra input ``landmarks`` has them, (5, 2)."""
        who, index = self._where[item.key]
        return five_points(_people(self._seed, who), shot(self._seed, who, index))


def _key(seed: int, who: int, index: int) -> str:
    told = f"procedural-faces {GENERATOR_VERSION} {seed} {who} {index}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]
