"""The pasted swap: what it touches, what it leaves, and whose colours it wears."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from skimage.color import lab2rgb, rgb2lab
from torch import Tensor, nn

from ftbench_faketagger.face_mask import match_colours, soft_ellipse
from ftbench_faketagger.objections import object_to_pasted
from ftbench_faketagger.pasted import FaceswapPasted

SECOND = {"identity": torch.tensor([1, 0])}


def pasted(size: int, **changed: Any) -> FaceswapPasted:
    torch.manual_seed(0)
    return FaceswapPasted(size=size, **{"width": 0.06, "latent": 16, **changed}).eval()


def gentle(seed: int, low: float, high: float) -> Tensor:
    """Two pictures of few, related colours: none leaves RGB when it takes on another's."""
    draws = torch.Generator().manual_seed(seed)
    grey = torch.rand(2, 1, 48, 48, generator=draws)
    return low + (high - low) * (0.7 * grey + 0.3 * torch.rand(2, 3, 48, 48, generator=draws))


def lab_statistics(image: Tensor, mask: Tensor) -> tuple[np.ndarray, np.ndarray]:
    lab = rgb2lab(image.permute(0, 2, 3, 1).double().numpy())
    weight = np.broadcast_to(mask[0, 0].double().numpy()[None, :, :, None], lab.shape)
    mean = np.average(lab, axis=(1, 2), weights=weight[..., 0:1].repeat(3, -1))
    return mean, np.sqrt(np.average((lab - mean[:, None, None]) ** 2, axis=(1, 2), weights=weight))


class Returned(nn.Module):
    """A swap network that gives back what it is told, and remembers what it was shown."""

    def __init__(self, face: Tensor | None) -> None:
        super().__init__()
        self.face = face
        self.shown = torch.empty(0)

    def forward(self, image: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        self.shown = image
        return image if self.face is None else self.face


@pytest.mark.parametrize("size", [32, 64, 96, 256])
def test_outside_the_mask_every_pixel_is_left_exactly(size: int) -> None:
    network = pasted(size)
    image = torch.rand(2, 3, size, size).requires_grad_()
    fake = network(image, SECOND)
    # The ellipse by its own equation, not by the mask under test.
    centre = (torch.arange(size) + 0.5) / size
    x, y = (centre - 0.5)[None, :] / 0.27, (centre - 0.51)[:, None] / 0.3
    outside = (x**2 + y**2 >= 1).expand_as(fake)
    assert torch.equal(fake[outside], image[outside])
    inner = (x**2 + y**2 < 0.4).expand_as(fake)
    assert (fake - image).abs()[inner].mean() > 0.05
    # So does the gradient: a mark out there is read as if there were no deepfake, but for its part in the swap.
    fake[outside].sum().backward()
    assert image.grad is not None
    assert torch.equal(image.grad, outside.float())


def test_the_swap_itself_gets_a_gradient_through_paste_and_colours() -> None:
    network = pasted(64)
    face = torch.rand(2, 3, 48, 48).requires_grad_()
    network.swap = Returned(face)  # type: ignore[assignment]
    (network(torch.rand(2, 3, 64, 64), SECOND) ** 2).sum().backward()
    assert face.grad is not None
    inside = network.mask.expand_as(face) > 0.01
    assert (face.grad[inside] != 0).float().mean() > 0.9
    assert face.grad.isfinite().all()


@pytest.mark.parametrize(
    ("size", "crop", "network"), [(32, 32, 32), (48, 32, 32), (64, 48, 48), (128, 80, 64), (256, 160, 64)]
)
def test_the_face_is_the_published_crop_in_whole_cells(size: int, crop: int, network: int) -> None:
    whole = pasted(size)
    whole.swap = watched = Returned(None)  # type: ignore[assignment]
    image = torch.rand(2, 3, size, size)
    whole(image, SECOND)
    assert whole.crop == crop
    assert watched.shown.shape == (2, 3, network, network)
    edge = (size - crop) // 2
    if crop == network:
        assert torch.equal(watched.shown, image[..., edge : size - edge, edge : size - edge])
    else:
        middle = image[..., edge : size - edge, edge : size - edge]
        assert torch.allclose(watched.shown.mean(dim=(2, 3)), middle.mean(dim=(2, 3)), atol=0.01)


def test_warps_are_as_far_in_the_picture_as_declared() -> None:
    network = pasted(256, warp=0.02)
    assert network.swap.warp * network.crop == pytest.approx(0.02 * 256)


def test_a_face_pasted_onto_itself_changes_nothing() -> None:
    network = pasted(64)
    network.swap = Returned(None)  # type: ignore[assignment]
    image = torch.rand(2, 3, 64, 64)
    assert torch.allclose(network(image, SECOND), image, atol=2e-3)


@pytest.mark.parametrize("feather", [0.0, 0.35, 1.0])
def test_the_mask_is_an_ellipse_that_fades(feather: float) -> None:
    mask = soft_ellipse(256, extent=0.6, feather=feather)[0, 0]
    assert mask.min() == 0
    assert mask.max() == pytest.approx(1, abs=1e-3)
    rows, columns = torch.nonzero(mask.amax(dim=1))[:, 0], torch.nonzero(mask.amax(dim=0))[:, 0]
    # The last pixels of a smooth fade are all but 0, never beyond the ellipse.
    assert len(rows) == pytest.approx(0.6 * 256, abs=2)
    assert len(columns) == pytest.approx(0.54 * 256, abs=2)
    assert torch.equal(mask, mask.flip(1))
    # Area of rings of an ellipse, weighted by the cubic fade, integrated by itself.
    radius = np.linspace(0, 1, 20001)
    fade = np.clip((1 - radius) / max(feather, 1e-9), 0, 1)
    area = math.pi * 0.3 * 0.27 * np.trapezoid(2 * radius * fade**2 * (3 - 2 * fade), radius)
    assert float(mask.mean()) == pytest.approx(area, rel=0.01)
    downwards = mask[131:, 128]
    assert (downwards.diff() <= 0).all()


def test_colours_match_a_reference_under_the_mask() -> None:
    face, picture = gentle(1, 0.35, 0.65), gentle(2, 0.3, 0.6) * torch.tensor([1.1, 0.9, 0.8])[None, :, None, None]
    mask = soft_ellipse(48, extent=0.6, feather=0.35)
    matched = match_colours(face, picture, mask, 1.0)
    (mean, deviation), (wanted_mean, wanted_deviation) = lab_statistics(matched, mask), lab_statistics(picture, mask)
    assert np.allclose(mean, wanted_mean, atol=0.05)
    assert np.allclose(deviation, wanted_deviation, atol=0.05)

    own_mean, own_deviation = lab_statistics(face, mask)
    assert np.abs(own_mean - wanted_mean).max() > 2, "the two must differ for this to say anything"
    lab = rgb2lab(face.permute(0, 2, 3, 1).double().numpy())
    moved = (lab - own_mean[:, None, None]) / own_deviation[:, None, None] * wanted_deviation[:, None, None]
    expected = lab2rgb(moved + wanted_mean[:, None, None])
    assert np.abs(matched.permute(0, 2, 3, 1).numpy() - expected).max() < 2e-3


def test_half_the_strength_goes_half_the_way() -> None:
    face, picture = gentle(1, 0.35, 0.65), gentle(2, 0.2, 0.6)
    mask = soft_ellipse(48, extent=0.6, feather=0.35)
    assert torch.equal(match_colours(face, picture, mask, 0.0), face)
    own, half, other = (
        lab_statistics(image, mask)[0] for image in (face, match_colours(face, picture, mask, 0.5), picture)
    )
    assert np.allclose(half, (own + other) / 2, atol=0.05)


def test_a_flat_face_is_not_blown_up() -> None:
    flat = torch.full((1, 3, 32, 32), 0.5) + 1e-4 * torch.rand(1, 3, 32, 32)
    flat.requires_grad_()
    picture = torch.rand(1, 3, 32, 32)
    matched = match_colours(flat, picture, soft_ellipse(32, extent=0.6, feather=0.3), 1.0)
    assert matched.std(dim=(2, 3)).max() < 0.05
    for black in (flat, torch.zeros(1, 3, 32, 32, requires_grad=True)):
        match_colours(black, picture, soft_ellipse(32, extent=0.6, feather=0.3), 1.0).sum().backward()
        assert black.grad is not None
        assert black.grad.isfinite().all()


def test_sizes_that_cannot_be_pasted_are_refused() -> None:
    assert object_to_pasted(size=32, face_size=64) is None
    assert "16 px, 32 or more" in str(object_to_pasted(size=16, face_size=64))
    assert "multiple of 16" in str(object_to_pasted(size=100, face_size=64))
    assert "face_size" in str(object_to_pasted(size=64, face_size=40))
