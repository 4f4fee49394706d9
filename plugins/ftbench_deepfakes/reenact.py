"""Reenactment by key points that nobody named: found on image and driver, the one's moved to the other's places."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ftbench_deepfakes.reenact_blocks import block, channels, doubled
from ftbench_deepfakes.reenact_fit import Reenactment
from ftbench_deepfakes.reenact_motion import FACE, carried, places

REACH = (0.56, 0.70)
"""Width and height, in sides, of the grid of home places, round the middle of the face."""
WANDER = 0.16
"""Deviation, in half sides, within which a point is looked for round its home."""
SOFTNESS = 1e-2
"""Share of a point's own word that its neighbours may overrule; it keeps the splines' equations solvable."""


class Reenact(Reenactment):
    """Key points a to b: ``(image (b,3,s,s), {"donor": (b,3,s,s)}) -> the image's face in the donor's pose``.

    Points are found as the mean places of learned heat maps. The image's pixels follow them by Gaussian radial basis
    functions, which leave alone what is far from the face. After Siarohin et al., First Order Motion Model for Image
    Animation, NeurIPS 2019, with these differences: photos instead of videos, hence the losses of ``Reenactment``; no
    Jacobians and no learned masks, the motion between points comes of one smooth interpolation; each point is looked
    for round a home place of its own, since the faces are aligned; pixels and not features are moved, so that the
    image's colours stay; and places are the driver's, not relative to a first frame that a photo does not have.

    Args:
        size: side of the image in pixels, a multiple of 16, at least 32.
        width: factor on the channels of every convolution.
        points: rows and columns of the grid of key points.
        spread: deviation of the basis functions, as a share of the side.
        strength: factor on the motion, which is found too small; 0 leaves the pose as it is.
        seed: names one of several trainings; the harness draws weights and batches from it, nothing here does.
        trained_on: whose photos the harness fits it on; nothing here reads it.
    """

    def __init__(
        self,
        *,
        size: int,
        width: float = 1.0,
        points: int = 4,
        spread: float = 0.12,
        strength: float = 1.75,
        seed: int = 0,
        trained_on: str = "train",
    ) -> None:
        super().__init__(size=size, width=width, strength=strength)
        self.spread = 2 * spread
        one, two, three = (channels(count, width) for count in (32, 64, 128))
        self.down = nn.ModuleList([block(3, one, 2), block(one, two, 2), block(two, three, 2)])
        self.middle = block(three, three)
        self.up = nn.ModuleList([block(three + two, two), block(two + one, one)])
        self.maps = nn.Conv2d(one, points**2, 3, padding=1)
        along = torch.linspace(-1, 1, points)
        rows, columns = torch.meshgrid(along * REACH[1], along * REACH[0], indexing="ij")
        self.homes: Tensor
        homes = torch.stack([columns.flatten(), rows.flatten()], dim=1) + 2 * torch.tensor(FACE) - 1
        self.register_buffer("homes", homes, persistent=False)

    def describe(self, seen: Tensor) -> Tensor:
        """The places of the key points, (b, 2·points²), in half sides."""
        features, kept = 2 * seen - 1, []
        for layer in self.down:
            features = layer(features)
            kept.append(features)
        features = self.middle(features)
        for layer, skip in zip(self.up, (kept[1], kept[0]), strict=True):
            features = layer(torch.cat([doubled(features), skip], dim=1))
        maps = self.maps(features).float().flatten(2)
        at = places(features.shape[-1], seen.device).flatten(0, 2)
        near = -(at[None] - self.homes[:, None]).square().sum(-1) / (2 * WANDER**2)
        # Eight bits of mantissa, autocast's, would round places to whole pixels.
        with torch.autocast(seen.device.type, enabled=False):
            found: Tensor = ((maps + near).softmax(dim=2) @ at).flatten(1)
            return found

    def displacement(self, image: Tensor, driver: Tensor) -> Tensor:
        """Interpolate the points' shifts."""
        with torch.autocast(image.device.type, enabled=False):
            of_image, of_driver = (told.float().unflatten(1, (-1, 2)) for told in (image, driver))
            own = self._kernel(of_driver, of_driver) + SOFTNESS * torch.eye(len(self.homes), device=image.device)
            weights = torch.linalg.solve(own, of_image - of_driver)
            at = places(self.size, image.device).flatten(1, 2)
            field = self._kernel(at.expand(len(image), -1, -1), of_driver) @ weights
            bent: Tensor = field.unflatten(1, (self.size, self.size))
            return bent

    def consistency(self, before: Tensor, after: Tensor, motion: Tensor) -> Tensor:
        """Mean distance of the points found after the motion, carried back, to those found before it."""
        found = carried(after.unflatten(1, (-1, 2)), motion)
        distance: Tensor = (found - before.unflatten(1, (-1, 2))).abs().mean()
        return distance

    def _kernel(self, one: Tensor, other: Tensor) -> Tensor:
        squares = [points.square().sum(-1) for points in (one, other)]
        apart = squares[0][:, :, None] + squares[1][:, None] - 2 * one @ other.transpose(1, 2)
        return torch.exp(-apart / (2 * self.spread**2))
