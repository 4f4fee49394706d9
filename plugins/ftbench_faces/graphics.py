"""One face laid over another without any network: triangles carried over, colours matched, seams dissolved.

In the spirit of the graphics-based FaceSwap of FaceForensics++ (Rössler et al., ICCV 2019), from five landmarks.
"""

from __future__ import annotations

from math import pi

import cv2
import numpy as np
import numpy.typing as npt
import torch
from scipy.interpolate import LinearNDInterpolator
from torch import Tensor

from ftbench_faces.colours import matched
from ftbench_faces.templates import CROP

Picture = npt.NDArray[np.uint8]
AROUND = 12
"""Points on the outline of the face, which with the five span the triangles."""

STRETCH = 1.25
"""Colours that are stretched more turn a dark mouth blue on a face that is warmer than the donor's."""


def outline(points: Tensor, reach: float = 1.0) -> Tensor:
    """Five points of faces (b,5,2), pixels -> those and the outline of the face about them: (b,17,2).

    The outline is an oval of a frontal face, carried along by the affine map that fits the five: it narrows as they do
    when a head turns. ``reach``: factor on the oval.
    """
    frontal = torch.tensor(CROP, dtype=torch.float64)
    angle = torch.arange(AROUND, dtype=torch.float64) * (2 * pi / AROUND)
    # Of a crop's side: from the brows to the chin, and as far as the cheeks.
    oval = torch.stack([0.5 + 0.18 * reach * angle.sin(), 0.57 - 0.215 * reach * angle.cos()], dim=1)
    fit = torch.linalg.lstsq(_ones(frontal).expand(len(points), -1, -1), points).solution
    return torch.cat([points, _ones(oval) @ fit], dim=1)


def _ones(points: Tensor) -> Tensor:
    return torch.cat([points, torch.ones_like(points[:, :1])], dim=1)


def swapped(picture: Tensor, points: Tensor, donor: Tensor, donor_points: Tensor, reach: float = 1.0) -> Tensor:
    """Pictures (b,3,s,s) in [0,1] with the donors' faces; points (b,5,2) in pixels -> (b,3,s,s)."""
    target, source = outline(points.double().cpu(), reach), outline(donor_points.double().cpu(), reach)
    faces, masks = zip(
        *(_laid(one, theirs, mine) for one, theirs, mine in zip(donor.float().cpu(), source, target, strict=True)),
        strict=True,
    )
    face, mask = torch.stack(faces), torch.stack(masks)
    own = picture.float().cpu()
    matched_face = matched(face, own, mask, STRETCH)
    fakes = [_cloned(*one) for one in zip(matched_face, own, mask, strict=True)]
    return torch.stack(fakes).to(picture.device)


def _laid(donor: Tensor, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The donor's face (3,s,s) in the target's place, triangle by triangle, and where it is: (1,s,s)."""
    size = donor.shape[-1]
    rows, columns = np.mgrid[:size, :size]
    from_where = LinearNDInterpolator(target.numpy(), source.numpy())(columns, rows).astype(np.float32)
    mask = np.isfinite(from_where).all(axis=2)
    there = np.nan_to_num(from_where)
    image = donor.permute(1, 2, 0).numpy()
    carried_over = cv2.remap(image, there[..., 0], there[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return torch.from_numpy(carried_over).permute(2, 0, 1), torch.from_numpy(mask)[None].float()


def _cloned(face: Tensor, picture: Tensor, mask: Tensor) -> Tensor:
    source, home = _bytes(face), _bytes(picture)
    where = (mask[0].numpy() * 255).astype(np.uint8)
    # A pixel from the edge nothing is cloned: the equation needs a neighbour.
    where[[0, -1]] = where[:, [0, -1]] = 0
    left, top, wide, high = cv2.boundingRect(where)
    if not wide or not high:
        return picture
    whole = cv2.seamlessClone(source, home, where, (left + wide // 2, top + high // 2), cv2.NORMAL_CLONE)
    # Beside its mask it changes a pixel here and there, by a few levels.
    return torch.where(mask > 0, torch.from_numpy(whole).permute(2, 0, 1).float() / 255, picture)


def _bytes(image: Tensor) -> Picture:
    array: Picture = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().numpy()
    return array
