"""Exported encoders and decoders against the networks that they were exported from."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from exported_nets import BITS, Exports
from onnx import TensorProto, helper
from PIL import Image
from torch import Tensor

from benchmarks.recipes.graph import save, value
from ftbench.pipeline.stages import Pair
from ftbench_exported.networks import ExportedDecoder, ExportedEncoder


def covers(count: int, size: int) -> Tensor:
    # Away from black and white, where a residual would be clipped.
    return 0.2 + 0.6 * torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(3))


def codes(count: int, bits: int = BITS) -> Tensor:
    return torch.randint(2, (count, bits), generator=torch.Generator().manual_seed(4)).float()


def encoder(file: Path, size: int, bits: int = BITS, **parameters: Any) -> ExportedEncoder:
    return ExportedEncoder(size=size, bits=bits, model=str(file), **parameters)


def decoder(file: Path, size: int, bits: int = BITS, **parameters: Any) -> ExportedDecoder:
    return ExportedDecoder(size=size, bits=bits, model=str(file), **parameters)


def pillow_resize(image: Tensor, size: int) -> Tensor:
    """Bicubic without aliasing by another library, in float."""
    planes = [
        [np.asarray(Image.fromarray(plane, "F").resize((size, size), Image.Resampling.BICUBIC)) for plane in one]
        for one in image.numpy()
    ]
    return torch.from_numpy(np.array(planes))


@torch.no_grad()
@pytest.mark.parametrize("size", [32, 45])
def test_a_residual_is_added_to_the_cover(exports: Exports, size: int) -> None:
    cover, code = covers(3, size), codes(3)
    marked = encoder(exports.writes, size, message="signed", result="residual")(cover, code)
    expected = cover + exports.writer(cover, 2 * code - 1)
    assert torch.allclose(marked, expected, atol=1e-6)
    assert (marked - cover).abs().mean() > 0.005
    other = encoder(exports.writes, size, message="bits", result="residual")(cover, code)
    assert torch.allclose(other, cover + exports.writer(cover, code), atol=1e-6)
    assert not torch.allclose(other, marked, atol=1e-3)


@torch.no_grad()
def test_a_residual_of_another_range_is_in_its_units(exports: Exports) -> None:
    cover, code = covers(2, 32), codes(2)
    marked = encoder(exports.writes, 32, result="residual", input_range="signed")(cover, code)
    assert torch.allclose(marked, cover + exports.writer(2 * cover - 1, code) / 2, atol=1e-6)


@torch.no_grad()
def test_a_marked_image_is_given_as_it_is(exports: Exports) -> None:
    cover, code = covers(2, 32), codes(2)
    marked = encoder(exports.writes, 32, input_range="signed", output_range="signed")(cover, code)
    assert torch.allclose(marked, (exports.writer(2 * cover - 1, code) + 1) / 2, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("result", ["residual", "marked"])
def test_at_another_size_the_change_is_brought_back_and_the_cover_keeps_its_detail(
    exports: Exports, result: str
) -> None:
    cover, code = covers(2, 64), codes(2)
    marked = encoder(exports.writes, 64, result=result, resize_to=32, resampling="bicubic")(cover, code)
    shown = pillow_resize(cover, 32)
    given = exports.writer(shown, code)
    change = given if result == "residual" else given - shown
    assert torch.allclose(marked, (cover + pillow_resize(change, 64)).clamp(0, 1), atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("size", [32, 45])
def test_logits_are_the_original_s(exports: Exports, size: int) -> None:
    image = covers(4, size)
    assert torch.allclose(decoder(exports.reads, size)(image), exports.reader(image), atol=1e-5)


@torch.no_grad()
def test_a_decoder_of_another_size_and_range(exports: Exports) -> None:
    image = covers(2, 64)
    logits = decoder(exports.reads, 64, input_range="signed", resize_to=40, resampling="bicubic")(image)
    assert torch.allclose(logits, exports.reader(2 * pillow_resize(image, 40) - 1), atol=1e-4)


def corner_reader(path: Path, operator: str, batch: int | str = "b") -> Path:
    """Each bit from the red of one pixel of the first row, through ``operator``."""
    nodes = [
        helper.make_node("Slice", ["x", "start", "stop", "axes"], ["corner"]),
        helper.make_node("Reshape", ["corner", "shape"], ["row"]),
        helper.make_node(operator, ["row"], ["y"]),
    ]
    weights = {
        "start": np.array([0, 0, 0]),
        "stop": np.array([1, 1, 4]),
        "axes": np.array([1, 2, 3]),
        "shape": np.array([-1, 4]),
    }
    return save(path, nodes, [value("x", (batch, 3, 16, 16))], [value("y", (batch, 4))], weights)


@pytest.mark.parametrize("batch", ["b", 1, 2])
def test_what_a_decoder_gives_becomes_logits(tmp_path: Path, batch: int | str) -> None:
    image = torch.zeros(3, 3, 16, 16)
    image[:, 0, 0, :4] = torch.tensor([0.0, 0.25, 0.75, 1.0])
    file = corner_reader(tmp_path / "corner.onnx", "Identity", batch)
    row = torch.tensor([0.0, 0.25, 0.75, 1.0]).expand(3, 4)
    assert torch.equal(decoder(file, 16, 4)(image), row)
    assert torch.equal(decoder(file, 16, 4, result="signed")(image), row)
    assert torch.equal(decoder(file, 16, 4, result="bits")(image), 2 * row - 1)
    logits = decoder(file, 16, 4, result="probabilities")(image)
    assert torch.isfinite(logits).all()
    # The definition: ln p / (1 - p), far out at the ends.
    assert torch.allclose(logits[:, 1:3], torch.tensor([-1.0986123, 1.0986123]).expand(3, 2), atol=1e-6)
    assert (logits[:, 0] < -10).all()
    assert (logits[:, 3] > 10).all()


def test_numbers_that_are_none_stay_so(tmp_path: Path) -> None:
    image = torch.full((2, 3, 16, 16), 0.5)
    image[1] = 0
    # The logarithm of less than nothing.
    file = corner_reader(tmp_path / "log.onnx", "Log")
    for result in ("logits", "probabilities", "bits", "signed"):
        logits = decoder(file, 16, 4, result=result, input_range="signed")(image)
        assert not torch.isfinite(logits[1]).any() or result == "probabilities"
        assert torch.isnan(logits[1]).all()


@pytest.mark.parametrize(
    ("kind", "scale"), [(TensorProto.INT64, 0.1), (TensorProto.BOOL, 0.1), (TensorProto.FLOAT16, 0.1)]
)
def test_a_code_in_the_kind_of_number_that_the_network_takes(tmp_path: Path, kind: int, scale: float) -> None:
    # The first bit darkens the whole image.
    nodes = [
        helper.make_node("Cast", ["code"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["real", "start", "stop", "axes"], ["first"]),
        helper.make_node("Reshape", ["first", "shape"], ["level"]),
        helper.make_node("Mul", ["level", "scale"], ["dark"]),
        helper.make_node("Sub", ["x", "dark"], ["y"]),
    ]
    weights = {
        **{"start": np.array([0]), "stop": np.array([1]), "axes": np.array([1])},
        **{"shape": np.array([-1, 1, 1, 1]), "scale": np.array(scale, np.float32)},
    }
    pixels = ("b", 3, 16, 16)
    file = save(
        tmp_path / "w.onnx", nodes, [value("x", pixels), value("code", ("b", 4), kind)], [value("y", pixels)], weights
    )
    cover, code = covers(4, 16), codes(4, 4)
    assert 0 < code[:, 0].sum() < 4
    marked = encoder(file, 16, 4)(cover, code)
    assert torch.allclose(marked, cover - scale * code[:, 0, None, None, None], atol=1e-6)


def test_a_pair_of_both_needs_no_training_and_keeps_no_weights(exports: Exports) -> None:
    pair = Pair(
        encoder(exports.writes, 32, message="signed", result="residual"),
        decoder(exports.reads, 32),
    )
    cover, code = covers(4, 32), codes(4)
    marked = pair.mark(cover, code, psnr=30.0)
    error = (marked - cover).square().mean(dim=(1, 2, 3))
    assert torch.allclose(-10 * error.log10(), torch.full((4,), 30.0), atol=0.05)
    assert pair.read(marked).shape == (4, BITS)
    assert not pair.state_dict()
    again = copy.deepcopy(pair)
    assert torch.equal(again.mark(cover, code), pair.mark(cover, code))
