"""What the swaps of two people share: one encoder, one decoder a person, and how both are fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ftbench_faketagger.warp import random_warp

PUBLISHED_WARP = 5 / 256
"""Deviation of the control points in the published training, as a share of the image's side."""


class SwapAutoencoder(nn.Module):
    """``(image (b,3,s,s), {"identity": (b,) int64 of {0,1}}) -> the other person's face, (b,3,s,s) in [0,1]``.

    A batch may show both people in any order, or only one. The first person's images are shifted to the second
    person's mean colour before the encoder sees them, in training and in a swap alike, so that it cannot tell
    the two by their light. Both decoders learn to paint in those shared colours: a fake of either person has the
    second person's mean colour, as in the published training, where only the paste restores a picture's own.

    Args:
        encoder: ``(b,3,s,s) -> shared code``, a tensor of any shape whose first axis is the batch.
        decoders: one for each person, ``shared code -> (b,3,s,s) in [0,1]``.
        warp: standard deviation of the control points' shift in training, as a share of the side.
        colour_shift: False leaves every colour as it is.
    """

    def __init__(self, encoder: nn.Module, decoders: Sequence[nn.Module], *, warp: float, colour_shift: bool) -> None:
        super().__init__()
        self.warp, self.colour_shift = warp, colour_shift
        self.encoder = encoder
        self.decoders = nn.ModuleList(decoders)
        self.colours: Tensor
        self.images_seen: Tensor
        self.register_buffer("colours", torch.zeros(2, 3))
        self.register_buffer("images_seen", torch.zeros(2))

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Swap each face for the other person's."""
        identity = inputs["identity"]
        return self._decode(self.encoder(self._in_shared_colours(image, identity)), 1 - identity)

    def fit_loss(self, image: Tensor, inputs: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Mean absolute error of rebuilding each face from a warped one, by its own person's decoder."""
        identity = inputs["identity"]
        if self.training:
            self._see(image, identity)
        shared = self._in_shared_colours(image, identity)
        rebuilt = self._decode(self.encoder(random_warp(shared, self.warp, generator)), identity)
        # The decoders cannot paint what the shift pushed out of the range.
        return (rebuilt - shared.clamp(0, 1)).abs().mean()

    @torch.no_grad()
    def _see(self, image: Tensor, identity: Tensor) -> None:
        # A running mean over all training images: a batch's own would move with whom it happens to show.
        for person in (0, 1):
            shown = image[identity == person].float()
            if len(shown):
                self.images_seen[person] += len(shown)
                step = len(shown) / self.images_seen[person]
                self.colours[person].lerp_(shown.mean(dim=(0, 2, 3)), step)

    def _in_shared_colours(self, image: Tensor, identity: Tensor) -> Tensor:
        if not self.colour_shift:
            return image
        # Until both people were seen there is nothing to shift by.
        shift = (self.colours[1] - self.colours[0]) * (self.images_seen > 0).all()
        return image + (identity == 0)[:, None, None, None] * shift[:, None, None]

    def _decode(self, shared: Tensor, person: Tensor) -> Tensor:
        # Each decoder sees its own rows only; the concatenation is put back into the batch's order.
        order = torch.argsort(person, stable=True)
        first = int((person == 0).sum())
        faces = torch.cat(
            [
                decoder(part)
                for decoder, part in zip(self.decoders, shared[order].split([first, len(person) - first]), strict=True)
                if len(part)
            ]
        )
        return faces[torch.argsort(order)].float()
