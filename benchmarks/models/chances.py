"""How exact the chances are that a reader states: unmarked pictures, every look of the search, and many who look.

The bound of a search is the chance of one look times the looks that count. So it holds where no look is right by
accident more often than its p-value says, and that can be counted far sooner than false positives of whole searches.
Each owner has a key and a drawn payload, which know nothing of the pictures. What a picture reads as does not hang on
who looks, so it is searched once, and what an owner concludes is worked out for each of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from pathlib import Path

import numpy as np
from tabulate import tabulate

from benchmarks.models.kept import counted
from ftbench.marking import finding, pictures, presence, sources
from ftbench.marking.search import Search, Word
from ftbench.marking.tracing import readable
from ftbench.marking.trained import Trained
from ftbench.progress import Progress
from ftbench.statistics.estimates import mean_over_images, wilson

LEVELS = (1e-1, 1e-2, 1e-3, 1e-4)
CHECKS = tuple(math.ceil(-math.log2(level)) for level in LEVELS)
"""Bits of a check that is right by accident at most that often."""
WAYS = ("the check alone", "a drawn payload alone", "both, half of the rate each")


@dataclass(frozen=True)
class Owner:
    """Somebody who looks for a mark of their own."""

    key: bytes
    payload: str


@dataclass(frozen=True)
class Counted:
    """What one unmarked picture gave."""

    looks: int
    compared: list[int]
    """Looks whose p-value beside an owner's payload is at most each level, over all owners."""
    checked: list[int]
    """Looks with a right check of each length, over the keys of all owners."""
    public: list[int]
    """The same under the key that everybody knows, alone."""
    marked: list[int]
    """Owners who take the picture for marked, each way."""


class Replayed(Search):
    """A search that was made: to go through it again costs nothing."""

    def __init__(self, made: Search) -> None:
        super().__init__(made.trained, made.pixels, made.seconds, made.clock, made.way)
        self.kept = [(words, made.as_read()) for words in made.stages()]
        self.readings, self.held = made.readings, self.kept[0][1]

    def stages(self) -> Iterator[list[Word]]:
        """The words of each stage, as they were."""
        for words, held in self.kept:
            self.held = held
            yield words

    def as_read(self) -> list[Word]:
        """What had been read when that stage came."""
        return self.held


def count(
    model: Trained,
    folders: Sequence[Path],
    most: int,
    owners: int,
    rules: finding.Rules,
    kept: Path | None,
    progress: Progress,
) -> list[Counted]:
    """Search ``most`` pictures, of each folder in turn, for marks of so many owners; ``kept`` as in ``counted``."""
    files = _in_turn(folders)
    about = {
        "model": model.key,
        "bound": rules.bound,
        "seconds": rules.seconds,
        "way": asdict(rules.way),
        "owners": owners,
        "folders": [folder.name for folder in folders],
        "files": len(files),
    }

    def one(number: int) -> Counted:
        draw = np.random.default_rng(number)
        return _one(model, files[number], [_owner(model, draw) for _ in range(owners)], rules)

    return counted(one, min(most, len(files)), kept, Counted, about, progress)


def tables(done: Sequence[Counted], owners: int, rules: finding.Rules, model: Trained, folders: Sequence[Path]) -> str:
    """Both tables in Markdown: of looks one by one, and of whole searches."""
    looks = [one.looks for one in done]
    each = [owners * number for number in looks]
    rows = [
        {
            "a chance of": f"{level:g}",
            "looks beside a drawn payload": _rate([one.compared[place] for one in done], each),
            "a check of": f"{bits} bits, {2.0**-bits:.2g}",
            "keys of owners": _rate([one.checked[place] for one in done], each),
            "everybody's key": _rate([one.public[place] for one in done], looks),
        }
        for place, (level, bits) in enumerate(zip(LEVELS, CHECKS, strict=True))
    ]
    searches = [
        {
            "whole searches": way,
            "count as marked": f"{sum(one.marked[place] for one in done)} of {owners * len(done):,}",
            "share": _rate([one.marked[place] for one in done], [owners] * len(done)),
        }
        for place, way in enumerate(WAYS)
    ]
    names = " and ".join(f"`{folder.name}`" for folder in folders)
    return "\n\n".join(
        [
            f"{len(done)} unmarked pictures of {names}, {sum(looks):,} looks by {model.label}, {owners} owners with a "
            f"key and a drawn payload each: how often a look is right by accident [95 % interval over pictures].",
            _table(rows),
            f"Whole searches by the same owners, where {rules.bound:g} is allowed:",
            _table(searches),
        ]
    )


def _one(model: Trained, file: Path, owners: Sequence[Owner], rules: finding.Rules) -> Counted:
    pixels = readable(model, pictures.read_file(file).pixels)
    search = Replayed(Search(model, pixels, rules.seconds, rules.clock, rules.way))
    looks = search.looks()
    compared, checked, marked = np.zeros(len(LEVELS), int), np.zeros(len(LEVELS), int), np.zeros(len(WAYS), int)
    for owner in owners:
        known = finding.Candidates((finding.Known(owner.payload),))
        _, chances = known.chances(looks)
        compared += [int((chances <= level).sum()) for level in LEVELS]
        checked += _right(looks, owner.key)
        told = replace(rules, key=owner.key)
        plain = replace(model, tag=0)
        alone = finding.find(model, pixels, finding.Candidates(), told, search)
        expected = finding.find(plain, pixels, known, told, search).match
        both = finding.find(model, pixels, known, told, search)
        named = expected is not None and expected.p_value is not None and expected.p_value <= rules.bound
        marked += [alone.marked is True, named, both.marked is True]
    return Counted(len(looks), compared.tolist(), checked.tolist(), _right(looks, presence.PUBLIC), marked.tolist())


def _right(looks: Sequence[Word], key: bytes) -> list[int]:
    return [sum(presence.is_whole(word.payload, bits, key) for word in looks) for bits in CHECKS]


def _owner(model: Trained, draw: np.random.Generator) -> Owner:
    # As ``given.draw`` does it, but the same each time.
    key = draw.bytes(16)
    data = "".join(map(str, draw.integers(0, 2, model.bits - model.tag)))
    return Owner(key, presence.completed(data, model.tag, key))


def _in_turn(folders: Sequence[Path]) -> list[Path]:
    """All pictures of some folders, those of each in an order of chance: the first few are as good as any."""
    lists = []
    for folder in folders:
        files = [source.path for source in sources.gather([folder]).pictures if not source.obstacle]
        lists.append([files[place] for place in np.random.default_rng(0).permutation(len(files))])
    return [file for turn in zip_longest(*lists) for file in turn if file is not None]


def _rate(right: Sequence[int], tried: Sequence[int]) -> str:
    # Where none is right nothing tells how the looks at one picture agree, so they count as one.
    found = mean_over_images(np.divide(right, tried)) if sum(right) else wilson(0, len(right))
    return f"{found.value:.2g} [{found.low:.2g}, {found.high:.2g}]"


def _table(rows: Sequence[dict[str, str]]) -> str:
    return tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)
