"""A count that is kept line by line, so that the same count goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from ftbench.errors import BadInput
from ftbench.progress import Progress

Counted = TypeVar("Counted")


def counted(
    one: Callable[[int], Counted],
    most: int,
    kept: Path | None,
    kind: type[Counted],
    about: Mapping[str, Any],
    progress: Progress,
) -> list[Counted]:
    """What ``one`` gives of the numbers below ``most``: dataclasses of a kind, of JSON's types.

    ``kept``: a file that gets a line for each, the first one saying what the count is ``about``. Raises BadInput where
    it belongs to another count.
    """
    done = _resumed(kept, kind, about)
    progress.start(most, min(most, len(done)))
    try:
        for number in range(len(done), most):
            done.append(one(number))
            if kept is not None:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(done[-1])) + "\n")  # type: ignore[call-overload]
            progress.advance(len(done), {})
    finally:
        progress.stop()
    return done[:most]


def _resumed(kept: Path | None, kind: type[Counted], about: Mapping[str, Any]) -> list[Counted]:
    if kept is None:
        return []
    if not kept.exists():
        kept.write_text(json.dumps(about) + "\n", encoding="utf-8")
        return []
    # A line without an end was being written when the count was stopped.
    whole = kept.read_text(encoding="utf-8").rpartition("\n")[0]
    try:
        first, *lines = whole.splitlines()
        held, done = json.loads(first), [kind(**json.loads(line)) for line in lines]
    except (ValueError, TypeError) as error:
        raise BadInput(f"{kept} is no file of a count ({error}); name another") from error
    if held != about:
        raise BadInput(f"{kept} belongs to another count ({held}); name another file")
    kept.write_text(whole + "\n", encoding="utf-8")
    return done
