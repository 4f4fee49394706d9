"""Networks to export: made in torch, and written node by node as another framework's exporter would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.recipes.graph import FLOAT, save, value

BITS = 8


@dataclass(frozen=True)
class Exports:
    """Original networks, and files of them."""

    editor: nn.Module
    writer: nn.Module
    reader: nn.Module
    open_size: Path
    """The editor for any number of images of any size."""
    fixed: Path
    """The editor for one image of 48 px."""
    beside: Path
    """The editor with its weights in a second file, as the exporter writes it unless told."""
    writes: Path
    reads: Path


class Editor(nn.Module):
    """A face editor as they are published: instance statistics, convolutions, tanh; images in [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 5, padding=2)
        self.style = nn.Linear(8, 8)
        self.up = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        maps = functional.leaky_relu(self.down(image), 0.2)
        gain = torch.sigmoid(self.style(maps.mean(dim=(2, 3))))[:, :, None, None]
        return torch.tanh(self.up(maps * gain) + image)


class Writer(nn.Module):
    """An encoder: the code of ±1 spread over planes, a bounded residual; images in [0, 1]."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.planes = nn.Linear(bits, 16 * 16)
        self.mix = nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, cover: Tensor, message: Tensor) -> Tensor:
        plane = self.planes(message).reshape(-1, 1, 16, 16)
        plane = functional.interpolate(plane, cover.shape[-2:], mode="nearest")
        return 0.05 * torch.tanh(self.mix(torch.cat([cover, plane], dim=1)))


class Reader(nn.Module):
    """A decoder: strided convolutions, a mean, a linear layer."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())
        self.line = nn.Linear(8, bits)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.line(self.convolutions(image).mean(dim=(2, 3)))
        return logits


def seeded(make: Any, *arguments: Any) -> Any:
    """A network with the same random weights every time, and the caller's random state left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return make(*arguments).eval()


def blend(path: Path, shape: Sequence[int | str] = ("b", 3, "h", "w"), kind: int = FLOAT) -> Path:
    """``0.5·x + 0.25`` in whatever range it is given; ``shape`` of input ``x`` and output ``y``."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    nodes = [helper.make_node("Mul", ["x", "half"], ["m"]), helper.make_node("Add", ["m", "quarter"], ["y"])]
    weights = {"half": np.array(0.5, dtype), "quarter": np.array(0.25, dtype)}
    return save(path, nodes, [value("x", shape, kind)], [value("y", shape, kind)], weights)


def one_node(
    path: Path,
    operator: str,
    shape: Sequence[int | str] = ("b", 3, "h", "w"),
    out: Sequence[int | str] = (),
    **more: Any,
) -> Path:
    """A network of one operator."""
    domain = more.get("domain", "")
    node = helper.make_node(operator, ["x"], ["y"], **more)
    return save(path, [node], [value("x", shape)], [value("y", out or shape)], domains=[domain] if domain else [])


def as_tensorflow_does(path: Path, kernel: np.ndarray, nhwc: bool = True) -> Path:
    """A 3×3 convolution on bytes, channels last, B G R: ``kernel`` (out, in, 3, 3) of those channels."""
    shape: list[int | str] = ["batch", 24, 24, 3] if nhwc else ["batch", 3, 24, 24]
    nodes = [
        helper.make_node("Cast", ["image"], ["real"], to=FLOAT),
        *([helper.make_node("Transpose", ["real"], ["first"], perm=[0, 3, 1, 2])] if nhwc else []),
        helper.make_node("Conv", ["first" if nhwc else "real", "kernel"], ["changed"], pads=[1, 1, 1, 1]),
        helper.make_node("Transpose", ["changed"], ["last"], perm=[0, 2, 3, 1]),
        helper.make_node("Clip", ["last", "low", "high"], ["clipped"]),
        helper.make_node("Round", ["clipped"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["edited"], to=TensorProto.UINT8),
    ]
    weights = {"kernel": kernel.astype(np.float32), "low": np.float32(0), "high": np.float32(255)}
    return save(
        path,
        nodes,
        [value("image", shape, TensorProto.UINT8)],
        [value("edited", ["batch", 24, 24, 3], TensorProto.UINT8)],
        {name: np.asarray(array) for name, array in weights.items()},
    )
