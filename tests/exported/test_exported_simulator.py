"""Exported simulators against the networks that they were exported from, and against other libraries."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from exported_nets import Exports, as_tensorflow_does, blend, one_node
from onnx import TensorProto, helper
from PIL import Image
from scipy import ndimage
from torch import Tensor

from benchmarks.recipes.graph import save, value
from ftbench_exported.networks import ExportedSimulator

WHO = {"identity": torch.tensor([0, 1])}


def faces(count: int, size: int, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def run(model: Path, image: Tensor, inputs: dict[str, Tensor] | None = None, **parameters: Any) -> Tensor:
    network = ExportedSimulator(size=image.shape[-1], model=str(model), **parameters)
    return network(image, WHO if inputs is None else inputs)


def pillow_resize(image: Tensor, size: int) -> Tensor:
    """Bilinear without aliasing by another library, in float."""
    planes = [
        [np.asarray(Image.fromarray(plane, "F").resize((size, size), Image.Resampling.BILINEAR)) for plane in one]
        for one in image.numpy()
    ]
    return torch.from_numpy(np.array(planes))


@torch.no_grad()
@pytest.mark.parametrize("size", [16, 33, 64])
def test_the_fake_is_the_original_network_s_at_any_size_and_count(exports: Exports, size: int) -> None:
    image = faces(5, size)
    expected = (exports.editor(2 * image - 1) + 1) / 2
    fake = run(exports.open_size, image, input_range="signed")
    assert fake.dtype == torch.float32
    assert torch.allclose(fake, expected, atol=1e-5)
    assert (fake - image).abs().mean() > 0.02, "an editor that changes nothing would prove nothing"


@torch.no_grad()
@pytest.mark.parametrize(
    ("parameters", "mean", "std", "low", "high"),
    [
        ({}, 0.0, 1.0, 0.0, 1.0),
        ({"input_range": "byte", "output_range": "signed"}, 0.0, 1 / 255, -1.0, 1.0),
        (
            {"input_range": "imagenet", "output_range": "signed"},
            (0.485, 0.456, 0.406),
            (0.229, 0.224, 0.225),
            -1.0,
            1.0,
        ),
        ({"mean": [0.4, 0.5, 0.6], "std": [0.5, 1, 2], "output_range": "unit"}, (0.4, 0.5, 0.6), (0.5, 1, 2), 0.0, 1.0),
    ],
)
def test_ranges(exports: Exports, parameters: dict[str, Any], mean: Any, std: Any, low: float, high: float) -> None:
    image = faces(2, 24)
    columns = [torch.as_tensor(numbers).expand(3)[:, None, None] for numbers in (mean, std)]
    given = exports.editor((image - columns[0]) / columns[1])
    fake = run(exports.open_size, image, **parameters)
    assert torch.allclose(fake, ((given - low) / (high - low)).clamp(0, 1), atol=1e-5)


@torch.no_grad()
def test_mean_and_std_hold_for_the_output_too_unless_it_has_a_range(exports: Exports) -> None:
    image = faces(2, 24)
    given = exports.editor((image - 0.5) / 0.25)
    fake = run(exports.open_size, image, mean=[0.5, 0.5, 0.5], std=[0.25, 0.25, 0.25])
    assert torch.allclose(fake, given * 0.25 + 0.5, atol=1e-5)


@torch.no_grad()
def test_blue_first(exports: Exports) -> None:
    image = faces(2, 24)
    fake = run(exports.open_size, image, input_range="signed", colours="bgr")
    backwards = torch.stack([image[:, 2], image[:, 1], image[:, 0]], dim=1)
    given = (exports.editor(2 * backwards - 1) + 1) / 2
    assert torch.allclose(fake, torch.stack([given[:, 2], given[:, 1], given[:, 0]], dim=1), atol=1e-5)


@torch.no_grad()
def test_another_size_is_resized_there_and_back_and_a_fixed_batch_is_run_in_pieces(exports: Exports) -> None:
    image = faces(3, 32)
    fake = run(exports.fixed, image, input_range="signed", resize_to=48)
    enlarged = pillow_resize(image, 48)
    given = (exports.editor(2 * enlarged - 1) + 1) / 2
    assert fake.shape == image.shape
    assert torch.allclose(fake, pillow_resize(given, 32), atol=1e-4)


@pytest.mark.parametrize("count", [1, 4, 6])
def test_a_fixed_batch_of_four_takes_any_number(tmp_path: Path, count: int) -> None:
    image = faces(count, 16)
    fake = run(blend(tmp_path / "four.onnx", (4, 3, 16, 16)), image)
    assert torch.allclose(fake, image / 2 + 0.25, atol=1e-6)


@pytest.mark.parametrize("first", [True, False])
def test_a_network_of_bytes_channels_last_blue_first(tmp_path: Path, first: bool) -> None:
    kernel = np.random.default_rng(1).normal(0, 0.2, (3, 3, 3, 3)).astype(np.float32)
    kernel[range(3), range(3), 1, 1] += 0.8
    file = as_tensorflow_does(tmp_path / "tf.onnx", kernel, nhwc=first)
    image = (faces(2, 24) * 255).round() / 255
    layout = {"layout": "nhwc"} if first else {"layout": "nchw", "output_layout": "nhwc"}
    fake = run(file, image, input_range="byte", colours="bgr", **layout)

    blue_first = (image.numpy()[:, ::-1] * 255).round().astype(np.float64)
    expected = np.zeros_like(blue_first)
    for picture, out, channel in np.ndindex(2, 3, 3):
        expected[picture, out] += ndimage.correlate(blue_first[picture, channel], kernel[out, channel], mode="constant")
    expected = expected.clip(0, 255)[:, ::-1] / 255
    # A half may be rounded either way.
    assert np.abs(fake.numpy() - expected).max() < 0.51 / 255
    levels = fake.numpy() * 255
    assert np.abs(levels - levels.round()).max() < 1e-3


@pytest.mark.parametrize(("kind", "slack"), [(TensorProto.FLOAT16, 2e-3), (TensorProto.DOUBLE, 1e-6)])
def test_other_precisions(tmp_path: Path, kind: int, slack: float) -> None:
    image = faces(2, 16)
    fake = run(blend(tmp_path / "half.onnx", kind=kind), image)
    assert fake.dtype == torch.float32
    assert torch.allclose(fake, image / 2 + 0.25, atol=slack)


def test_images_of_any_precision_and_memory_layout_are_taken_and_left_alone(exports: Exports) -> None:
    image = faces(2, 24)
    network = ExportedSimulator(size=24, model=str(exports.open_size), input_range="signed")
    plain = network(image, WHO)
    last = image.clone().contiguous(memory_format=torch.channels_last).requires_grad_()
    assert torch.equal(network(last, WHO), plain)
    assert torch.equal(last, image)
    assert not network(last, WHO).requires_grad
    assert torch.equal(network(image.bfloat16(), WHO), network(image.bfloat16().float(), WHO))


def test_what_leaves_the_range_is_clamped_and_what_is_no_number_is_not_hidden(tmp_path: Path) -> None:
    image = faces(2, 16)
    assert torch.equal(run(one_node(tmp_path / "n.onnx", "Neg"), image), torch.zeros_like(image))
    assert torch.equal(run(one_node(tmp_path / "e.onnx", "Exp"), image), torch.ones_like(image))
    image[1, 0, 0, 0] = 0
    nodes = [helper.make_node("Div", ["x", "x"], ["one"]), helper.make_node("Mul", ["one", "x"], ["y"])]
    shape = ("b", 3, "h", "w")
    file = save(tmp_path / "nan.onnx", nodes, [value("x", shape)], [value("y", shape)])
    for more in ({}, {"resize_to": 24}):
        fake = run(file, image, **more)
        assert torch.isfinite(fake[0]).all()
        assert torch.isnan(fake[1]).any()


def test_copies_run_the_same_and_compiling_changes_nothing(exports: Exports) -> None:
    image = faces(2, 24)
    network = ExportedSimulator(size=24, model=str(exports.open_size))
    plain = network(image, WHO)
    copied, pickled = copy.deepcopy(network), pickle.loads(pickle.dumps(network))
    network.compile(mode="default")
    for other in (network, copied, pickled):
        assert torch.equal(other(image, WHO), plain)
    assert not list(network.parameters())


@pytest.mark.parametrize(
    ("kind", "shape", "given"),
    [
        (TensorProto.INT64, ("b",), [0.0, 1.0]),
        (TensorProto.INT32, ("b", 1), [0.0, 1.0]),
        (TensorProto.FLOAT, ("b", 3), [10.0, 20.0]),
    ],
)
def test_who_is_shown_reaches_the_network(tmp_path: Path, kind: int, shape: Any, given: list[float]) -> None:
    # An image of how much the input says: an index itself, or weights of ten, twenty and thirty of a one-hot.
    nodes = [helper.make_node("Cast", ["who"], ["real"], to=TensorProto.FLOAT)]
    people = 3 if shape[-1] == 3 else 1
    nodes += [
        helper.make_node("Reshape", ["real", "rows"], ["table"]),
        helper.make_node("MatMul", ["table", "weights"], ["said"]),
        helper.make_node("Reshape", ["said", "picture"], ["level"]),
        helper.make_node("Mul", ["x", "zero"], ["black"]),
        helper.make_node("Add", ["black", "level"], ["y"]),
    ]
    weights = {
        "rows": np.array([-1, people]),
        "weights": np.array([[10], [20], [30]] if people == 3 else [[1]], np.float32),
        "picture": np.array([-1, 1, 1, 1]),
        "zero": np.array(0, np.float32),
    }
    pixels = ("b", 3, "h", "w")
    file = save(
        tmp_path / "who.onnx", nodes, [value("x", pixels), value("who", shape, kind)], [value("y", pixels)], weights
    )
    fake = run(file, faces(2, 16), input_range="byte", identity_input="who")
    assert torch.allclose(fake[:, 0, 0, 0] * 255, torch.tensor(given), atol=1e-4)
    if people == 3:
        with pytest.raises(ValueError, match="knows 3 people, and the data has more"):
            run(file, faces(2, 16), {"identity": torch.tensor([0, 3])}, identity_input="who")


def strengthened(path: Path, batch: int | str) -> Path:
    """``strength · x + offset``, one offset a channel."""
    nodes = [
        helper.make_node("Unsqueeze", ["offset", "axes"], ["column"]),
        helper.make_node("Mul", ["x", "strength"], ["m"]),
        helper.make_node("Add", ["m", "column"], ["y"]),
    ]
    pixels = (batch, 3, 16, 16)
    inputs = [value("x", pixels), value("strength", ()), value("offset", (batch, 3))]
    return save(path, nodes, inputs, [value("y", pixels)], {"axes": np.array([2, 3])})


@pytest.mark.parametrize("batch", ["b", 1, 4])
def test_constants(tmp_path: Path, batch: int | str) -> None:
    image = faces(3, 16)
    file = strengthened(tmp_path / "s.onnx", batch)
    fake = run(file, image, constants={"strength": 0.5, "offset": [0.0, 0.1, 0.2]})
    assert torch.allclose(fake, image / 2 + torch.tensor([0.0, 0.1, 0.2])[:, None, None], atol=1e-6)


def pasting(path: Path, source: Any, reduce: bool) -> Path:
    """The mean of each channel of ``source``, or the three numbers themselves, halfway into ``x``."""
    nodes = [helper.make_node("ReduceMean", ["source"], ["tone"], axes=[2, 3], keepdims=1)] if reduce else []
    if not reduce:
        nodes = [helper.make_node("Unsqueeze", ["source", "axes"], ["tone"])]
    nodes += [helper.make_node("Add", ["x", "tone"], ["sum"]), helper.make_node("Mul", ["sum", "half"], ["y"])]
    pixels = ("b", 3, "h", "w")
    weights = {"half": np.array(0.5, np.float32)} | ({} if reduce else {"axes": np.array([2, 3])})
    return save(path, nodes, [value("x", pixels), value("source", source)], [value("y", pixels)], weights)


def test_a_photograph_of_the_face_to_be_pasted(tmp_path: Path) -> None:
    # Sideways by its EXIF, its square's left half red: upright, the top is; beside the square lies blue.
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :10, 2] = pixels[:, 50:, 2] = 255
    pixels[:, 10:30, 0] = 200
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "face.png", exif=exif)
    image = faces(2, 16)
    for source in ((1, 3, 20, 20), ("b", 3, "h", "w")):
        file = pasting(tmp_path / "paste.onnx", source, reduce=True)
        fake = run(file, image, source=str(tmp_path / "face.png"), source_input="source")
        tone = torch.tensor([100 / 255, 0, 0])[:, None, None]
        assert torch.allclose(fake, (image + tone) / 2, atol=0.01)
    signed = run(
        file, image, source=str(tmp_path / "face.png"), source_input="source", source_range="signed", colours="bgr"
    )
    blue_first = torch.tensor([-1, -1, 200 / 255 - 1])[:, None, None]
    expected = ((image.flip(1) + blue_first) / 2).clamp(0, 1).flip(1)
    assert torch.allclose(signed, expected, atol=0.01)


def test_a_vector_of_the_face_to_be_pasted(tmp_path: Path) -> None:
    np.save(tmp_path / "face.npy", np.array([[0.1, 0.2, 0.3]]))
    image = faces(3, 16)
    for source in ((1, 3), ("b", 3), ("b", "n")):
        file = pasting(tmp_path / "paste.onnx", source, reduce=False)
        fake = run(file, image, source=str(tmp_path / "face.npy"), source_input="source")
        assert torch.allclose(fake, (image + torch.tensor([0.1, 0.2, 0.3])[:, None, None]) / 2, atol=1e-6)


def test_a_network_that_fails_says_why_in_one_sentence(tmp_path: Path) -> None:
    pixels = ("b", 3, "h", "w")

    def reshaping(parts: list[int], times: list[int]) -> Path:
        nodes = [
            helper.make_node("Shape", ["x"], ["given"]),
            helper.make_node("Div", ["given", "parts"], ["divided"]),
            helper.make_node("Mul", ["divided", "times"], ["wanted"]),
            helper.make_node("Reshape", ["x", "wanted"], ["y"]),
        ]
        numbers = {"parts": np.array(parts), "times": np.array(times)}
        return save(tmp_path / "r.onnx", nodes, [value("x", pixels)], [value("y", pixels)], numbers)

    halves = reshaping([1, 1, 2, 2], [1, 1, 2, 2])
    assert torch.equal(run(halves, faces(2, 20)), faces(2, 20))
    with pytest.raises(ValueError, match=r"^'r.onnx' failed on x \(2, 3, 21, 21\): [^\n]*Reshape[^\n]*$"):
        run(halves, faces(2, 21))
    with pytest.raises(ValueError, match=r"gave \(2, 3, 32, 16\) for 4 images; it must give a row an image"):
        run(reshaping([2, 1, 1, 1], [1, 1, 2, 1]), faces(4, 16))
    with pytest.raises(ValueError, match=r"gave \(2, 3, 32, 8\), which are no square images of 3 channels"):
        run(reshaping([1, 1, 1, 2], [1, 1, 2, 1]), faces(2, 16))


def test_an_output_of_an_unforeseen_size_needs_leave_to_be_resized(tmp_path: Path) -> None:
    nodes = [helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="nearest")]
    pixels = ("b", 3, "h", "w")
    file = save(
        tmp_path / "twice.onnx",
        nodes,
        [value("x", pixels)],
        [value("y", ("b", 3, "H", "W"))],
        {"scales": np.array([1, 1, 2, 2], np.float32)},
    )
    image = faces(2, 16)
    with pytest.raises(ValueError, match="gave images of 32 px for those of 16; write resize_to: 16"):
        run(file, image)
    assert torch.allclose(run(file, image, resize_to=16, resampling="area"), image, atol=1e-6)
