"""The three methods give the library's own bits, pixel for pixel and bit for bit."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from imwatermark.rivaGan import RivaWatermark
from library_bits import Pixels, faces, jpeg, library_marks, library_reads
from torch import Tensor, nn

from ftbench.parts.catalogue import Plugins

SIDES = [("dwt-dct", 256, 5), ("dwt-dct", 320, 3), ("dwt-dct", 325, 2), ("dwt-dct-svd", 256, 4)]
SIDES += [("dwt-dct-svd", 320, 2), ("dwt-dct-svd", 325, 1), ("rivagan", 256, 2), ("rivagan", 320, 1)]


def pair(plugins: Plugins, name: str, size: int, bits: int = 32) -> tuple[nn.Module, nn.Module]:
    encoder = plugins.find("encoder", name).record.load()(size=size, bits=bits)
    return encoder, plugins.find("decoder", name).record.load()(size=size, bits=bits)


def as_tensor(images: list[Pixels]) -> Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255


def as_pixels(images: Tensor) -> Pixels:
    scaled = images.permute(0, 2, 3, 1).numpy().astype(np.float64) * 255
    assert np.abs(scaled - scaled.round()).max() < 1e-4
    found: Pixels = scaled.round().astype(np.uint8)
    return found


def drawn(rows: int, bits: int, seed: int = 3) -> npt.NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, 2, (rows, bits))


@pytest.mark.parametrize(("name", "size", "count"), SIDES)
def test_marks_and_readings_are_the_librarys(plugins: Plugins, name: str, size: int, count: int) -> None:
    encoder, decoder = pair(plugins, name, size)
    covers, codes = faces(plugins, count, size), drawn(count, 32)
    given = as_tensor(covers).contiguous(memory_format=torch.channels_last)
    marked = as_pixels(encoder(given, torch.from_numpy(codes).float()))
    expected = np.stack([library_marks(cover, code.tolist(), name) for cover, code in zip(covers, codes, strict=True)])
    assert np.array_equal(marked, expected)
    # The mark is there: nothing above would notice a library that gave covers back.
    assert all((one != cover).mean() > 0.01 for one, cover in zip(marked, covers, strict=True))

    # Pictures that are read with errors; rivagan takes half a second for each.
    damaged = [jpeg(marked[0], 60)] if name == "rivagan" else [*(jpeg(one, 60) for one in marked), *covers]
    seen = [*marked, *damaged]
    read = decoder(as_tensor(seen)) > 0
    assert np.array_equal(read.numpy(), np.stack([library_reads(image, 32, name) for image in seen]))
    if name != "dwt-dct":
        assert (read[:count].numpy() == codes).mean() > 0.95


@pytest.mark.parametrize("name", ["dwt-dct", "dwt-dct-svd"])
def test_a_score_is_the_share_of_blocks_that_vote_for_a_bit(plugins: Plugins, name: str) -> None:
    (face,) = faces(plugins, 1, 256)
    image = jpeg(library_marks(face, drawn(1, 32)[0].tolist(), name), 70)
    # Read as a mark of 1024 bits, every block gives one: its vote.
    votes = library_reads(image, 1024, name)
    shares = np.array([votes[bit::32].mean() for bit in range(32)])
    assert len(set(shares.tolist())) > 2
    scores = pair(plugins, name, 256)[1](as_tensor([image]))[0].numpy()
    assert np.allclose(scores, 2 * shares - 254 / 255, atol=1e-6)


@pytest.mark.parametrize("name", ["dwt-dct", "dwt-dct-svd"])
def test_the_parameter_is_the_librarys_scale(plugins: Plugins, name: str) -> None:
    covers, codes = faces(plugins, 3, 256), torch.from_numpy(drawn(3, 32)).float()
    error, accuracy = {}, {}
    for scale in (12.0, 36.0, 60.0):
        encoder = plugins.find("encoder", name).record.load()(size=256, bits=32, scale=scale)
        decoder = plugins.find("decoder", name).record.load()(size=256, bits=32, scale=scale)
        marked = as_pixels(encoder(as_tensor(covers), codes))
        error[scale] = float(np.square(marked.astype(float) - np.stack(covers)).mean())
        damaged = as_tensor([jpeg(one, 75) for one in marked])
        accuracy[scale] = float(((decoder(damaged) > 0) == codes.bool()).float().mean())
    assert error[12.0] < error[36.0] < error[60.0]
    if name == "dwt-dct-svd":
        assert accuracy[60.0] >= accuracy[36.0] > accuracy[12.0] + 0.1


def test_as_many_bits_as_blocks(plugins: Plugins) -> None:
    encoder, decoder = pair(plugins, "dwt-dct-svd", 256, 1024)
    codes = torch.from_numpy(drawn(1, 1024)).float()
    read = decoder(encoder(as_tensor(faces(plugins, 1, 256)), codes)) > 0
    assert 0.9 < (read == codes.bool()).float().mean() <= 1


def test_colours_and_every_level_pass_unchanged() -> None:
    from ftbench_classical.networks import from_bgr, to_bgr

    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    rgb = np.stack([levels, levels[::-1], levels.T], axis=-1)
    bgr = to_bgr(as_tensor([rgb]))
    assert np.array_equal(bgr[0], cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    back = from_bgr(bgr, torch.zeros(1))
    assert torch.equal(back, as_tensor([rgb]))
    assert np.array_equal(to_bgr(as_tensor([rgb]) + 0.4 / 255), bgr)


def test_threads_are_torchs_and_the_library_is_left_as_it_was(plugins: Plugins) -> None:
    from ftbench_classical import library

    asked = torch.get_num_threads()
    sessions = (RivaWatermark.encoder, RivaWatermark.decoder)
    library._session.cache_clear()
    cv2.setNumThreads(2)
    try:
        torch.set_num_threads(1)
        image = as_tensor(faces(plugins, 1, 256))
        one = pair(plugins, "rivagan", 256)[1](image)
        pair(plugins, "dwt-dct", 256)[1](image)
        assert cv2.getNumThreads() == 1
        assert library._session("decoder", 1).get_session_options().intra_op_num_threads == 1
        assert library._session.cache_info().currsize == 1
        torch.set_num_threads(2)
        assert torch.equal(pair(plugins, "rivagan", 256)[1](image), one)
        assert library._session("decoder", 2).get_session_options().intra_op_num_threads == 2
    finally:
        torch.set_num_threads(asked)
    assert (RivaWatermark.encoder, RivaWatermark.decoder) == sessions
