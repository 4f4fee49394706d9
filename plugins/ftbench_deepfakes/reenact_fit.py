"""What both reenactments are: pictures told in few numbers, moved by what two such tellings differ in, and finished."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from ftbench_deepfakes.reenact_blocks import Refinement
from ftbench_deepfakes.reenact_motion import face_window, followed, moved, random_motion, relit, undone

LEAST_VARIANCE = 4e-4
"""Of luminance within a window: below it a window is flat and has no structure to lay over another."""
WINDOWS = (8, 4)
"""Windows within which structure is compared, as parts of the side."""
MOST_SEEN = 64
"""Side in pixels that larger pictures are shrunk to before their motion is looked for."""


class Reenactment(nn.Module, ABC):
    """``(image (b,3,s,s) in [0,1], {"donor": (b,3,s,s) in [0,1]}) -> the image's face in the donor's pose, (b,3,s,s)``.

    The donor drives: what its telling and the image's differ in becomes a field of displacement, by which the image's
    own pixels are moved. A small network, which never sees the donor, then mends what a warp cannot show. An image
    driven by itself is not moved at all.

    Args:
        size: side of the image in pixels, a multiple of 16, at least 32.
        width: factor on the channels of the refinement.
        strength: factor on the motion, which is found too small; 0 leaves the pose as it is.
    """

    def __init__(self, *, size: int, width: float, strength: float) -> None:
        super().__init__()
        self.size, self.strength = size, strength
        self.refinement = Refinement(width)

    @abstractmethod
    def describe(self, seen: Tensor) -> Tensor:
        """Tell a picture (b,3,t,t), t at most 64, in numbers (b,n), float32."""

    @abstractmethod
    def displacement(self, image: Tensor, driver: Tensor) -> Tensor:
        """Tellings of image and driver, (b,n) each -> displacement (b,s,s,2), float32."""

    def consistency(self, before: Tensor, after: Tensor, motion: Tensor) -> Tensor:
        """How far the tellings of a picture before and after a known motion (b,s,s,2) disagree with it: a scalar."""
        return torch.zeros((), device=before.device)

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Give each face the pose and expression of its donor."""
        motion = self.strength * self.displacement(self._tell(image), self._tell(inputs["donor"]))
        fake: Tensor = self.refinement(moved(image, motion), motion).clamp(0, 1)
        return fake

    def fit_loss(self, image: Tensor, inputs: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """How well four kinds of driver are followed; pixels in units of the range, displacements of half the side.

        A picture is driven by itself after a random motion, and back again: pixels and motion are known. Another photo
        of the same person drives it, and a donor: the moved image must have the driver's structure, whatever its
        colours. And when the donor is moved, the image must move with it.
        """
        donor, partner = inputs["donor"], partners(inputs["identity"])
        known, other = (random_motion(len(image), self.size, generator, image.device) for _ in range(2))
        twin, moved_donor = moved(image, known), moved(donor, other)
        shown = [image, relit(twin, generator), donor, relit(moved_donor, generator)]
        of_image, of_twin, of_donor, of_moved = self._tell(torch.cat(shown)).chunk(4)
        with torch.autocast(image.device.type, enabled=False):
            there, back = self.displacement(of_image, of_twin), self.displacement(of_twin, of_image)
            to_partner = self.displacement(of_image, of_image[partner])
            to_donor, to_moved = self.displacement(of_image, of_donor), self.displacement(of_image, of_moved)
            motion = face_error(there, known) + face_error(back, undone(known))
            follows = face_error(to_moved, followed(to_donor, other))
            places = self.consistency(of_image, of_twin, known) + self.consistency(of_donor, of_moved, other)
            partner_apart = structure_apart(moved(image, to_partner), image[partner].float())
            donor_apart = structure_apart(moved(image, to_moved), moved_donor)
            bends = bent(to_partner) + bent(to_moved)
        # Half of the rows on the way back: only there is what must be painted sharper than what is read.
        half = len(image) // 2
        read = torch.cat([moved(image[:half], there[:half]), moved(twin[half:], back[half:])])
        painted = self.refinement(read, torch.cat([there[:half], back[half:]]))
        pixels = image_error(painted, torch.cat([twin[:half], image[half:].float()]))
        structure = 0.6 * partner_apart + 0.6 * donor_apart
        return (pixels + motion + follows + places + structure + 10 * bends).float()

    def _tell(self, image: Tensor) -> Tensor:
        side = min(self.size, MOST_SEEN)
        if image.shape[-1] != side:
            image = functional.interpolate(image, (side, side), mode="bilinear", antialias=True, align_corners=False)
        return self.describe(image)


def partners(identity: Tensor) -> Tensor:
    """For each row of (b,) people the place of the next row of the same person, its own where there is none: (b,)."""
    same = identity[:, None] == identity[None, :]
    rows = torch.arange(len(identity), device=identity.device)
    ahead = (rows[None, :] - rows[:, None] - 1) % len(identity)
    return torch.where(same, ahead, len(identity)).argmin(dim=1)


def face_error(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute error of displacements (b,s,s,2), weighed by how near to the face it is: a scalar."""
    weight = face_window(wanted.shape[1], wanted.device)[:, 0, :, :, None]
    return (weight * (found - wanted).abs()).mean()


def image_error(image: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error of images (b,3,h,w), also of both shrunk to a half and a quarter: a scalar."""
    difference = (image - target).float()
    scales = [functional.avg_pool2d(difference, 2**step) if step else difference for step in range(3)]
    return torch.stack([scale.abs().mean() for scale in scales]).sum()


def structure_apart(image: Tensor, target: Tensor) -> Tensor:
    """One minus the correlation of the luminance of images (b,3,s,s) within windows of the face: a scalar, 0 to 2.

    A window's mean and contrast have no part in it, so neither skin nor light has to agree.
    """
    grey = [picture.mean(dim=1, keepdim=True) for picture in (image, target)]
    size = image.shape[-1]
    weight = face_window(size, image.device)
    apart = torch.zeros((), device=image.device)
    for part in WINDOWS:
        side = max(3, size // part) | 1
        first, second = (picture - _mean(picture, side) for picture in grey)
        powers = (_mean(first.square(), side) + LEAST_VARIANCE) * (_mean(second.square(), side) + LEAST_VARIANCE)
        apart = apart + (weight * (1 - _mean(first * second, side) * powers.rsqrt())).mean() / len(WINDOWS)
    return apart


def bent(displacement: Tensor) -> Tensor:
    """Mean squared second difference of a displacement (b,s,s,2), scaled so that it does not hang on s: a scalar."""
    size = displacement.shape[1]
    down = displacement.diff(n=2, dim=1).square().mean()
    across = displacement.diff(n=2, dim=2).square().mean()
    return (down + across) * (size / 32) ** 4


def _mean(picture: Tensor, side: int) -> Tensor:
    # A matrix product for the columns and one for the rows: a pooling at every place takes ten times as long.
    band = _band(picture.shape[-1], side).to(picture.device)
    return band @ picture @ band.T


@lru_cache(maxsize=16)
def _band(size: int, side: int) -> Tensor:
    """(size, size): row i weighs equally the places within half of ``side`` from i, as far as there are any."""
    along = torch.arange(size)
    near = ((along[:, None] - along[None]).abs() <= side // 2).float()
    return near / near.sum(1, keepdim=True)
