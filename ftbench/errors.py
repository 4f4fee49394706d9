"""What goes wrong for reasons that a user can mend, and the words to say it in."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FtbenchError(Exception):
    """Base of every error whose message is all that a user needs: what, where, what to do."""


class BadInput(FtbenchError):
    """The benchmark file, the data or the command line is at fault; exit code 2."""


class CannotWrite(BadInput):
    """The results folder is full or read-only: no cell could be finished, so the run ends."""


class CellFailed(FtbenchError):
    """A cell could not be finished; other cells go on; exit code 1."""


class FailsAgain(CellFailed):
    """As CellFailed, of a cell that would fail in the same way again with the same settings, code and libraries."""


class NotANumber(FailsAgain):
    """A loss is not a finite number."""


class OutOfTime(FtbenchError):
    """The time that a run was given is up; what finished is kept, and the same run goes on from there."""


class ClusterGone(FtbenchError):
    """What a run hangs on is gone for now, such as a cluster's scheduler; the same run goes on later; exit code 75."""


def told(error: BaseException) -> str:
    """``ValueError: what it says``, on one line; even of an exception whose message cannot be made."""
    try:
        said = " ".join(str(error).split())
    except Exception:
        said = "(its message cannot be shown)"
    return f"{type(error).__name__}: {said}".removesuffix(": ")


def nearest(word: str, options: Iterable[str], count: int = 3) -> list[str]:
    """Options that ``word`` may be a slip for, best first: alike in spelling, or one holding the other."""

    def plain(text: str) -> str:
        return text[:100].lower().replace("_", "-")

    sought = plain(word)
    scores: dict[str, float] = {}
    for option in options:
        other = plain(option)
        held = min(len(sought), len(other)) >= 3 and (sought in other or other in sought)
        scores[option] = max(difflib.SequenceMatcher(None, sought, other).ratio(), 0.8 * held)
    close = max([0.7, *(score - 0.15 for score in scores.values())])
    return sorted((o for o, score in scores.items() if score >= close), key=lambda o: -scores[o])[:count]
