"""How large a change has to be before an eye notices it, pixel by pixel."""

from __future__ import annotations

import torch
from kornia.color import rgb_to_grayscale
from kornia.filters import box_blur, spatial_gradient
from torch import Tensor

LEVELS = 255.0
MASKED_BY_EDGES = 0.117
OVERLAP = 0.3
NEIGHBOURS = 5


def just_noticeable(image: Tensor) -> Tensor:
    """The just noticeable difference of each pixel, in units of the image's own root mean square.

    Image (b,3,h,w) in [0,1] -> (b,1,h,w). After Chou and Li, IEEE TCSVT 1995 (an eye adapted to dark or bright
    surroundings notices less), and Yang et al., Signal Processing: Image Communication 2005 (edges mask; where both
    act, ``OVERLAP`` of the weaker is lost). Departs from both in how edges are found: by Sobel's gradient.
    No gradient passes to the image.
    """
    with torch.no_grad():
        luma = rgb_to_grayscale(image.clamp(0, 1)) * LEVELS
        around = box_blur(luma, NEIGHBOURS, border_type="reflect")
        dark = 17 * (1 - (around / 127).clamp(max=1).sqrt()) + 3
        bright = 3 / 128 * (around - 127) + 3
        adapted = torch.where(around <= 127, dark, bright)
        slope = spatial_gradient(luma, mode="sobel", normalized=True).square().sum(dim=2).sqrt()
        masked = MASKED_BY_EDGES * box_blur(slope, NEIGHBOURS, border_type="reflect")
        noticed = adapted + masked - OVERLAP * torch.minimum(adapted, masked)
        scale = noticed.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
        return noticed / scale
