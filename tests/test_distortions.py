"""Each distortion against a reference that shares no code with it: Pillow, scipy, colorsys, binomials."""

from __future__ import annotations

import colorsys
import io
import subprocess
import sys

import numpy as np
import pydantic
import pytest
import torch
from PIL import Image, ImageEnhance
from scipy import ndimage, stats

from ftbench_distortions.plugin import ftbench_distortions

RECORDS = {record.name: record for record in ftbench_distortions()}
NEUTRAL = {
    "gaussian-blur": 0.0,
    "median-blur": 1,
    "gaussian-noise": 0.0,
    "resize": 1.0,
    "crop": 1.0,
    "brightness": 1.0,
    "contrast": 1.0,
    "saturation": 1.0,
    "hue": 0.0,
    "dropout": 0.0,
    "salt-and-pepper": 0.0,
}
HARSH = {
    "jpeg": 1,
    "gaussian-blur": 16.0,
    "median-blur": 15,
    "gaussian-noise": 1.0,
    "resize": 0.01,
    "crop": 0.001,
    "brightness": 4.0,
    "contrast": 4.0,
    "saturation": 4.0,
    "hue": -0.5,
    "dropout": 1.0,
    "salt-and-pepper": 1.0,
}


def distortion(name, strength=None):
    record = RECORDS[name]
    given = {} if strength is None else {record.strength: strength}
    return record.load()(**dict(record.parameters(**given)))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def picture(batch=2, height=64, width=64, seed=0):
    """Smooth blobs, texture and saturated corners on the 8-bit grid, (batch, 3, height, width)."""
    rng = np.random.default_rng(seed)
    blobs = ndimage.gaussian_filter(rng.standard_normal((batch, 3, height, width)), (0, 0, 4, 4)) * 2 + 0.5
    image = np.clip(blobs + 0.05 * rng.standard_normal(blobs.shape), 0, 1)
    image[:, :, :3, :3], image[:, :, -3:, -3:] = 0, 1
    return torch.from_numpy(np.round(image * 255) / 255).float()


def rows(image):
    """One image as 8-bit (h, w, 3), for Pillow."""
    return np.round(image.numpy() * 255).astype(np.uint8).transpose(1, 2, 0)


def test_the_family_is_complete_and_its_records_hold_together():
    expected = {"identity", "jpeg", *NEUTRAL}
    assert set(RECORDS) == expected
    for record in RECORDS.values():
        fields = record.parameters.model_fields
        assert set(fields) == ({record.strength} if record.strength else set())
        assert all(field.description and not field.is_required() for field in fields.values())
    assert {name for name, record in RECORDS.items() if not record.differentiable} == {"jpeg"}


@pytest.mark.parametrize(
    ("name", "strength"),
    [
        ("jpeg", 0),
        ("jpeg", 101),
        ("jpeg", 50.5),
        ("median-blur", 4),
        ("gaussian-blur", -1.0),
        ("gaussian-noise", 1.5),
        ("resize", 0.0),
        ("crop", 1.1),
        ("contrast", -0.5),
        ("hue", 0.6),
        ("dropout", -0.1),
        ("salt-and-pepper", 1.2),
    ],
)
def test_a_strength_out_of_bounds_is_refused(name, strength):
    with pytest.raises(pydantic.ValidationError, match=RECORDS[name].strength):
        RECORDS[name].parameters(**{RECORDS[name].strength: strength})


@pytest.mark.parametrize("size", [(1, 33, 47), (2, 16, 16), (3, 64, 40)])
@pytest.mark.parametrize("harsh", [False, True])
@pytest.mark.parametrize("name", RECORDS)
def test_contract(name, harsh, size):
    image = picture(*size)
    kept = image.clone()
    apply = distortion(name, HARSH.get(name) if harsh else None)
    torch.manual_seed(1)
    first = apply(image, seeded())
    torch.manual_seed(2)
    again = apply(image, seeded())
    assert first.shape == image.shape
    assert first.dtype == image.dtype
    assert first.min() >= 0
    assert first.max() <= 1
    assert torch.equal(first, again), "the draw does not hang on the generator alone"
    assert torch.equal(image, kept), "the input was changed"
    first.zero_()
    assert torch.equal(image, kept), "the output shares the input's memory"


def test_the_global_generator_is_left_alone():
    for name in RECORDS:
        before = torch.get_rng_state()
        distortion(name)(picture(), seeded())
        assert torch.equal(torch.get_rng_state(), before), name


@pytest.mark.parametrize("name", ["gaussian-noise", "crop", "dropout", "salt-and-pepper"])
def test_random_distortions_differ_by_seed_and_by_image(name):
    image = picture(1).repeat(2, 1, 1, 1)
    apply = distortion(name)
    out = apply(image, seeded(0))
    assert not torch.equal(out[0], out[1])
    assert not torch.equal(out, apply(image, seeded(1)))


@pytest.mark.parametrize("size", [(2, 64, 64), (1, 33, 47)])
@pytest.mark.parametrize("name", NEUTRAL)
def test_the_neutral_strength_changes_nothing(name, size):
    image = picture(*size)
    out = distortion(name, NEUTRAL[name])(image, seeded())
    torch.testing.assert_close(out, image, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if record.differentiable])
def test_the_gradient_is_the_slope_of_what_happens(name):
    """The directional derivative against a central difference, in float64, away from the clipping."""
    rng = torch.Generator().manual_seed(3)
    image = 0.3 + 0.4 * torch.rand(2, 3, 20, 24, generator=rng, dtype=torch.float64)
    direction, weight = torch.randn(2, *image.shape, generator=rng, dtype=torch.float64)
    apply = distortion(name)

    def score(at):
        return (apply(at, seeded()) * weight).sum()

    leaf = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(score(leaf), leaf)
    step = 1e-7
    slope = (score(image + step * direction) - score(image - step * direction)) / (2 * step)
    assert slope.abs() > 1e-3
    torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if record.differentiable])
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_images_give_finite_gradients(name, level):
    leaf = torch.full((1, 3, 16, 16), level, requires_grad=True)
    distortion(name)(leaf, seeded()).sum().backward()
    assert torch.isfinite(leaf.grad).all()


def test_jpeg_takes_an_input_that_wants_a_gradient_and_passes_none():
    out = distortion("jpeg")(picture().requires_grad_(), seeded())
    assert not out.requires_grad


@pytest.mark.parametrize("quality", [10, 50, 95])
def test_jpeg_is_pillows_file(quality):
    image = picture(2, 33, 47)
    out = distortion("jpeg", quality)(image, seeded())
    for given, got in zip(image, out, strict=True):
        file = io.BytesIO()
        # Pillow's own default subsampling, left to it here, is 4:2:0.
        Image.fromarray(rows(given)).save(file, "JPEG", quality=quality)
        np.testing.assert_array_equal(rows(got), np.asarray(Image.open(io.BytesIO(file.getvalue()))))
        np.testing.assert_allclose(got.numpy() * 255, np.round(got.numpy() * 255), atol=1e-4)


def test_jpeg_gets_worse_with_lower_quality_and_drops_fine_colour():
    image = picture()
    errors = [
        float((distortion("jpeg", quality)(image, seeded()) - image).square().mean()) for quality in (95, 75, 50, 25, 5)
    ]
    assert errors == sorted(errors)
    # Columns alternate between two colours of nearly the same luma: at quality 100 only 4:2:0 loses them.
    stripes = torch.tensor([[200, 100, 100], [70, 157, 157]]).T.repeat(1, 32).float() / 255
    stripes = stripes[None, :, None].expand(1, 3, 64, 64)
    out = distortion("jpeg", 100)(stripes, seeded())
    assert out[0, 0].std() < 0.3 * stripes[0, 0].std()


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.5])
def test_gaussian_blur_is_scipys(sigma):
    image = picture(1, 33, 47)
    out = distortion("gaussian-blur", sigma)(image, seeded())
    radius = int(np.ceil(3 * sigma))
    expected = ndimage.gaussian_filter(
        image.double().numpy(), (0, 0, sigma, sigma), mode="nearest", radius=(0, 0, radius, radius)
    )
    np.testing.assert_allclose(out.numpy(), expected, atol=2e-6)


@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_median_blur_is_scipys(kernel):
    image = picture(2, 33, 47)
    out = distortion("median-blur", kernel)(image, seeded())
    expected = ndimage.median_filter(image.numpy(), (1, 1, kernel, kernel), mode="nearest")
    np.testing.assert_allclose(out.numpy(), expected, atol=1e-7)


def test_gaussian_noise_has_its_mean_its_deviation_and_its_shape():
    grey = torch.full((4, 3, 64, 64), 0.5)
    noise = (distortion("gaussian-noise", 0.05)(grey, seeded()) - grey).flatten().numpy() / 0.05
    assert stats.kstest(noise, "norm").pvalue > 0.001
    planes = noise.reshape(4, 3, -1)
    assert abs(np.corrcoef(planes[0, 0], planes[0, 1])[0, 1]) < 0.07


@pytest.mark.parametrize("scale", [0.5, 0.3])
def test_resize_is_pillows(scale):
    image = picture(1, 48, 64)
    out = distortion("resize", scale)(image, seeded())[0]
    small = (round(64 * scale), round(48 * scale))
    for given, got in zip(image[0].numpy(), out.numpy(), strict=True):
        plane = Image.fromarray(given).resize(small, Image.Resampling.BILINEAR)
        expected = plane.resize((64, 48), Image.Resampling.BILINEAR)
        np.testing.assert_allclose(got, np.asarray(expected), atol=2e-6)


@pytest.mark.parametrize("keep", [0.5, 0.25])
def test_crop_keeps_its_share_of_the_area_at_uniform_places(keep):
    """Images whose red is the column and whose green is the row tell what was kept, and where."""
    size, batch = 64, 400
    ramp = torch.arange(size) / 255
    image = torch.stack([ramp.expand(size, size), ramp[:, None].expand(size, size), torch.zeros(size, size)])
    out = distortion("crop", keep)(image.expand(batch, 3, size, size), seeded()) * 255
    side = round(size * keep**0.5)
    assert side**2 / size**2 == pytest.approx(keep, rel=0.03)
    for channel, axis in ((0, 2), (1, 1)):
        plane = out[:, channel]
        first, last = plane.amin((1, 2)), plane.amax((1, 2))
        torch.testing.assert_close(last - first, torch.full((batch,), side - 1.0), atol=0.01, rtol=0)
        assert (plane.diff(dim=axis) >= -1e-3).all()
        counts = np.bincount(first.round().long().numpy(), minlength=size - side + 1)
        assert len(counts) == size - side + 1
        assert stats.chisquare(counts).pvalue > 0.001


def test_crop_enlarges_as_pillow_does():
    image = picture(1, 64, 64)
    out = distortion("crop", 0.25)(image, seeded(5))[0].numpy()
    windows = [
        (top, left)
        for top in range(33)
        for left in range(33)
        if np.allclose(out[:, 0, 0], image[0, :, top, left].numpy(), atol=1e-6)
    ]
    matches = 0
    for top, left in windows:
        planes = [
            np.asarray(Image.fromarray(plane).resize((64, 64), Image.Resampling.BILINEAR))
            for plane in image[0, :, top : top + 32, left : left + 32].numpy()
        ]
        matches += np.allclose(out, np.stack(planes), atol=2e-6)
    assert matches == 1


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.5, 2.5])
@pytest.mark.parametrize(
    ("name", "enhancer"),
    [
        ("brightness", ImageEnhance.Brightness),
        ("contrast", ImageEnhance.Contrast),
        ("saturation", ImageEnhance.Color),
    ],
)
def test_colour_is_pillows(name, enhancer, factor):
    """Within two levels: Pillow rounds the grey it mixes with, which the factor may double."""
    image = picture()
    out = distortion(name, factor)(image, seeded())
    for given, got in zip(image, out, strict=True):
        expected = np.asarray(enhancer(Image.fromarray(rows(given))).enhance(factor)).astype(int)
        assert np.abs(got.numpy().transpose(1, 2, 0) * 255 - expected).max() <= 2


def test_brightness_and_contrast_are_their_formulas():
    image = picture()
    grey = (image * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    mean = grey.mean((1, 2, 3), keepdim=True)
    for name, expected in (
        ("brightness", 1.7 * image),
        ("contrast", mean + 1.7 * (image - mean)),
        ("saturation", grey + 1.7 * (image - grey)),
    ):
        out = distortion(name, 1.7)(image, seeded())
        torch.testing.assert_close(out, expected.clamp(0, 1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("shift", [-0.5, -0.2, 0.1, 0.5])
def test_hue_is_colorsys(shift):
    image = picture(1, 16, 16)
    out = distortion("hue", shift)(image, seeded())[0].permute(1, 2, 0).reshape(-1, 3).numpy()
    for given, got in zip(image[0].permute(1, 2, 0).reshape(-1, 3).tolist(), out, strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*given)
        np.testing.assert_allclose(got, colorsys.hsv_to_rgb((hue + shift) % 1, saturation, value), atol=1e-5)


def test_dropout_blackens_its_share_of_whole_pixels_and_spares_the_rest():
    image = picture(4).clamp(0.1, 1)
    out = distortion("dropout", 0.3)(image, seeded())
    lost = (out == 0).all(1)
    assert torch.equal(lost, (out == 0).any(1))
    assert stats.binomtest(int(lost.sum()), lost.numel(), 0.3).pvalue > 0.001
    assert torch.equal(out, image * ~lost[:, None])


def test_salt_and_pepper_hits_its_share_evenly_and_spares_the_rest():
    image = picture(4).clamp(0.1, 0.9)
    out = distortion("salt-and-pepper", 0.1)(image, seeded())
    salt, pepper = (out == 1).all(1), (out == 0).all(1)
    hit = salt | pepper
    assert stats.binomtest(int(hit.sum()), hit.numel(), 0.1).pvalue > 0.001
    assert stats.binomtest(int(salt.sum()), int(hit.sum()), 0.5).pvalue > 0.001
    assert torch.equal(out[~hit[:, None].expand_as(out)], image[~hit[:, None].expand_as(image)])


def test_listing_imports_no_torch_and_nothing_warns_from_the_first_import_on():
    script = """
import sys
from ftbench_distortions.plugin import ftbench_distortions
records = list(ftbench_distortions())
assert not {"torch", "numpy", "kornia", "PIL"} & set(sys.modules)
import torch
for record in records:
    record.load()(**dict(record.parameters()))(torch.rand(1, 3, 33, 47), torch.Generator())
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=120)
