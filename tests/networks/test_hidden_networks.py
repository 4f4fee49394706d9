"""HiDDeN's networks: as many weights as its supplement describes, local, and without a sense of place."""

from __future__ import annotations

import pytest
import torch
from reach import codes, covers, deaf_tiles, settled, silent_tiles, weights_of
from torch import Tensor

from ftbench_networks.hidden import HiddenDecoder, HiddenEncoder


def encoder(bits: int = 5, channels: int = 12, blocks: int = 4, residual: float = 0.0) -> HiddenEncoder:
    torch.manual_seed(0)
    return HiddenEncoder(size=32, bits=bits, channels=channels, blocks=blocks, residual=residual)


def decoder(bits: int = 5, channels: int = 12, blocks: int = 7) -> HiddenDecoder:
    torch.manual_seed(0)
    return HiddenDecoder(size=32, bits=bits, channels=channels, blocks=blocks)


def test_published_widths_have_the_supplements_number_of_weights() -> None:
    # A block: 3×3 weights and an offset for each filter, and two numbers of its normalisation.
    first = 9 * 3 * 64 + 64 + 2 * 64
    block = 9 * 64 * 64 + 64 + 2 * 64
    join = 9 * (64 + 30 + 3) * 64 + 64 + 2 * 64
    last = 64 * 3 + 3
    published = first + 3 * block + join + last
    assert published == 169_347
    assert weights_of(encoder(bits=30, channels=64)) == published
    to_bits = 9 * 64 * 30 + 30 + 2 * 30
    published = first + 6 * block + to_bits + 30 * 30 + 30
    assert published == 242_556
    assert weights_of(decoder(bits=30, channels=64)) == published


@pytest.mark.parametrize("blocks", [1, 4])
def test_a_pixel_of_the_cover_is_seen_by_one_convolution_more_than_there_are_blocks(blocks: int) -> None:
    network = settled(encoder(blocks=blocks), covers(32), codes(5))
    cover = covers(32, 1)
    poked = cover.clone()
    poked[:, :, 16, 16] += 0.2
    code = torch.ones(1, 5, dtype=torch.float64)
    changed = torch.nonzero((network(poked, code) - network(cover, code)).abs().sum(dim=1)[0] > 1e-12)
    assert (changed - 16).abs().max() == blocks + 1


def test_the_code_has_no_place() -> None:
    # Constant planes on a cover of one colour: whatever differs between places comes from the borders' padding.
    network = settled(encoder(), covers(32), codes(5))
    grey = torch.full((1, 3, 32, 32), 0.4, dtype=torch.float64)
    inner = network(grey, torch.ones(1, 5, dtype=torch.float64))[..., 6:-6, 6:-6]
    assert inner.std(dim=(2, 3)).max() < 1e-12
    assert not deaf_tiles(network, 32, 5)


def test_the_decoder_averages_over_places() -> None:
    network = settled(decoder(), covers(32))
    pattern = torch.rand(1, 3, 12, 12, dtype=torch.float64)

    def shown(top: int, left: int) -> Tensor:
        image = torch.full((1, 3, 64, 72), 0.5, dtype=torch.float64)
        image[..., top : top + 12, left : left + 12] = pattern
        return network(image)

    # Eight 3×3 convolutions: the pattern's halo of 8 px stays clear of the borders' own.
    here, there = shown(18, 18), shown(31, 40)
    assert torch.allclose(here, there, atol=1e-12)
    nothing = network(torch.full((1, 3, 64, 72), 0.5, dtype=torch.float64))
    assert (here - nothing).abs().max() > 1e-6
    assert not silent_tiles(network, 32, 5)


def test_the_change_is_bounded_unless_the_image_is_painted() -> None:
    cover, code = torch.rand(2, 3, 16, 16), torch.ones(2, 5)
    for residual, far in ((0.05, False), (0.0, True)):
        network = encoder(residual=residual).eval()
        torch.nn.init.normal_(network.to_rgb.weight, std=100.0)
        marked = network(cover, code)
        assert marked.min() >= 0
        assert marked.max() <= 1
        assert bool((marked - cover).abs().max() > 0.051) == far


def test_reading_starts_with_a_channel_a_bit() -> None:
    # Averages of rectified normal numbers are near 0.4: no bit is preferred, and none listens to another's channel.
    network = settled(decoder(), covers(32))
    assert network(covers(32)).abs().max() < 3
    averages = torch.full((1, 5), 0.4, dtype=torch.float64)
    raised = averages.clone()
    raised[0, 2] += 0.1
    moved = network.read(raised) - network.read(averages)  # type: ignore[operator]
    assert torch.allclose(moved, torch.tensor([[0.0, 0.0, 1.0, 0.0, 0.0]], dtype=torch.float64))
