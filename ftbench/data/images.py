"""A data set as cells use it: the people chosen, a digest, each split in memory as 8-bit pixels."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ftbench.contract.protocols import ImageSource, Item
from ftbench.errors import BadInput, nearest

if TYPE_CHECKING:
    import torch

LOADERS = 4
MOST_ON_DEVICE = 4 * 2**30
"""Bytes of a split's pixels that are held in a GPU's memory, so that no batch crosses to it."""
FEWEST = {"train": 8, "val": 1, "test": 1}
"""Images of each person, a split, below which no number could be believed."""
RESERVE = "reserve"
"""The people that only black-box deepfakes are fitted on."""


@dataclass(frozen=True)
class Images:
    """A split in memory: n images of s×s pixels."""

    keys: tuple[str, ...]
    names: tuple[str, ...]
    people: tuple[str, ...]
    identity: torch.Tensor
    """(n,) int64, index into the data's people."""
    pixels: torch.Tensor
    """(n, 3, s, s) uint8."""
    _held: dict[str, torch.Tensor] = field(default_factory=dict, repr=False, compare=False)
    """The pixels by device, where they lie there too."""

    def __len__(self) -> int:
        return len(self.keys)

    def covers(self, index: torch.Tensor, device: str) -> torch.Tensor:
        """Images by index (b,) -> (b, 3, s, s) in [0, 1]."""
        if device == "cpu" or self.pixels.numel() > MOST_ON_DEVICE:
            return self.pixels[index].to(device).float() / 255
        if device not in self._held:
            self._held[device] = self.pixels.to(device)
        return self._held[device][index.to(device)].float() / 255

    @cached_property
    def by_person(self) -> tuple[torch.Tensor, ...]:
        """For everybody who is shown, in the order of ``people``, the indices of their images."""
        return tuple((self.identity == who).nonzero().flatten() for who in self.identity.unique().tolist())


@dataclass(frozen=True)
class Data:
    """An opened data set, narrowed to the people that a benchmark shows."""

    source: ImageSource
    people: tuple[str, ...]
    items: tuple[Item, ...]
    size: int
    reserved: frozenset[str] = frozenset()
    """People whom no pair is trained or tested on."""
    _loaded: dict[str, Images] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.source.name

    @property
    def digest(self) -> str:
        """Of the images' content, who they show and how they are split; file names and places have no part in it."""
        lines = sorted(f"{item.key} {item.identity} {self.place(item)}" for item in self.items)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def counts(self) -> dict[str, dict[str, int]]:
        """Images of each person in each split."""
        count = Counter[tuple[str, str]]((item.identity, self.place(item)) for item in self.items)
        return {who: {split: count[who, split] for split in self.splits} for who in self.people}

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits there are."""
        return (*FEWEST, RESERVE) if self.reserved else tuple(FEWEST)

    def place(self, item: Item) -> str:
        """The split that an item is used in."""
        return RESERVE if item.identity in self.reserved else item.split

    def shown(self) -> dict[str, int]:
        """How many people each split shows."""
        return {
            split: len({item.identity for item in self.items if self.place(item) == split}) for split in self.splits
        }

    def images(self) -> dict[str, int]:
        """How many images each split has."""
        count = Counter(self.place(item) for item in self.items)
        return {split: count[split] for split in self.splits}

    def split(self, name: str, limit: int | None = None) -> Images:
        """Load a split, in the order of the images' content; kept in memory for the next cell."""
        if name not in self._loaded:
            self._loaded[name] = self._read([item for item in self.items if self.place(item) == name])
        images = self._loaded[name]
        return images if limit is None else _spread(images, limit)

    def _read(self, items: Sequence[Item]) -> Images:
        import torch

        ordered = sorted(items, key=lambda item: item.key)
        with ThreadPoolExecutor(LOADERS) as pool:
            arrays = list(pool.map(lambda item: self.source.load(item, self.size), ordered))
        index = {who: number for number, who in enumerate(self.people)}
        return Images(
            keys=tuple(item.key for item in ordered),
            names=tuple(item.name for item in ordered),
            people=self.people,
            identity=torch.tensor([index[item.identity] for item in ordered]),
            pixels=torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous(),
        )


def choose(
    source: ImageSource,
    size: int,
    named: Sequence[str] | None,
    needed: int | None,
    place: str,
    reserve: float = 0.0,
) -> Data:
    """Narrow an opened source to the people named, or to the ``needed`` ones with most images.

    ``reserve``: share of the people shown in train who are set aside with all their images, chosen by their names.
    Raises BadInput, beginning with ``place``, when people are unknown or too few, or have too few images.
    """
    count = Counter(item.identity for item in source.items)
    if named:
        # However a keyboard or a file system composes its letters (é), a name is one person's.
        written = {unicodedata.normalize("NFC", who): who for who in count}
        named = [written.get(unicodedata.normalize("NFC", who), who) for who in named]
        for who in named:
            if who not in count:
                near = ", ".join(nearest(who, list(count)) or sorted(count)[:5])
                raise BadInput(
                    f"{place}: data set {source.name!r} does not show {who!r}; among its {len(count)} people: {near}"
                )
        people = list(dict.fromkeys(named))
    else:
        # Most images first; by name where two have as many, so that the choice never wavers.
        ranked = sorted(count, key=lambda who: (-count[who], who))
        people = sorted(ranked[:needed])
    if needed is not None and len(people) != needed:
        raise BadInput(
            f"{place}: a simulator needs {needed} people and data set {source.name!r} gives {len(people)}; "
            "name them under dataset.people, or use data with one folder a person"
        )
    chosen = set(people)
    items = tuple(item for item in source.items if item.identity in chosen)
    if reserve and needed is not None:
        raise BadInput(f"{place}.reserve: a simulator needs {needed} people, so nobody can be set aside; leave it out")
    reserved = frozenset(item.identity for item in items if item.split == "train" and _position(item) < reserve)
    data = Data(source, tuple(people), items, size, reserved)
    counts = data.counts()
    for split, fewest in {**FEWEST, **({RESERVE: FEWEST["train"]} if reserve else {})}.items():
        have = {who: counts[who][split] for who in people} if needed else {"": _total(counts, split)}
        for who, number in have.items():
            if number < fewest:
                of = f" of {who!r}" if who else ""
                raise BadInput(
                    f"{place}: data set {source.name!r} has {number} {split} images{of}, fewer than {fewest}; "
                    f"add images ({len(source.set_aside)} were set aside)"
                )
    return data


def _position(item: Item) -> float:
    # By who is shown alone: people who come later move nobody.
    digest = hashlib.sha256(f"reserve:{item.identity}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _total(counts: dict[str, dict[str, int]], split: str) -> int:
    return sum(of.get(split, 0) for of in counts.values())


def _spread(images: Images, limit: int) -> Images:
    # The same share of every person, in the order of content.
    import torch

    if limit >= len(images):
        return images
    ranks: Counter[int] = Counter()
    order: list[tuple[int, int]] = []
    for position, who in enumerate(images.identity.tolist()):
        order.append((ranks[who], position))
        ranks[who] += 1
    seats = sorted(position for _, position in sorted(order)[:limit])
    pick = torch.tensor(seats)
    return Images(
        keys=tuple(images.keys[i] for i in seats),
        names=tuple(images.names[i] for i in seats),
        people=images.people,
        identity=images.identity[pick],
        pixels=images.pixels[pick],
    )


def describe(data: Data) -> dict[str, Any]:
    """What a manifest says of the data: name and digest, never a path."""
    return {
        "name": data.name,
        "digest": data.digest,
        "size": data.size,
        "people": data.counts() if len(data.people) <= 20 else len(data.people),
        "images": data.images(),
        "set_aside": [{"name": name, "reason": reason} for name, reason in data.source.set_aside],
        "notes": list(data.source.notes),
    }
