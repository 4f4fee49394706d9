"""Colours, in linear light, as 3 floats in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence

RGB = tuple[float, float, float]


def linear(code: str) -> RGB:
    """``"e0b090"`` as displayed -> linear light, by the square that ``camera.develop`` undoes."""
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return red**2, green**2, blue**2


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """``share`` of ``b`` in ``a``."""
    red, green, blue = (x + (y - x) * share for x, y in zip(a, b, strict=True))
    return red, green, blue


def scale(colour: RGB, by: RGB | float) -> RGB:
    """Product, channel by channel."""
    r, g, b = by if isinstance(by, tuple) else (by, by, by)
    return colour[0] * r, colour[1] * g, colour[2] * b


def along(ramp: Sequence[RGB], at: float) -> RGB:
    """Colour at ``at`` ∈ [0, 1] of a ramp of evenly spaced colours."""
    place = min(max(at, 0.0), 1.0) * (len(ramp) - 1)
    left = min(int(place), len(ramp) - 2)
    return mix(ramp[left], ramp[left + 1], place - left)


# From fair to deep.
SKIN = tuple(map(linear, ("f6d3c1", "efc4a6", "dfae89", "c68e67", "a26d4b", "7b4e37", "57382b")))
BLACK, BROWN, CHESTNUT, DARK_BLOND, BLOND, RED, GREY = map(
    linear, ("1e1917", "40291c", "6a4026", "927049", "c9a66a", "9a4a22", "a9a6a3")
)
HAIR_FAIR = (BLOND, DARK_BLOND, RED, CHESTNUT, BROWN, BLACK)
HAIR_DEEP = (BLACK, BLACK, BROWN, BLACK)
DYES = tuple(map(linear, ("3f6fa8", "b0406a", "5b8a57")))
IRIS_FAIR = tuple(map(linear, ("5f8fb8", "7c98a6", "6f8f62", "8a6a3a", "5a3a22")))
IRIS_DEEP = tuple(map(linear, ("4a2d1b", "2e1c12", "5f3f22")))
CLOTH = tuple(
    map(
        linear,
        ("23262e", "f0eee9", "31466b", "7d2b31", "59754f", "8e8f93", "c9b18a", "386f7a", "b9603a", "4c3a5c", "14161a"),
    )
)
WALL = tuple(
    map(
        linear,
        ("b9bec4", "6f7f8f", "8c7a66", "d8cfc0", "4a5a49", "2b2f37", "7a4a3a", "a6b7a0", "3f5f86", "c9a184", "5a4a66"),
    )
)
LIPSTICK = linear("a8283c")
FRAMES = tuple(map(linear, ("16161a", "4a2a18", "6f7176", "5a1f24")))
