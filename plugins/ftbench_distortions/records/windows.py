"""Windows have a middle."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError(f"{value} is even: a window needs a middle, so give an odd size")
    return value


OddSize = Annotated[int, AfterValidator(_odd)]
"""Side of a window in pixels; an even one is refused."""
