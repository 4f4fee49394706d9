"""An aligned face, put back into its picture."""

from __future__ import annotations

import torch
from torch import Tensor

from ftbench_faces.similarity import back
from ftbench_faces.warp import warped


def pasted(picture: Tensor, face: Tensor, way: Tensor, mask: Tensor) -> Tensor:
    """A face laid into the picture that it was cut from, at the picture's own size; outside the mask nothing changes.

    Args:
        picture: (b,3,s,s).
        face: (b,3,side,side), as it stands after the network.
        way: (1 or b,2,3), from the picture to the aligned face.
        mask: (1 or b,1,side,side), how much of the face is laid over: 0 to 1.
    """
    home, size = back(way), picture.shape[-1]
    # A mask that is one for all is carried once where the way is.
    cover = mask if len(mask) == len(way) or len(way) == 1 else mask.expand(len(way), -1, -1, -1)
    share = warped(cover, home, size, "zeros")
    return torch.lerp(picture, warped(face, home, size), share)
