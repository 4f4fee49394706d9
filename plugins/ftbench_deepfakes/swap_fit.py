"""How a swap of any two people is fitted: a face rebuilt from another photo of its person, a stranger's taken over.

What is taken over should have the donor's identity, as far as a network can tell, and look like the donor's own picture
under the image's light: without that, what a small identity network does not notice would be anybody's. That network
is taught in the same steps as the painter, by telling apart the people of the batch, each shown on two photos.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from ftbench_deepfakes.swap_region import FaceRegion

REBUILD, RESEMBLE, TAKE, TELL = 10.0, 10.0, 0.2, 0.5
"""Weights: rebuilding, resembling the donor's picture, having the donor's identity, telling people apart."""
TEMPERATURE = 0.1
"""Of cosines: a fake nearer to the donor than to the cover by this much is taken for the donor's with odds of e."""
NUDGE = 1 / 16
"""Largest shift of a fake before it is identified, as a share of the square's side."""


class AnySwap(nn.Module, ABC):
    """``(image (b,3,s,s), {"identity": (b,), "donor": (b,3,s,s)}) -> the image with the donor's face, (b,3,s,s)``.

    Images in [0, 1] and aligned, eyes at 42 % of the height. Outside a soft ellipse the image stays exactly as it is.
    The painter never sees the image's own face but in a few soft cells, so that what it paints there is the donor's.

    Args:
        region: where the face lies.
        identity: ``square (b,3,box,box) -> unit vectors (b,d)``, near for photos of one person.
        veil: soft cells a side of the square in which the painter sees the image's own face.
        own_photo: share of the rows in training whose face is rebuilt from itself, not from another photo.
    """

    def __init__(self, region: FaceRegion, identity: nn.Module, *, veil: int, own_photo: float) -> None:
        super().__init__()
        self.region, self.identity = region, identity
        self.veil, self.own_photo = veil, own_photo

    @abstractmethod
    def paint(self, veiled: Tensor, donor: Tensor) -> Tensor:
        """The donor's face (b,3,box,box), in [0, 1], under the light and in the place of the veiled one."""

    @abstractmethod
    def tell_apart(self, codes: Tensor, identity: Tensor) -> Tensor:
        """Scalar loss of unit vectors (b,d) that should be near for one person and far for two."""

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Give each image its donor's face."""
        cut = self.region.cut
        veiled = self.region.veil(cut(image), self.veil)
        return self.region.paste(image, self.paint(veiled, cut(inputs["donor"])))

    def fit_loss(self, image: Tensor, inputs: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """How far each face is from being rebuilt and each donor's from being taken over; in eval mode in pixels alone.

        Rows whose person the batch shows once are rebuilt from themselves. What an identity network in training thinks
        of a fake says nothing of another step's fake, so weights are not kept by it.
        """
        region, identity = self.region, inputs["identity"]
        box, donor = region.cut(image), region.cut(inputs["donor"])
        # Kept by what can be held against a picture: a face that is rebuilt from a code has its own photo for that.
        own_photo = self.own_photo if self.training else float(self.own_photo > 0)
        other = partners(identity, generator, own_photo)
        veiled = region.veil(box, self.veil)
        rebuilt, swapped = self.paint(torch.cat([veiled] * 2), torch.cat([box[other], donor])).float().chunk(2)
        swapped = torch.lerp(box, swapped, region.mask)
        loss = REBUILD * self._apart(rebuilt, box) + RESEMBLE * self._apart(swapped, region.relit(donor, box))
        if not self.training:
            return loss
        known = self.identity(torch.cat([box, donor])).float()
        own, wanted = known.detach().chunk(2)
        taken = self._identify_only(nudged(swapped, generator)).float()
        nearer = ((taken * wanted).sum(1) - (taken * own).sum(1)) / TEMPERATURE
        return loss + TAKE * functional.softplus(-nearer).mean() + TELL * self.tell_apart(known[: len(box)], identity)

    def _apart(self, face: Tensor, wanted: Tensor) -> Tensor:
        """Mean length of the error in colour on the face, of values and of differences of neighbours.

        Absolute errors of channels would let a change of brightness fall on one of them alone.
        """
        error = self.region.mask * (face - wanted)
        edges = (_length(error.diff(dim=2)) + _length(error.diff(dim=3))) / 2
        return (_length(error) + edges) / self.region.mask.mean()

    def _identify_only(self, box: Tensor) -> Tensor:
        # A network that learned from fakes would learn to take them for the donor.
        frozen = {name: value.detach() for name, value in self.identity.named_parameters()}
        found: Tensor = functional_call(self.identity, frozen, (box,))
        return found


def _length(error: Tensor) -> Tensor:
    return (error.square().mean(1) + 1e-8).sqrt().mean()


def partners(identity: Tensor, generator: torch.Generator, own_photo: float = 0.0) -> Tensor:
    """For each row (b,) a random other row of the same person; itself where there is none, or with that chance."""
    count = len(identity)
    same = (identity[:, None] == identity[None, :]).cpu()
    draw = torch.rand(count, count, generator=generator) + 1
    itself = torch.eye(count, dtype=torch.bool)
    kept = torch.rand(count, generator=generator) < own_photo
    # Itself is worth less than any other row of the person, and more than a row of somebody else.
    score = torch.where(same, draw, 0).masked_fill(itself, 0.5) + 9 * (itself & kept[:, None])
    return score.argmax(1).to(identity.device)


def nudged(box: Tensor, generator: torch.Generator) -> Tensor:
    """Squares (b,3,n,n), all shifted a little and maybe mirrored: no pattern that hangs on single pixels counts."""
    most = max(1, round(NUDGE * box.shape[-1]))
    down, right, mirror = torch.randint(0, 2 * most + 1, (3,), generator=generator).tolist()
    box = torch.roll(box, (down - most, right - most), dims=(2, 3))
    return box.flip(3) if mirror % 2 else box
