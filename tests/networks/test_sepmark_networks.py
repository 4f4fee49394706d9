"""SepMark's networks: as many weights as published, the code at every scale, and no eye for contrast."""

from __future__ import annotations

import pytest
import torch
from reach import deaf_tiles, silent_tiles, weights_of
from torch import nn

from ftbench_networks.objections import object_to_sepmark
from ftbench_networks.sepmark import SCALES, SepmarkEncoder, SepmarkTracer

NORMALISATION = 0
"""Weights of an instance normalisation as published: it has no scale and no offset."""


def convolution(before: int, after: int) -> int:
    """3×3 weights and an offset for each filter."""
    return 9 * before * after + after + NORMALISATION


def squeezed(before: int, after: int) -> int:
    """1×1, 3×3 and 1×1 weights, squeeze to an eighth and back, and a shortcut, since the width always changes."""
    return before * after + 9 * after**2 + after**2 + 2 * after * (after // 8) + before * after


def unet(beside: int) -> int:
    """Two layers a stage, 16 to 256 channels; ``beside`` channels of the code at each scale of the way up."""
    down = convolution(3, 16) + convolution(16, 16)
    up = 0
    for fine in (16, 32, 64, 128):
        coarse = 2 * fine
        down += convolution(fine, fine) + convolution(fine, coarse) + convolution(coarse, coarse)
        second = 11 * fine**2 + 2 * fine * (fine // 8)
        up += convolution(coarse, fine) + squeezed(2 * fine + beside, fine) + second
    return down + up


def encoder(bits: int = 6, size: int = 32) -> SepmarkEncoder:
    torch.manual_seed(0)
    return SepmarkEncoder(size=size, bits=bits, channels=4, message_channels=4, blocks=1)


def tracer(bits: int = 6, size: int = 32) -> SepmarkTracer:
    torch.manual_seed(0)
    return SepmarkTracer(size=size, bits=bits, channels=4, blocks=1)


def test_published_widths_have_the_published_number_of_weights() -> None:
    code = 4 * (30 * 900 + 900 + convolution(1, 64) + convolution(64, 64))
    published = unet(beside=64) + code + (16 + 3) * 3 + 3
    assert published == 2_614_300
    network = SepmarkEncoder(size=128, bits=30, channels=16, message_channels=64, blocks=2)
    assert weights_of(network) == published
    published = unet(beside=0) + 16 + 900 * 30 + 30
    assert published == 2_348_694
    assert weights_of(SepmarkTracer(size=128, bits=30, channels=16, blocks=2)) == published


def test_the_code_enters_at_every_scale() -> None:
    network = encoder().eval()
    cover, zeros, ones = torch.rand(1, 3, 32, 32), torch.zeros(1, 6), torch.ones(1, 6)
    layers = [spread[0] for spread in network.spread]  # type: ignore[index]
    assert len(layers) == SCALES - 1
    for layer in layers:
        nn.init.zeros_(layer.weight)
    assert torch.equal(network(cover, zeros), network(cover, ones)), "cut off everywhere, the code must not show"
    for layer in layers:
        nn.init.normal_(layer.weight)
        assert not torch.equal(network(cover, zeros), network(cover, ones))
        nn.init.zeros_(layer.weight)


def test_every_bit_changes_every_part_of_the_image() -> None:
    assert not deaf_tiles(encoder().double().eval(), 32, 6)


def test_every_part_of_the_image_speaks_for_every_bit() -> None:
    assert not silent_tiles(tracer().double().eval(), 32, 6)


def test_the_tracer_does_not_see_contrast() -> None:
    # Every convolution is normalised over the image: a change of contrast around mid-grey leaves no trace but that of
    # the normalisations' epsilon.
    network = tracer().double().eval()
    for module in network.modules():
        if isinstance(module, nn.InstanceNorm2d):
            module.eps = 0.0
    image = torch.rand(2, 3, 32, 32, dtype=torch.float64)
    logits = network(image)
    assert torch.allclose(network(0.5 + 0.3 * (image - 0.5)), logits, atol=1e-6)
    assert (network(image.square()) - logits).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("size", "bits", "says"),
    [(32, 256, None), (48, 1, None), (16, 8, "from 32"), (40, 8, "multiple of 16"), (64, 257, "at most 256")],
)
def test_sizes_and_lengths_that_cannot_be_had_are_refused(size: int, bits: int, says: str | None) -> None:
    sentence = object_to_sepmark(size=size, bits=bits)
    assert sentence is None if says is None else says in str(sentence)


def test_codes_longer_than_the_image_is_wide_are_taken() -> None:
    cover = torch.rand(1, 3, 32, 32)
    marked = encoder(bits=40).eval()(cover, torch.ones(1, 40))
    assert marked.shape == cover.shape
    assert tracer(bits=40).eval()(marked).shape == (1, 40)
