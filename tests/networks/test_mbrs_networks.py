"""MBRS's networks: as many weights as published, every bit everywhere, and the sizes that they can fill."""

from __future__ import annotations

import pytest
import torch
from reach import codes, covers, deaf_tiles, settled, silent_tiles, weights_of

from ftbench_networks.mbrs import MbrsDecoder, MbrsEncoder
from ftbench_networks.objections import object_to_mbrs


def convolution(before: int, after: int) -> int:
    """3×3 weights and an offset for each filter, and two numbers of its normalisation."""
    return 9 * before * after + after + 2 * after


def squeezed(before: int, after: int) -> int:
    """1×1, 3×3 and 1×1 weights, three normalisations, squeeze to an eighth and back, and a shortcut where needed."""
    left = before * after + 9 * after**2 + after**2 + 3 * 2 * after
    shortcut = before * after + 2 * after if before != after else 0
    return left + 2 * after * (after // 8) + shortcut


def test_published_widths_have_the_published_number_of_weights() -> None:
    # 128 px, 30 bits: a 16×16 map, three doublings, four blocks each for cover and message and one beside these.
    spread = 30 * 256 + 256
    doubling = 4 * 64 * 64 + 64 + 2 * 64
    message = spread + convolution(1, 64) + 3 * doubling + 5 * squeezed(64, 64)
    cover = convolution(3, 64) + 4 * squeezed(64, 64)
    published = cover + message + convolution(128, 64) + (64 + 3) * 3 + 3
    assert published == 552_652
    assert weights_of(MbrsEncoder(size=128, bits=30, channels=64, blocks=4, diffusion=16)) == published
    halvings = sum(squeezed(wide, wide) + squeezed(wide, 2 * wide) for wide in (64, 128, 256))
    ends = convolution(3, 64) + squeezed(64, 64) + convolution(512, 64) + squeezed(64, 64) + convolution(64, 1)
    published = ends + halvings + 256 * 30 + 30
    assert published == 5_246_497
    assert weights_of(MbrsDecoder(size=128, bits=30, channels=64, diffusion=16)) == published


def test_every_bit_changes_every_part_of_the_image() -> None:
    torch.manual_seed(0)
    network = MbrsEncoder(size=32, bits=6, channels=8, blocks=1, diffusion=8)
    assert not deaf_tiles(settled(network, covers(32), codes(6)), 32, 6)


def test_every_part_of_the_image_speaks_for_every_bit() -> None:
    torch.manual_seed(0)
    network = MbrsDecoder(size=32, bits=6, channels=8, diffusion=8)
    assert not silent_tiles(settled(network, covers(32)), 32, 6)


@pytest.mark.parametrize(("size", "diffusion"), [(16, 16), (24, 12), (64, 8)])
def test_sizes_that_a_map_can_be_doubled_to_are_taken(size: int, diffusion: int) -> None:
    assert object_to_mbrs(size=size, bits=64, diffusion=diffusion) is None
    encoder = MbrsEncoder(size=size, bits=64, channels=4, blocks=1, diffusion=diffusion).eval()
    decoder = MbrsDecoder(size=size, bits=64, channels=4, diffusion=diffusion).eval()
    cover = torch.rand(2, 3, size, size)
    marked = encoder(cover, torch.ones(2, 64))
    assert marked.shape == cover.shape
    assert decoder(marked).shape == (2, 64)


@pytest.mark.parametrize(
    ("size", "bits", "diffusion", "says"),
    [
        (96, 8, 16, "96 is not 16 times one"),
        (50, 8, 16, "50 is not 16 times one"),
        (8, 8, 16, "8 is not 16 times one"),
        (64, 65, 8, "at most 64 bits"),
    ],
)
def test_other_sizes_and_lengths_are_refused_in_a_sentence(size: int, bits: int, diffusion: int, says: str) -> None:
    assert says in str(object_to_mbrs(size=size, bits=bits, diffusion=diffusion))
