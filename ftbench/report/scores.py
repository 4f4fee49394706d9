"""What one cell was measured at as arrays, by attack and image, which tables of many cells can be made of."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ftbench.report.looks import Looks
from ftbench.report.sample import Sample
from ftbench.storage.results import MARKED, UNDISTORTED, UNMARKED, CellResult

CHANCE = 0.5
"""Of its bits an image that lost its mark is read right by chance alone; of its words none."""
PLAIN = "none"
"""The category of what was not distorted."""

Attack = tuple[str, str]
"""(simulator, distortion)."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """Readings of one cell, by attack and image; images are in order of their keys."""

    bits: int
    code_bits: int
    attacks: tuple[Attack, ...]
    categories: tuple[str, ...]
    """Of each attack's distortion."""
    images: tuple[str, ...]
    place: NDArray[np.int32]
    """Of each reading: attack · images + image."""
    code_errors: NDArray[np.int16]
    payload_errors: NDArray[np.int16]
    draw: NDArray[np.int32]
    quality: Looks

    @cached_property
    def readings(self) -> Floats:
        """(attacks, images): how often each image was read."""
        return self.summed(np.ones(len(self.place)))

    @cached_property
    def wrong_code_bits(self) -> Floats:
        """(attacks, images)."""
        return self.summed(self.code_errors)

    @cached_property
    def wrong_payload_bits(self) -> Floats:
        """(attacks, images)."""
        return self.summed(self.payload_errors)

    @cached_property
    def words(self) -> Floats:
        """(attacks, images): readings whose payload is right as a whole."""
        return self.summed(self.payload_errors == 0)

    @cached_property
    def code_words(self) -> Floats:
        """(attacks, images): readings whose code word is right as a whole."""
        return self.summed(self.code_errors == 0)

    @cached_property
    def taken(self) -> tuple[Hashable, ...]:
        """Of each attack: what is the same where the same images and draws were read."""
        draws = self.summed(self.draw)
        shared = hash(self.images)
        return tuple((shared, count.tobytes(), of.tobytes()) for count, of in zip(self.readings, draws, strict=True))

    def summed(self, values: NDArray[np.generic]) -> Floats:
        """Values of the readings, added up by attack and image (attacks, images)."""
        shape = len(self.attacks), len(self.images)
        flat = np.bincount(self.place, weights=values.astype(np.float64), minlength=shape[0] * shape[1])
        return flat.reshape(shape).astype(np.float64)

    @cached_property
    def known(self) -> dict[Attack, int]:
        """The place of each attack."""
        return {attack: number for number, attack in enumerate(self.attacks)}

    def where(self, attacks: Sequence[Attack]) -> list[int]:
        """The places of those attacks that were evaluated."""
        return [self.known[attack] for attack in attacks if attack in self.known]

    def bits_read(self, attacks: Sequence[Attack], *, payload: bool = False) -> Sample | None:
        """Share of code bits, or of payload bits, that were read rightly, over all these attacks together."""
        length, wrong = (self.bits, self.wrong_payload_bits) if payload else (self.code_bits, self.wrong_code_bits)
        return self._rate(attacks, self.readings * length - wrong, length, CHANCE)

    def words_read(self, attacks: Sequence[Attack], *, code: bool = False) -> Sample | None:
        """Share of payloads, or of code words, that were read without an error."""
        return self._rate(attacks, self.code_words if code else self.words, 1, 0.0)

    def rates(self, attacks: Sequence[Attack], right: NDArray[np.generic], chance: float = 0.0) -> dict[Attack, Sample]:
        """After each attack, the share of readings of which ``right`` (readings,) holds; it may be a chance in 0..1."""
        summed = self.summed(right)
        found = {attack: self._rate([attack], summed, 1, chance) for attack in attacks}
        return {attack: sample for attack, sample in found.items() if sample is not None}

    def _rate(self, attacks: Sequence[Attack], right: Floats, length: int, chance: float) -> Sample | None:
        at = self.where(attacks)
        if not at or len(at) < len(attacks):
            return None
        tried = self.readings[at].sum(axis=0) * length
        there = tried > 0
        images = self.taken[at[0]] if len(at) == 1 else tuple(self.taken[index] for index in at)
        return Sample(right[at].sum(axis=0)[there][None], tried[there][None], (images,), chance)


def scores_of(result: CellResult) -> Scores:
    """One pass over a cell's rows."""
    rows, looks = result.rows, Looks(result.quality)
    if rows.empty:
        nothing = np.zeros(0, dtype=np.int32)
        small = np.zeros(0, dtype=np.int16)
        return Scores(result.bits, result.code_bits, (), (), (), nothing, small, small, nothing, looks)
    image, images = pd.factorize(rows["image"], sort=True)
    simulator, simulators = pd.factorize(rows["simulator"])
    distortion, distortions = pd.factorize(rows["distortion"])
    attack, found = pd.factorize(simulator.astype(np.int64) * len(distortions) + distortion)
    first = np.unique(attack, return_index=True)[1]
    categories = rows["category"].iloc[first].astype(str)
    attacks = [
        (str(simulators[one // len(distortions)]), str(distortions[one % len(distortions)])) for one in map(int, found)
    ]
    draw = rows["draw"].to_numpy().astype(np.int64)
    return Scores(
        result.bits,
        result.code_bits,
        tuple(attacks),
        tuple(categories),
        tuple(map(str, images)),
        (attack * len(images) + image).astype(np.int32),
        rows["code_errors"].to_numpy().astype(np.int16),
        rows["payload_errors"].to_numpy().astype(np.int16),
        # Unlike sums for unlike sets of draws.
        np.square(draw + 2).astype(np.int32),
        looks,
    )


def plain(attack: Attack) -> bool:
    """Whether nothing but a simulator, or nothing but a distortion, was applied; the control is neither."""
    return attack[0] != UNMARKED and (attack[0] == MARKED or attack[1] == UNDISTORTED)
