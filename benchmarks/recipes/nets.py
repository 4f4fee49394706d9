"""Networks of the signatures that recipes name, written node by node: small, but what they do can be seen.

A swapper brings the colours of its face half of the way to a colour that its source tells: of a vector three fixed sums
of its numbers, of a picture its mean. An enhancer sharpens. None of them has anything of the published networks but
names, shapes and ranges of what goes in and comes out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from benchmarks.recipes.graph import FLOAT, save, value
from ftbench_exported.pixels import RANGES
from ftbench_exported.recipes import LENGTH, RECIPES, Picture, Vector
from ftbench_exported.runtime import Array


def colours_of(length: int = LENGTH) -> Array:
    """What a vector of a face says of its colour: (length, 3)."""
    return np.random.default_rng(5).normal(0, 0.6, (length, 3)).astype(np.float32)


def matrix() -> Array:
    """A well-behaved matrix: a rotation of vectors."""
    turned: Array = np.linalg.qr(np.random.default_rng(6).normal(size=(LENGTH, LENGTH)))[0].astype(np.float32)
    return turned


def swapper(path: Path, recipe: str, *, batch: int | str = 1, mask: bool = False, kind: int = FLOAT) -> Path:
    """A network of a swap's signature; ``mask``: a second output that lets the middle alone through."""
    one = RECIPES[recipe]
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    pixels = (batch, 3, one.side, one.side)
    weights: dict[str, Array] = {"half": np.array(0.5)}
    if isinstance(one.source, Picture):
        source = value("source", (batch, 3, one.source.side, one.source.side), kind)
        nodes = [helper.make_node("ReduceMean", ["source"], ["wanted"], axes=[2, 3], keepdims=1)]
    else:
        source = value("source", (batch, LENGTH), kind)
        weights |= {"colours": colours_of()}
        nodes = [
            helper.make_node("MatMul", ["source", "colours"], ["row"]),
            helper.make_node("Sigmoid", ["row"], ["share"]),
            helper.make_node("Unsqueeze", ["share", "axes"], ["wanted"]),
        ]
    colour, shown = "wanted", "target"
    if one.gives == "signed":
        weights |= {"two": np.array(2), "minus": np.array(-1)}
        nodes += [
            helper.make_node("Mul", ["wanted", "two"], ["doubled"]),
            helper.make_node("Add", ["doubled", "minus"], ["colour"]),
        ]
        colour = "colour"
    if one.takes == "imagenet":
        mean, std = RANGES["imagenet"]
        weights |= {"std": np.array(std)[:, None, None], "mean": np.array(mean)[:, None, None]}
        nodes += [
            helper.make_node("Mul", ["target", "std"], ["wide"]),
            helper.make_node("Add", ["wide", "mean"], ["seen"]),
        ]
        shown = "seen"
    nodes += [
        helper.make_node("Add", [shown, colour], ["sum"]),
        helper.make_node("Mul", ["sum", "half"], ["output"]),
    ]
    outputs = [value("output", pixels, kind)]
    if mask:
        middle = np.zeros((1, 1, one.side, one.side))
        middle[..., one.side // 4 : -one.side // 4, one.side // 4 : -one.side // 4] = 1
        weights |= {"middle": middle, "zero": np.array(0)}
        nodes += [
            helper.make_node("ReduceMean", ["target"], ["grey"], axes=[1], keepdims=1),
            helper.make_node("Mul", ["grey", "zero"], ["black"]),
            helper.make_node("Add", ["black", "middle"], ["mask"]),
        ]
        outputs.append(value("mask", (batch, 1, one.side, one.side), kind))
    arrays = {name: array.astype(dtype) for name, array in weights.items()}
    if isinstance(one.source, Vector):
        arrays["axes"] = np.array([2, 3])
        if one.source.matrix:
            # The last weights, as in the published file: the network itself has no use for them.
            arrays["emap"] = matrix().astype(dtype)
    return save(path, nodes, [value("target", pixels, kind), source], outputs, arrays)


def recogniser(path: Path, length: int = LENGTH, batch: int | str = 1) -> Path:
    """A vector from a face's mean over a grid of patches; unlike faces, unlike vectors."""
    weights: dict[str, Array] = {
        "project": np.random.default_rng(7).normal(0, 0.2, (3 * 7 * 7, length)).astype(np.float32),
        "flat": np.array([-1, 3 * 7 * 7]),
    }
    nodes = [
        helper.make_node("AveragePool", ["input.1"], ["patches"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Reshape", ["patches", "flat"], ["row"]),
        helper.make_node("MatMul", ["row", "project"], ["683"]),
    ]
    return save(path, nodes, [value("input.1", (batch, 3, 112, 112))], [value("683", (batch, length))], weights)


def converter(path: Path, length: int = LENGTH) -> Path:
    """Turns a vector round."""
    node = helper.make_node("Neg", ["input"], ["output"])
    return save(path, [node], [value("input", (1, length))], [value("output", (1, length))])


def enhancer(path: Path, recipe: str = "gfpgan") -> Path:
    """Adds what a blur of three pixels takes away; CodeFormer's ``weight`` says how much."""
    side = RECIPES[recipe].side
    kernel = np.zeros((3, 1, 3, 3), np.float32)
    kernel[:, :, 1, 1] = 1
    kernel -= 1 / 9
    weights: dict[str, Any] = {"kernel": kernel, "low": np.float32(-1), "high": np.float32(1)}
    inputs = [value("input", (1, 3, side, side))]
    detail = "detail"
    nodes = [helper.make_node("Conv", ["input", "kernel"], ["detail"], pads=[1, 1, 1, 1], group=3)]
    if recipe == "codeformer":
        inputs.append(value("weight", (1,), TensorProto.DOUBLE))
        nodes += [
            helper.make_node("Cast", ["weight"], ["strength"], to=FLOAT),
            helper.make_node("Mul", ["detail", "strength"], ["some"]),
        ]
        detail = "some"
    nodes += [
        helper.make_node("Add", ["input", detail], ["sharp"]),
        helper.make_node("Clip", ["sharp", "low", "high"], ["output"]),
    ]
    return save(path, nodes, inputs, [value("output", (1, 3, side, side))], weights)
