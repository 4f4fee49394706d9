"""The compact pair: small, fast where it says so, and changing what an eye notices least."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from reach import codes, covers, deaf_tiles, settled, silent_tiles, weights_of
from scipy import ndimage

from ftbench_networks.compact import CompactDecoder, CompactEncoder
from ftbench_networks.objections import object_to_compact
from ftbench_networks.visibility import just_noticeable


def encoder(size: int = 32, bits: int = 5, attenuation: float = 0.5, channels: int = 16) -> CompactEncoder:
    torch.manual_seed(0)
    return CompactEncoder(
        size=size, bits=bits, channels=channels, blocks=3, maps=2, residual=0.2, attenuation=attenuation
    )


def test_published_widths_stay_under_two_million_weights_at_every_size() -> None:
    for size in (32, 128, 256):
        whole = CompactEncoder(size=size, bits=30, channels=64, blocks=6, maps=8, residual=0.3, attenuation=0.5)
        reader = CompactDecoder(size=size, bits=30, channels=64, blocks=6)
        assert weights_of(whole) + weights_of(reader) == 537_072 + 502_366


def test_every_bit_reaches_every_place_and_is_read_from_every_place() -> None:
    assert not deaf_tiles(settled(encoder(), covers(32), codes(5)), 32, 5)
    torch.manual_seed(0)
    reader = settled(CompactDecoder(size=32, bits=5, channels=16, blocks=3), covers(32))
    assert not silent_tiles(reader, 32, 5)


def test_the_change_is_bounded_by_what_is_noticed() -> None:
    cover = covers(32, 2).float()
    for attenuation in (0.0, 1.0):
        network = encoder(attenuation=attenuation).eval()
        torch.nn.init.normal_(network.paint.weight, std=100.0)
        change = (network(cover, torch.ones(2, 5)) - cover).abs()
        bound = 0.2 * just_noticeable(cover) ** attenuation
        assert (change <= bound + 1e-6).all()
        # Painted far beyond the bound, nearly every pixel that is not clamped reaches it.
        assert (change >= 0.95 * bound).float().mean() > 0.5


def test_what_is_noticed_is_the_papers_formula() -> None:
    rng = np.random.default_rng(3)
    smooth = ndimage.gaussian_filter(rng.random((48, 48, 3)), (2, 2, 0))
    image = ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float64)
    luma = 255 * image @ np.array([0.299, 0.587, 0.114])
    around = ndimage.uniform_filter(luma, 5, mode="mirror")
    adapted = np.where(
        around <= 127, 17 * (1 - np.sqrt(np.minimum(around, 127) / 127)) + 3, 3 / 128 * (around - 127) + 3
    )
    # Sobel's weights sum to 8, and the border is repeated.
    slopes = [ndimage.sobel(luma, axis, mode="nearest") / 8 for axis in (0, 1)]
    masked = 0.117 * ndimage.uniform_filter(np.hypot(*slopes), 5, mode="mirror")
    expected = adapted + masked - 0.3 * np.minimum(adapted, masked)
    expected /= np.sqrt((expected**2).mean())
    found = just_noticeable(torch.from_numpy(image).permute(2, 0, 1)[None])
    np.testing.assert_allclose(found[0, 0].numpy(), expected, rtol=1e-4)


def test_dark_and_edged_places_hide_more_than_bright_and_flat_ones() -> None:
    image = torch.full((1, 3, 32, 32), 0.5)
    image[..., :16] = 0.05
    noticed = just_noticeable(image)
    assert noticed[..., 4].mean() > 2 * noticed[..., 28].mean()
    edged = torch.full((1, 3, 32, 32), 0.5)
    edged[..., 16:] = 0.9
    noticed = just_noticeable(edged)
    assert noticed[..., 16].mean() > noticed[..., 28].mean()


@pytest.mark.parametrize("size", [12, 34, 18])
def test_sizes_that_cannot_be_folded_are_refused(size: int) -> None:
    assert f"not {size}" in str(object_to_compact(size=size, bits=8))
    assert object_to_compact(size=36, bits=8) is None


def test_at_a_smaller_side_the_same_change_is_made_larger() -> None:
    small, large = (
        CompactEncoder(size=size, bits=5, channels=16, blocks=3, maps=2, residual=0.2, attenuation=0, side=side).eval()
        for size, side in ((32, None), (64, 32))
    )
    large.load_state_dict(small.state_dict())
    cover = covers(32, 2).float() * 0.5 + 0.25
    wide = cover.repeat_interleave(2, -1).repeat_interleave(2, -2)
    code = codes(5)[:2]
    change, enlarged = (network(image, code) - image for network, image in ((small, cover), (large, wide)))
    expected = ndimage.zoom(change.detach().numpy(), (1, 1, 2, 2), order=3, mode="nearest", grid_mode=True)
    inner = (..., slice(4, -4), slice(4, -4))
    assert np.corrcoef(enlarged.detach().numpy()[inner].ravel(), expected[inner].ravel())[0, 1] > 0.99
    reader = CompactDecoder(size=64, bits=5, channels=16, blocks=3, side=32).eval()
    same = CompactDecoder(size=32, bits=5, channels=16, blocks=3).eval()
    same.load_state_dict(reader.state_dict())
    planes = (
        Image.fromarray(plane).resize((32, 32), Image.Resampling.BILINEAR) for plane in wide.flatten(0, 1).numpy()
    )
    shrunk = torch.from_numpy(np.stack([np.asarray(plane) for plane in planes])).reshape(cover.shape)
    assert torch.allclose(reader(wide), same(shrunk), atol=1e-4)


@pytest.mark.parametrize(("size", "side", "says"), [(32, 64, "32 px or less"), (64, 30, "a multiple of 4")])
def test_a_side_that_cannot_be_is_refused(size: int, side: int, says: str) -> None:
    assert says in str(object_to_compact(size=size, side=side))
    assert object_to_compact(size=64, side=32) is None
