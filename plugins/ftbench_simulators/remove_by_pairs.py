"""A network that has seen pictures after and before marking takes the mark off others."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ftbench_simulators.regenerate import GROUP, ResidualBlock

BLOCKS = 4
BATCH = 16
"""Pictures of a step."""
RATE = 2e-3
"""AdamW's, falling to zero along a half cosine."""


class RemoveByPairs(nn.Module):
    """``(image (b,3,s,s) in [0,1], {}) -> the image as it may have been before it was marked``, in [0, 1].

    A residual network at half the side, of normalised 3×3 convolutions, told where in the picture each pixel lies,
    beside one fixed picture for what is the same in every mark. It is fitted to the mean squared error between its
    outcome and the covers: what it cannot tell from the picture it leaves, so it costs the picture little.

    Args:
        size: side of the images in pixels, even.
        steps: steps of the fit.
        width: channels of every convolution, a multiple of 8.
        pairs: how many pictures are known; read by the harness.
        flat: whether the attacker chose the covers, one flat colour each; read by the harness.
    """

    where: Tensor
    """(1,2,s/2,s/2): across and down, from −1 to 1."""

    def __init__(self, *, size: int, steps: int = 500, width: int = 32, pairs: int = 256, flat: bool = False) -> None:
        super().__init__()
        self.steps, self.pairs, self.flat = steps, pairs, flat
        width = GROUP * max(1, width // GROUP)
        blocks = [ResidualBlock(width) for _ in range(BLOCKS)]
        self.last = nn.Conv2d(width, 12, 3, padding=1)
        self.network = nn.Sequential(nn.Conv2d(14, width, 3, padding=1), *blocks, self.last, nn.PixelShuffle(2))
        self.halve = nn.PixelUnshuffle(2)
        self.fixed = nn.Parameter(torch.zeros(1, 3, size, size))
        # Until it is fitted it leaves pictures as they are.
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(torch.as_tensor(self.last.bias))
        line = torch.linspace(-1, 1, size // 2)
        self.register_buffer("where", torch.stack(torch.meshgrid(line, line, indexing="xy"))[None])

    def study(self, *, marked: Tensor, covers: Tensor, generator: torch.Generator) -> None:
        """Fit to marked images and their covers, both (m,3,s,s)."""
        self.train().requires_grad_(True)
        adam = torch.optim.AdamW(self.parameters(), lr=RATE, weight_decay=0.0)
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, self.steps)
        for _ in range(self.steps):
            some = torch.randperm(len(marked), generator=generator)[:BATCH].to(marked.device)
            adam.zero_grad(set_to_none=True)
            loss = (self.restored(marked[some]) - covers[some]).square().mean()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            adam.step()
            falling.step()
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """Take the mark off."""
        return self.restored(image).clamp(0, 1)

    def restored(self, image: Tensor) -> Tensor:
        """A picture (b,3,s,s) -> what it may have been, not clamped."""
        seen = torch.cat([self.halve(2 * image - 1), self.where.expand(len(image), -1, -1, -1)], dim=1)
        found: Tensor = self.network(seen)
        return image + self.fixed + found
