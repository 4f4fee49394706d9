"""The optional adversary of training: a small PatchGAN that tells marked images from covers.

After Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, CVPR 2017.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

CHANNELS = (32, 64, 128)


class Critic(nn.Module):
    """``image (b,3,h,w) -> logits (b,1,h/4,w/4)``, one a patch: positive for a cover."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for index, after in enumerate(CHANNELS):
            layers.append(nn.Conv2d(before, after, 3, stride=1 if index == 0 else 2, padding=1))
            # The statistics of one image alone: a batch holds covers only, or marked images only.
            layers += [nn.GroupNorm(8, after), nn.LeakyReLU(0.2, inplace=True)]
            before = after
        self.patches = nn.Sequential(*layers, nn.Conv2d(before, 1, 3, padding=1))

    def forward(self, image: Tensor) -> Tensor:
        """Judge every patch."""
        return cast(Tensor, self.patches(2 * image - 1)).float()


def adversarial_losses(critic: nn.Module, covers: Tensor, marked: Tensor) -> tuple[Tensor, Tensor]:
    """(the encoder's loss, the critic's own), both scalar means over patches of the logistic loss.

    One backward pass serves both: the encoder's term goes through a copy of the critic that takes no gradient,
    the critic's term through marked images that pass none on.
    """
    frozen = {name: value.detach() for name, value in critic.named_parameters()}
    fooled = functional.softplus(-functional_call(critic, frozen, (marked,))).mean()
    own = functional.softplus(-critic(covers)).mean() + functional.softplus(critic(marked.detach())).mean()
    return fooled, own / 2
