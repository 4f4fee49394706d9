"""Readings of a picture at many places, the likeliest first, in stages that cost more and more.

Which readings are kept is decided by the decoder's certainty alone. Neither the check of a payload nor any registered
one has a say in it, so only the payloads that are compared afterwards count as tries, not the places looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import torch
from torch import Tensor
from torch.nn import functional

from ftbench.marking.placements import USUAL, WHOLE, Placement, Way, common, everywhere, fresh, near
from ftbench.marking.trained import Trained
from ftbench.marking.windows import Windows

BATCH = 16
LEAST_CERTAIN = 6
"""Bits of a reading that are tried the other way round as well."""
TURNED = 12
"""Readings, the likeliest, of which bits are turned round."""
BEST = (10, 5, 3)
"""Placements that are refined in each round, half as far as in the one before. A reader is sure of wrong places, too:
of crops to half of the area the right one was among the four most certain in half of the pictures alone."""


@dataclass(frozen=True)
class Reading:
    """What a picture reads as at one place."""

    placement: Placement
    logits: Tensor
    """(1, n)."""
    score: float
    """Mean over its bits of the log of the decoder's certainty: at most 0."""


@dataclass(frozen=True)
class Word:
    """A payload that a picture may carry."""

    payload: str
    placement: Placement
    score: float
    """Log of how likely the decoder holds it, over the bits."""
    weights: tuple[int, ...]
    """Of each bit: its rank among the bits by how sure the decoder is of it, from 1; all 1 where the payload went
    through a code, which does not say how sure it is."""


@dataclass
class Search:
    """Looks at one picture (3,h,w) uint8, for ``seconds`` at most beyond the first look."""

    trained: Trained
    pixels: Tensor
    seconds: float
    clock: Callable[[], float] = time.monotonic
    """What the seconds are counted by."""
    way: Way = USUAL
    readings: list[Reading] = field(default_factory=list)
    ended: bool = False
    """Whether it looked at all that it had to, before its time was over."""

    def stages(self) -> Iterator[list[Word]]:
        """Payloads, the likeliest first and none twice.

        Of the whole picture as it reads; the same with bits turned round; of common changes; of a wide search. Each
        stage holds all that was read until then. Those after the second come only as long as there is time.
        """
        windows, seen = Windows(self.pixels, self.trained.size, self.way), {WHOLE}
        self._look(windows, [WHOLE])
        yield [self.plain]
        yield self.words()
        until = self.clock() + self.seconds
        if self.seconds <= 0:
            return
        self._look(windows, fresh(common(windows.content), seen), until)
        yield self.words()
        if self.clock() >= until:
            return
        self._look(windows, fresh(everywhere(self.way), seen), until)
        for fineness, count in enumerate(BEST):
            best = sorted(self.readings, key=lambda one: -one.score)[:count]
            self._look(windows, fresh((at for one in best for at in near(one.placement, fineness)), seen), until)
        self.ended = self.clock() < until
        yield self.words()

    @property
    def plain(self) -> Word:
        """What the whole picture reads as, once there was a first stage."""
        return _as_read(self.trained, self.readings[0])

    def looks(self) -> list[Word]:
        """What each look read so far, the likeliest first, with no bit turned round."""
        return [_as_read(self.trained, reading) for reading in sorted(self.readings, key=lambda one: -one.score)]

    def as_read(self) -> list[Word]:
        """The same, and no payload twice."""
        found: dict[str, Word] = {}
        for word in self.looks():
            found.setdefault(word.payload, word)
        return list(found.values())

    def words(self) -> list[Word]:
        """All payloads that were read so far, and those with their least certain bits turned round."""
        found: dict[str, Word] = {}
        for rank, reading in enumerate(sorted(self.readings, key=lambda one: -one.score)):
            for word in _words(self.trained, reading, turn=rank < TURNED):
                if word.payload not in found or word.score > found[word.payload].score:
                    found[word.payload] = word
        return sorted(found.values(), key=lambda word: -word.score)

    @torch.inference_mode()
    def _look(self, windows: Windows, places: Sequence[Placement], until: float = float("inf")) -> None:
        for begin in range(0, len(places), BATCH):
            if self.clock() >= until:
                return
            batch = places[begin : begin + BATCH]
            logits = self.trained.pair.read(windows.cut(batch))
            scores = functional.logsigmoid(logits.abs()).mean(1).tolist()
            self.readings += [
                Reading(place, row[None], score) for place, row, score in zip(batch, logits, scores, strict=True)
            ]


def _as_read(trained: Trained, reading: Reading) -> Word:
    return next(_words(trained, reading, turn=False))


def _words(trained: Trained, reading: Reading, turn: bool) -> Iterator[Word]:
    certain = reading.logits.abs()[0]
    weakest = certain.argsort()[: LEAST_CERTAIN if turn else 0].tolist()
    sets = [turned for count in range(len(weakest) + 1) for turned in combinations(weakest, count)]
    logits = reading.logits.repeat(len(sets), 1)
    for row, turned in zip(logits, sets, strict=True):
        row[list(turned)] *= -1
    weights = _weights(certain) if len(certain) == trained.bits else (1,) * trained.bits
    for turned, payload in zip(sets, trained.payloads(logits), strict=True):
        score = reading.score - float(certain[list(turned)].sum()) / len(certain)
        yield Word(payload, reading.placement, score, weights)


def _weights(certain: Tensor) -> tuple[int, ...]:
    return tuple((certain.argsort(stable=True).argsort(stable=True) + 1).tolist())
