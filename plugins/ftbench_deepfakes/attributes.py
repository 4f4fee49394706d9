"""Attributes of an aligned face: where they are, and how much of them its pixels show, with a gradient."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, get_args

import torch
from torch import Tensor

Attribute = Literal["hair", "skin", "light"]
ATTRIBUTES: tuple[Attribute, ...] = get_args(Attribute)

LUMA = (0.299, 0.587, 0.114)
DARKEST = 0.05
"""Added to a value before its logarithm: below it a camera's noise would decide."""
LIKE: dict[Attribute, float] = {"hair": 0.15, "skin": 0.25}
"""Deviation of a colour from the attribute's own at which a pixel counts for 1/√e, in RGB of 1."""

Ellipse = tuple[float, float, float, float]
"""Centre across and down, half-axes across and down, as shares of the side; eyes are at 42 % of the height."""
FACE: tuple[Ellipse, ...] = ((0.5, 0.54, 0.26, 0.34),)
SHOULDERS: tuple[Ellipse, ...] = ((0.5, 1.0, 1.0, 0.28),)
CROWN: tuple[Ellipse, ...] = ((0.5, 0.115, 0.14, 0.035),)
CHEEKS: tuple[Ellipse, ...] = ((0.34, 0.55, 0.07, 0.08), (0.66, 0.55, 0.07, 0.08), (0.5, 0.5, 0.06, 0.06))
LEFT: tuple[Ellipse, ...] = ((0.34, 0.50, 0.09, 0.17),)
RIGHT: tuple[Ellipse, ...] = ((0.66, 0.50, 0.09, 0.17),)
APART = 0.32
"""Between the middles of ``LEFT`` and ``RIGHT``."""


def measured(image: Tensor, attribute: Attribute, cover: Tensor | None = None) -> Tensor:
    """How much an image (b,3,s,s) in [0,1] of an aligned face shows of an attribute -> (b,), float32.

    All three are means of the luma's logarithm: ``hair`` that of the hair over that of the cheeks, so that the exposure
    cancels out; ``skin`` that of the skin; ``light`` that of the left half of the face over that of the right, left as
    one sees it. More is lighter, or light from the left. A fake is measured where its ``cover`` has hair or skin and
    against the cover's cheeks: no other place counts for it.
    """
    cover = image if cover is None else cover
    seen = tone(image)
    if attribute == "light":
        return _mean(seen, _on(image, LEFT)) - _mean(seen, _on(image, RIGHT))
    own = _mean(seen, places(cover, attribute))
    return own if attribute == "skin" else own - _mean(tone(cover), _on(image, CHEEKS))


def luma(image: Tensor) -> Tensor:
    """Image (b,3,s,s) in [0,1] -> (b,s,s) in [0,1], float32."""
    return torch.einsum("bchw,c->bhw", image.float(), image.new_tensor(LUMA, dtype=torch.float32))


def tone(image: Tensor) -> Tensor:
    """The logarithm of the luma of an image (b,3,s,s), (b,s,s)."""
    return (luma(image) + DARKEST).log()


def places(image: Tensor, attribute: Attribute) -> Tensor:
    """Where an image (b,3,s,s) shows an attribute, (b,s,s) in [0,1].

    ``hair`` is what has the crown's colour, outside the face and above the shoulders; ``skin`` what has the cheeks'
    colour, in the face and below it; ``light`` falls on the whole head. No gradient passes.
    """
    image = image.detach().float()
    # High powers of the distance: flat inside, gone soon beyond.
    face, shoulders = _on(image, FACE, sharpness=3), _on(image, SHOULDERS, sharpness=3)
    if attribute == "light":
        return _on(image, ((0.5, 0.48, 0.38, 0.52),), sharpness=3).expand(len(image), -1, -1)
    allowed, sample = {
        "hair": ((1 - face) * (1 - shoulders), CROWN),
        "skin": (torch.maximum(face, shoulders), CHEEKS),
    }[attribute]
    colour = _mean(image, _on(image, sample))[:, :, None, None]
    return allowed * torch.exp(-(image - colour).square().sum(dim=1) / (2 * LIKE[attribute] ** 2))


def wished(attribute: Attribute, size: int) -> Tensor:
    """By how much the tone of each pixel (s,s) changes where ``measured`` grows by 1, in the places."""
    if attribute != "light":
        return torch.ones(size, size)
    across = (torch.arange(size) + 0.5) / size
    return ((0.5 - across) / APART).clamp(-0.8, 0.8).expand(size, size)


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    # A face all in the colour of nothing must not divide by zero.
    if values.ndim == 4:
        weight = weight.unsqueeze(1)
    return (values * weight).sum(dim=(-2, -1)) / weight.sum(dim=(-2, -1)).clamp_min(1e-3)


def _on(image: Tensor, ellipses: tuple[Ellipse, ...], sharpness: int = 1) -> Tensor:
    return region(ellipses, image.shape[-1], sharpness).to(image.device)[None]


@lru_cache(maxsize=64)
def region(ellipses: tuple[Ellipse, ...], size: int, sharpness: int = 1) -> Tensor:
    """Soft ellipses (s,s) in [0,1], ``1/e`` on their outlines; not to be written to."""
    along = (torch.arange(size) + 0.5) / size
    shapes = []
    for x, y, across, down in ellipses:
        distance = (((along - x) / across) ** 2)[None, :] + (((along - y) / down) ** 2)[:, None]
        shapes.append(torch.exp(-(distance**sharpness)))
    return torch.stack(shapes).amax(dim=0)
