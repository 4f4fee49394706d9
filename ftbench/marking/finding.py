"""Whether a picture is marked, where, and as which of the payloads that are known; with what that is worth.

Payloads are read in stages (``search``). Two tests are made of them, the check within the payload and the comparison
with known ones, and both count every payload that was tried (the union bound): a check of t bits is right by accident
at one of K payloads at most K·2^-t times, however the tries depend on each other. A comparison has a share of the
error for each stage, so that a whole picture, which is looked at first, pays little for a search that it does not need.
It weighs a bit by the rank of the decoder's certainty (``weighted_tail``), so that an error among the bits that the
decoder was unsure of costs little evidence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ftbench.errors import BadInput
from ftbench.marking import presence
from ftbench.marking.placements import USUAL, Placement, Way
from ftbench.marking.search import Search, Word
from ftbench.marking.trained import Trained
from ftbench.statistics.detection import weighted_tail

BOUND = 1e-3
"""False positives that are allowed where nothing else is said."""
SECONDS = 3.0
"""That a search may take where nothing else is said."""
STAGES = ((1, 1, 1 / 2), (15, 0, 0.0), (16, 16, 1 / 4), (33, 64, 1 / 4))
"""Of each stage, at most: payloads whose check is tried, payloads that are compared with known ones, and the share of
the comparison's error. The whole picture as it reads; with bits turned round, which weights make up for in a
comparison; common changes; everywhere."""


@dataclass(frozen=True)
class Rules:
    """When a picture counts as marked."""

    bound: float = BOUND
    """Chance that an unmarked picture does."""
    seconds: float = 0.0
    """Of searching; 0: the picture as a whole is looked at alone."""
    key: bytes = presence.PUBLIC
    clock: Callable[[], float] = time.monotonic
    """What the seconds are counted by: the wall's, or a processor's, which other work on the machine does not turn."""
    way: Way = USUAL
    """Where is looked."""


@dataclass(frozen=True)
class Known:
    """A payload that a picture may carry, and the marked files that were given it."""

    payload: str
    why_not: str = ""
    """Why it has no p-value; empty: it was drawn."""
    files: tuple[str, ...] = ()
    looks: tuple[str, ...] = ()
    """Of the marked files, as far as they are known."""
    notes: tuple[str, ...] = ()
    """What was noted of them."""


@dataclass(frozen=True)
class Match:
    """A payload that was read, beside the known one that is nearest to it."""

    word: Word
    known: Known
    equal: int
    """Bits that they have in common."""
    p_value: float | None
    """Multiplied by all that was compared; None: the known one was not drawn."""

    def is_better(self, other: Match | None) -> bool:
        """Whether it says more than another."""
        if other is None or (self.p_value is None) != (other.p_value is None):
            return other is None or self.p_value is not None
        return self.equal > other.equal if self.p_value is None else self.p_value < (other.p_value or 0.0)


@dataclass(frozen=True)
class Candidates:
    """All payloads that pictures are compared with; those that were drawn come first, so that they win a tie."""

    known: tuple[Known, ...] = ()
    faults: tuple[str, ...] = ()
    """Rows of the register that could not be used."""
    keys: frozenset[str] = frozenset()
    """Names of the keys that their checks were made with."""

    @cached_property
    def _signs(self) -> npt.NDArray[np.float32]:
        """(payloads, bits) of -1 and 1."""
        return _signs([one.payload for one in self.known])

    @cached_property
    def drawn(self) -> int:
        """How many of them were drawn."""
        return sum(not one.why_not for one in self.known)

    def closest(self, found: str) -> tuple[Known, int]:
        """The payload that has most bits in common with one that was read, and how many these are."""
        place, equal = self._nearest(_signs([found]))
        return self.known[place[0]], (len(found) + round(float(equal[0]))) // 2

    def match(self, words: Sequence[Word], tries: float) -> Match:
        """The best match of some words, whose p-value is multiplied by ``tries`` and by the payloads drawn."""
        places, chances = self.chances(words)
        which = int(np.argmin(chances))
        word, known = words[which], self.known[places[which]]
        equal = sum(one == other for one, other in zip(word.payload, known.payload, strict=True))
        chance = min(1.0, tries * self.drawn * float(chances[which]))
        return Match(word, known, equal, None if known.why_not else chance)

    def chances(self, words: Sequence[Word]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
        """Of each word, which payload is nearest to it, and the chance that one drawn payload is as near as that."""
        weights = np.array([word.weights for word in words], np.float32)
        places, products = self._nearest(_signs([word.payload for word in words]) * weights)
        matched = ((weights.sum(1) + products) / 2).round().astype(int)
        tails = [weighted_tail(tuple(sorted(word.weights))) for word in words]
        return places, np.array([tail[one] for tail, one in zip(tails, matched, strict=True)])

    def _nearest(self, found: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
        # A product of signs counts equal bits less unequal ones, each by its weight; exact in float32 up to 2^24.
        products = found @ self._signs.T
        places = products.argmax(axis=1)
        return places, products[np.arange(len(found)), places]


@dataclass(frozen=True)
class Found:
    """What is known of one picture."""

    payload: str
    """``0110``: that of the mark, or, without one, what the whole picture reads as."""
    bits: int
    placement: Placement
    width: int
    """Of the picture, pixels."""
    height: int
    marked: bool | None
    """None: the payload holds no check, and only a comparison tells."""
    chance: float | None
    """That an unmarked picture counts as marked by what was tried, at most; None: there is no check."""
    tries: int
    """Payloads that were tried."""
    match: Match | None

    @property
    def place(self) -> dict[str, Any]:
        """The mark's frame in the picture: pixels from its left and top edge, and how it was turned in degrees."""
        box, at = {}, self.placement
        for side, share, extent in (
            ("left", at.left, self.width),
            ("top", at.top, self.height),
            ("right", at.right, self.width),
            ("bottom", at.bottom, self.height),
        ):
            box[side] = round(share * extent)
        return {**box, "mirrored": at.mirrored, "turned": round(90 * at.turns + at.angle, 1)}


def rules(trained: Trained, bound: float | None, seconds: float | None, key: bytes) -> Rules:
    """What a user asked for, the rest by default. Raises BadInput for a bound that the check cannot keep."""
    bound = BOUND if bound is None else bound
    if trained.tag and not presence.allowed_tries(trained.tag, bound):
        raise BadInput(
            f"--false-positives {bound:g} cannot be kept by a check of {trained.tag} bits, which is right by accident "
            f"at {2.0**-trained.tag:.1e} of pictures; allow more, or mark with a longer --tag"
        )
    return Rules(bound, (SECONDS if trained.tag else 0.0) if seconds is None else seconds, key)


def find(trained: Trained, pixels: Tensor, candidates: Candidates, rules: Rules, search: Search | None = None) -> Found:
    """Look at pixels (3,h,w) uint8, further and further, until the rules hold the picture for marked.

    ``search``: a fresh one of these pixels, for whoever wants to know what it read.
    """
    tag, searches = trained.tag, bool(trained.tag) or rules.seconds > 0
    # Where two tests are made, each has half of the error, and chance is right by accident in either.
    tests = 2 if tag and candidates.drawn else 1
    bound = rules.bound / tests
    allowed = presence.allowed_tries(tag, bound) if tag else 0
    search = search or Search(trained, pixels, rules.seconds, rules.clock, rules.way)
    seen: set[str] = set()
    compared: set[str] = set()
    checked, best = 0, None

    def result(word: Word, marked: bool | None, chance: float | None) -> Found:
        height, width = pixels.shape[-2:]
        told = (width, height, marked, chance, len(seen | compared), best)
        return Found(word.payload, trained.bits, word.placement, *told)

    for (checks, comparisons, share), words in zip(STAGES, search.stages(), strict=False):
        tried = [word for word in words if word.payload not in seen][:checks]
        seen.update(word.payload for word in tried)
        new = [word for word in search.as_read() if word.payload not in compared][:comparisons]
        if candidates.known and new:
            compared.update(word.payload for word in new)
            match = candidates.match(new, len(new) / share if searches else 1)
            best = match if match.is_better(best) else best
        for word in tried[: max(0, allowed - checked)]:
            checked += 1
            if presence.is_whole(word.payload, tag, rules.key):
                return result(word, True, min(1.0, tests * checked / 2**tag))
        if best is not None and best.p_value is not None and best.p_value <= bound:
            return result(best.word, True if tag else None, min(1.0, tests * best.p_value) if tag else None)
        if not searches:
            break
    spent = checked / 2**tag + (tests - 1) * bound
    return result(search.plain, False if tag else None, min(1.0, spent) if tag else None)


def _signs(payloads: Sequence[str]) -> npt.NDArray[np.float32]:
    characters = np.frombuffer("".join(payloads).encode(), np.uint8).reshape(len(payloads), -1)
    return characters.astype(np.float32) * 2 - (2 * ord("0") + 1)
