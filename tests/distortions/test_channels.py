"""Channels: the same steps by Pillow, what their parameters say, and gradients through the files in them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from damage import distortion, picture, pixels, seeded
from PIL import Image, ImageOps
from torch.nn import functional

from ftbench.train.distortion_pool import Ranged
from ftbench_distortions.plugin import ftbench_distortions

RECORDS = {record.name: record for record in ftbench_distortions()}
BILINEAR = Image.Resampling.BILINEAR


def filed(image: Image.Image, kind: str, **options: Any) -> Image.Image:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Image.open(file).convert("RGB")


def levels_apart(out: torch.Tensor, wanted: Image.Image) -> float:
    return float(np.abs(out.numpy().transpose(1, 2, 0) * 255 - np.asarray(wanted, float)).mean())


def test_a_network_does_as_pillow_does_step_by_step() -> None:
    image = picture(1, 60, 96)
    out = distortion("social-network", quality=60, scale=0.75, thumbnail=0.5, webp=100)(image, seeded())
    stored = filed(Image.fromarray(pixels(image[0])).resize((72, 45), BILINEAR), "JPEG", quality=60)
    # 22.5 rows are 22: Python rounds to the even one.
    shown = filed(stored.resize((36, 22), BILINEAR), "WEBP", quality=100)
    wanted = shown.resize((96, 60), BILINEAR)
    # Pillow rounds between steps; a level before a file may be several behind it, many where WebP is harsh.
    assert levels_apart(out[0], wanted) < 1.5
    assert levels_apart(image[0], wanted) > 5


def test_the_long_side_is_held_and_smaller_images_stay() -> None:
    image = picture(2, 40, 64)
    by_side, by_scale = ({"side": 48}, {"scale": 0.75})
    assert torch.equal(
        distortion("social-network", **by_side)(image, seeded()),
        distortion("social-network", **by_scale)(image, seeded()),
    )
    whole = distortion("social-network", side=1080, thumbnail=1.0, quality=50, webp=30)(image, seeded())
    jpeg = distortion("jpeg", quality=50)(image, seeded())
    assert torch.equal(whole, distortion("webp", quality=30)(jpeg, seeded()))


def test_a_screenshot_without_borders_at_its_size_is_a_file() -> None:
    image = picture(2, 40, 64)
    plain = distortion("screenshot", scale=1.0, border=0.0, quality=70)(image, seeded())
    assert torch.equal(plain, distortion("jpeg", quality=70)(image, seeded()))


@pytest.mark.parametrize("scale", [0.6, 1.4])
def test_a_screenshot_does_as_pillow_does_with_the_borders_that_it_drew(scale: float) -> None:
    image = picture(3, 64, 80)
    apply = distortion("screenshot", scale=scale, border=0.2, quality=75)
    out = apply(image, seeded(5))
    draws = torch.rand(3, 4, generator=seeded(5)).numpy()
    width, height = round(80 * scale), round(64 * scale)
    for one, drawn, found in zip(image, draws, out, strict=True):
        left, right = (int(share * (int(width * 0.2) + 1)) for share in drawn[:2])
        top, bottom = (int(share * (int(height * 0.2) + 1)) for share in drawn[2:])
        shown = Image.fromarray(pixels(one)).resize((width, height), BILINEAR)
        framed = filed(ImageOps.expand(shown, (left, top, right, bottom), (245,) * 3), "JPEG", quality=75)
        assert levels_apart(found, framed.resize((80, 64), BILINEAR)) < 1


def test_borders_are_of_the_screen_and_no_wider_than_said() -> None:
    black = torch.zeros(200, 3, 32, 32)
    out = distortion("screenshot", scale=1.0, border=0.25, quality=100)(black, seeded())
    lit = (out[:, 0, 16] > 0.5).sum(1)
    # Of 32 + 8 + 8 columns at most a third is border.
    assert 0 <= int(lit.min()) <= 2
    assert 9 <= int(lit.max()) <= 32 // 3 + 1


@pytest.mark.parametrize("name", ["social-network", "screenshot"])
def test_gradients_pass_straight_through_files_and_truly_through_sizes(name: str) -> None:
    given = {"scale": 0.5, "thumbnail": 1.0} if name == "social-network" else {"scale": 0.5, "border": 0.0}
    image = picture(1, 32, 32).clamp(0.2, 0.8)
    weight = torch.randn(image.shape, generator=seeded(9))
    leaf, alone = image.clone().requires_grad_(), image.clone().requires_grad_()
    (distortion(name, **given)(leaf, seeded()) * weight).sum().backward()
    small = functional.interpolate(alone, (16, 16), mode="bilinear", align_corners=False, antialias=True)
    large = functional.interpolate(small, (32, 32), mode="bilinear", align_corners=False)
    (large * weight).sum().backward()
    assert leaf.grad is not None
    torch.testing.assert_close(leaf.grad, alone.grad)


def test_a_pool_draws_within_their_ranges() -> None:
    record = RECORDS["chain"]
    steps = [{"name": "social-network", "quality": (40, 43), "scale": (0.5, 0.9)}, {"name": "screenshot"}]
    member = Ranged(record, {"steps": steps})
    drawn = [member.draw(seeded(number)).function.steps[0][1] for number in range(40)]
    assert member.varies
    assert {one.quality for one in drawn} == {40, 41, 42, 43}
    scales = sorted(one.scale for one in drawn)
    assert 0.5 <= scales[0] < 0.6
    assert 0.8 < scales[-1] <= 0.9
