"""Marks in pictures of any size: exact quality, and payloads that come back."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor, nn
from torch.nn import functional

from ftbench.errors import BadInput
from ftbench.marking import anysize
from ftbench.marking.anysize import enlarged
from ftbench.parts.catalogue import Plugins
from ftbench.pipeline.stages import Pair
from tests.marking.carriers import SIZE, CarrierDecoder, CarrierEncoder, chosen, photograph

BITS = 8
SHAPES = [(32, 32), (33, 47), (61, 200), (240, 320)]


def tensor(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def array(pixels: Tensor) -> NDArray[np.uint8]:
    return pixels.permute(1, 2, 0).numpy()


def carrier() -> Pair:
    return Pair(CarrierEncoder(size=SIZE, bits=BITS), CarrierDecoder(size=SIZE, bits=BITS))


def unet(plugins: Plugins) -> Pair:
    """Untrained: any residual will do where quality alone is asked."""
    torch.manual_seed(0)
    small = {"backbone_options": {"channels": [8, 8, 8, 8]}, "up_width": 0.02, "stem_channels": 8}
    encoder = chosen(plugins, "encoder", "unet-resnet18", **small)
    decoder = chosen(plugins, "decoder", "conv7", width=0.03)
    from ftbench.runner.build import build

    sides = {"size": SIZE, "bits": BITS}
    return Pair(build(encoder, **sides), build(decoder, **sides)).eval()


def random_code(seed: int) -> Tensor:
    return torch.randint(0, 2, (1, BITS), generator=torch.Generator().manual_seed(seed)).float()


class Adds(nn.Module):
    """An encoder that adds one number to every value."""

    def __init__(self, amount: float) -> None:
        super().__init__()
        self.amount = amount

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        return cover + self.amount


@pytest.mark.parametrize("shape", [(32, 32), (64, 48), (101, 333), (20, 90)])
def test_pictures_are_resized_as_pillow_does_it(shape: tuple[int, int]) -> None:
    pixels = photograph(*shape)
    ours = anysize.fit(tensor(pixels), SIZE)
    theirs = np.asarray(Image.fromarray(pixels).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    assert ours.shape == (1, 3, SIZE, SIZE)
    assert np.abs(255 * array(ours[0]) - theirs).max() <= 1.01


def test_at_the_networks_size_the_mark_is_the_pipelines(plugins: Plugins) -> None:
    pair, cover, code = unet(plugins), tensor(photograph(SIZE, SIZE)), random_code(1)
    with torch.no_grad():
        expected = (255 * pair.mark(cover[None].float() / 255, code)[0]).round().to(torch.uint8)
        at_34 = (255 * pair.mark(cover[None].float() / 255, code, psnr=34)[0]).round().to(torch.uint8)
    ours = anysize.mark(pair, cover, code, SIZE)
    # A half that float arithmetic puts on either side may round either way.
    assert (ours.int() - expected.int()).abs().max() <= 1
    assert (ours != expected).float().mean() < 1e-3
    assert (anysize.mark(pair, cover, code, SIZE, 34).int() - at_34.int()).abs().max() <= 1


@pytest.mark.parametrize("psnr", [24.0, 32.0, 36.5, 48.0])
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_the_psnr_of_the_8_bit_picture_is_the_one_asked_for(
    shape: tuple[int, int], psnr: float, plugins: Plugins
) -> None:
    cover = photograph(*shape, seed=3)
    # A third of the picture is at either end of the range, where the mark is cut off.
    cover[: shape[0] // 6] = 0
    cover[-(shape[0] // 6) :] = 255
    for pair in (unet(plugins), carrier()):
        marked = anysize.mark(pair, tensor(cover), random_code(2), SIZE, psnr)
        measured = peak_signal_noise_ratio(cover, array(marked), data_range=255)
        assert psnr <= measured <= psnr + 0.02
        assert anysize.psnr_of(tensor(cover), marked) == pytest.approx(measured, abs=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("quality", [None, 90])
def test_the_code_comes_back(shape: tuple[int, int], quality: int | None) -> None:
    pair = carrier()
    for seed in range(4):
        code = random_code(seed)
        marked = array(anysize.mark(pair, tensor(photograph(*shape, seed=seed)), code, SIZE))
        if quality is not None:
            file = io.BytesIO()
            Image.fromarray(marked).save(file, "JPEG", quality=quality)
            marked = np.asarray(Image.open(file))
        logits = anysize.read(pair, tensor(marked), SIZE)
        assert torch.equal((logits > 0).float(), code)


def test_an_unmarked_picture_reads_as_something_else() -> None:
    pair = carrier()
    cover = tensor(photograph(120, 90, seed=9))
    unmarked = (anysize.read(pair, cover, SIZE) > 0).float()
    other = 1 - unmarked
    marked = anysize.mark(pair, cover, other, SIZE)
    assert torch.equal((anysize.read(pair, marked, SIZE) > 0).float(), other)


@pytest.mark.parametrize("shape", [(31, 400), (400, 31), (8, 8)])
def test_a_picture_smaller_than_the_network_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(BadInput, match=rf"{shape[1]}×{shape[0]} pixels are too few.*32"):
        anysize.mark(carrier(), tensor(photograph(*shape)), random_code(0), SIZE)


@pytest.mark.parametrize("level", [0, 127, 255])
def test_one_flat_colour_is_refused(level: int) -> None:
    flat = np.full((60, 60, 3), level, np.uint8)
    file = io.BytesIO()
    Image.fromarray(flat).save(file, "JPEG", quality=60)
    for pixels in (flat, np.asarray(Image.open(file))):
        with pytest.raises(BadInput, match="one flat colour"):
            anysize.mark(carrier(), tensor(pixels), random_code(0), SIZE, 30)
    # One stroke on it, and it is a picture.
    stroke = flat.copy()
    stroke[10:20] = 90
    assert not torch.equal(anysize.mark(carrier(), tensor(stroke), random_code(0), SIZE), tensor(stroke))


def test_what_no_strength_can_reach_is_said() -> None:
    nearly_white = np.full((40, 40, 3), 255, np.uint8)
    nearly_white[:2] = 240
    brightens = Pair(Adds(0.02), nn.Identity())
    with pytest.raises(BadInput, match=r"20 dB cannot be reached in it, \d\d\.\d\d dB comes nearest"):
        anysize.mark(brightens, tensor(nearly_white), random_code(0), SIZE, 20)
    # A change of every value by one level is 48.13 dB, and nothing lies between that and none.
    grey = np.full((40, 40, 3), 100, np.uint8)
    grey[20:] = 104
    with pytest.raises(BadInput, match="60 dB cannot be reached"):
        anysize.mark(brightens, tensor(grey), random_code(0), SIZE, 60)
    assert anysize.psnr_of(tensor(grey), anysize.mark(brightens, tensor(grey), random_code(0), SIZE, 48)) < 48.2


@pytest.mark.parametrize(
    ("amount", "says"), [(0.0, "changes nothing"), (1e-4, "changes nothing"), (float("nan"), "no num")]
)
def test_a_model_without_effect_is_told(amount: float, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        anysize.mark(Pair(Adds(amount), nn.Identity()), tensor(photograph(40, 40)), random_code(0), SIZE)


@pytest.mark.parametrize(("height", "width"), [(256, 256), (300, 500), (40, 40), (33, 70), (1000, 777)])
def test_an_enlarged_change_is_given_back_by_squeezing(height: int, width: int) -> None:
    change = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(height))

    def lost(large: Tensor) -> float:
        # Pillow is how another program squeezes.
        channels = [Image.fromarray(plane.numpy(), mode="F") for plane in large[0]]
        small = [np.asarray(channel.resize((32, 32), Image.Resampling.BICUBIC)) for channel in channels]
        meant = change[0].numpy()
        return float(np.square(np.stack(small) - meant).mean() / np.square(meant).mean())

    large = enlarged(change, height, width)
    assert large.shape == (1, 3, height, width)
    assert lost(large) < 0.01
    plain = functional.interpolate(change, size=(height, width), mode="bicubic", align_corners=False)
    assert lost(plain) > 0.1


def test_a_change_of_the_pictures_own_size_stays_as_it_is() -> None:
    change = torch.randn(1, 3, 32, 32)
    assert enlarged(change, 32, 32) is change
