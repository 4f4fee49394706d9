"""Where the frame of a mark may lie in a picture that was cut, framed, mirrored or turned; geometry alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

FRACTIONS = (0.9, 0.8, 0.7)
"""Sides of a crop, of what was marked; and of what was marked, in a picture that frames it."""
ANGLES = (-8.0, -4.0, 4.0, 8.0)
SHIFT, STRETCH, TILT = 0.06, 1.08, 2.0
"""Steps of the first refinement: a share of the side, a factor of it, degrees."""


@dataclass(frozen=True)
class Way:
    """How frames are looked for; measured against others by ``benchmarks/models/measure.py``."""

    outside: Literal["black", "mean"] = "black"
    """What a frame shows where it reaches beyond the picture: what a network was trained for with cut pictures."""
    step: float = 0.1
    """From one place of a crop to the next, in sides of the frame: a reader forgives half of it, not twice as much."""
    wide: float = 0.15
    """The same for frames within a larger picture, which a border of one colour betrays as well."""


@dataclass(frozen=True)
class Placement:
    """A frame in a picture, in shares of the picture's sides; beyond 0 and 1 it lies outside."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0
    mirrored: bool = False
    """The picture shows the frame mirrored, left to right."""
    turns: int = 0
    """Quarter turns, clockwise, that the frame has made in the picture, after it was mirrored."""
    angle: float = 0.0
    """Degrees that it has turned further, clockwise."""

    @property
    def is_whole(self) -> bool:
        """Whether it is the picture as it is."""
        return self == Placement()

    @property
    def width(self) -> float:
        """Share of the picture's width."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Share of the picture's height."""
        return self.bottom - self.top

    def moved(self, dx: float = 0.0, dy: float = 0.0, across: float = 1.0, down: float = 1.0) -> Placement:
        """Shifted by shares of its own sides, and its sides stretched about its middle."""
        x = (self.left + self.right) / 2 + dx * self.width
        y = (self.top + self.bottom) / 2 + dy * self.height
        half, tall = self.width * across / 2, self.height * down / 2
        return replace(self, left=x - half, right=x + half, top=y - tall, bottom=y + tall)


WHOLE = Placement()
USUAL = Way()


def common(content: tuple[float, float, float, float] | None) -> list[Placement]:
    """What happens to pictures most: mirrored, turned, its borders cut off or added, tilted.

    ``content``: left, top, right, bottom of what lies within a border of one colour, if there is one.
    """
    forms = [Placement(mirrored=mirrored, turns=turns) for turns, mirrored in product((0, 2, 1, 3), (False, True))]
    inner = [] if content is None else [Placement(*content), Placement(*content, mirrored=True)]
    middle = [WHOLE.moved(across=factor, down=factor) for part in FRACTIONS for factor in (1 / part, part)]
    narrow = [WHOLE.moved(across=1 / part) for part in FRACTIONS] + [WHOLE.moved(down=1 / part) for part in FRACTIONS]
    tilted = [replace(WHOLE, angle=angle) for angle in ANGLES]
    return list(dict.fromkeys([*inner, *forms[1:], *middle, *narrow, *tilted]))


def everywhere(way: Way = USUAL) -> list[Placement]:
    """Crops from any place, and windows in a larger picture, upright and mirrored."""
    upright: list[Placement] = []
    for part in FRACTIONS:
        # What is seen is a part of the frame, so that the frame reaches beyond the picture.
        size, over = 1 / part, 1 / part - 1
        for x, y in product(_places(over / size, way.step), repeat=2):
            upright.append(Placement(-over * x, -over * y, size - over * x, size - over * y))
        for x, y in product(_places(over, way.wide), repeat=2):
            upright.append(Placement((1 - part) * x, (1 - part) * y, part + (1 - part) * x, part + (1 - part) * y))
        for x in _places(over / size, way.step):
            upright.append(Placement(left=-over * x, right=size - over * x))
            upright.append(Placement(top=-over * x, bottom=size - over * x))
    return list(dict.fromkeys([*upright, *(replace(one, mirrored=True) for one in upright)]))


def _places(room: float, step: float) -> list[float]:
    """Shares of the room, a length in sides of a frame, from its beginning to its end, about ``step`` apart."""
    count = max(1, round(room / step))
    return [place / count for place in range(count + 1)]


def near(one: Placement, fineness: int) -> Iterator[Placement]:
    """Neighbours of a placement, each time half as far away."""
    step = 0.5**fineness
    shift, stretch = SHIFT * step, 1 + (STRETCH - 1) * step
    for sign in (-1, 1):
        yield one.moved(dx=sign * shift)
        yield one.moved(dy=sign * shift)
        yield one.moved(across=stretch**sign, down=stretch**sign)
        yield one.moved(across=stretch**sign)
        yield one.moved(down=stretch**sign)
        yield replace(one, angle=one.angle + sign * TILT * step)


def fresh(wanted: Iterable[Placement], seen: set[Placement]) -> list[Placement]:
    """Those that were not looked at before; they count as seen from now on."""
    new = [one for one in dict.fromkeys(wanted) if one not in seen]
    seen.update(new)
    return new
