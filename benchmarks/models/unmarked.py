"""False positives of a model's reader: unmarked pictures, and crops of them, searched as ``extract`` searches.

Two things are counted. Exact: pictures that count as marked, with the whole search on. And, of the same pictures, every
payload that was read anywhere in them, some fifteen times as many as are tried in a picture: how many carry a check
that is right by accident, where ``2**-t`` of all payloads do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.models.damages import cut
from benchmarks.models.kept import counted
from ftbench.marking import finding, pictures, presence, sources
from ftbench.marking.search import Search
from ftbench.marking.tracing import readable
from ftbench.marking.trained import Trained
from ftbench.progress import Progress
from ftbench.statistics.estimates import wilson

SMALLEST = 0.3
"""Share of a picture's area that its crops have at least."""


@dataclass(frozen=True)
class Counted:
    """What one unmarked picture, or one crop, gave."""

    number: int
    marked: bool
    tried: int
    """Payloads that were tried."""
    read: int
    """Different payloads that were read in it."""
    right: int
    """Of these, such as carry a right check."""
    seconds: float
    """Of a processor."""


def count(
    model: Trained, folder: Path, most: int, rules: finding.Rules, kept: Path | None, progress: Progress
) -> list[Counted]:
    """Every picture of a folder, then crops of each in turn, until there are ``most``.

    ``kept``: a file that gets a line for each and from which the same count goes on. Raises BadInput where it belongs
    to another count.
    """
    files = [source.path for source in sources.gather([folder]).pictures if not source.obstacle]
    about = {
        "model": model.key,
        "check": model.tag,
        "bound": rules.bound,
        "seconds": rules.seconds,
        "way": asdict(rules.way),
        "folder": folder.name,
        "files": len(files),
    }

    def one(number: int) -> Counted:
        return _one(model, files[number % len(files)], number, number // len(files), rules)

    return counted(one, most, kept, Counted, about, progress)


def sentence(done: Sequence[Counted], model: Trained, rules: finding.Rules, folder: Path) -> str:
    """Both counts, with their intervals."""
    wrong, payloads, right = sum(one.marked for one in done), sum(one.read for one in done), sum(o.right for o in done)
    share, chance = wilson(wrong, len(done)), wilson(right, payloads)
    tried = np.mean([one.tried for one in done])
    return (
        f"False positives, search of {rules.seconds:g} s of a processor on: of {len(done):,} unmarked pictures of "
        f"`{folder.name}` and crops of them {wrong} count as marked, {_rate(share.value)} [{_rate(share.low)}, "
        f"{_rate(share.high)}], where {rules.bound:g} is allowed; {tried:.0f} payloads were tried in each on average, "
        f"in {np.mean([one.seconds for one in done]):.1f} s. That is exact. Of all {payloads:,} payloads that were "
        f"read anywhere in them {right} carry a right check, {_rate(chance.value)} [{_rate(chance.low)}, "
        f"{_rate(chance.high)}], where 2^-{model.tag} = {_rate(2.0**-model.tag)} of all payloads do."
    )


def _rate(value: float) -> str:
    return f"{value:.2g}"


def _one(model: Trained, file: Path, number: int, turn: int, rules: finding.Rules) -> Counted:
    image = Image.fromarray(pictures.read_file(file).pixels)
    if turn:
        draw = np.random.default_rng(number)
        image = cut(image, draw, float(draw.uniform(SMALLEST, 1)))
    pixels = readable(model, np.array(image))
    search = Search(model, pixels, rules.seconds, rules.clock, rules.way)
    begun = rules.clock()
    found = finding.find(model, pixels, finding.Candidates(), rules, search)
    seconds = rules.clock() - begun
    words = [word.payload for word in search.words()]
    right = sum(presence.is_whole(word, model.tag, rules.key) for word in words)
    return Counted(number, found.marked is True, found.tries, len(words), right, round(seconds, 3))
