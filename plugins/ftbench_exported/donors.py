"""The face that is put in, as the network wants it: a recogniser's vector, or a picture."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ftbench_exported.description import Description, Port, describe
from ftbench_exported.files import Unusable, checked
from ftbench_exported.framing import Cut, cut_out
from ftbench_exported.pixels import pixels
from ftbench_exported.recipes import LENGTH, RECIPES, Picture, Vector
from ftbench_exported.runtime import Array, Runner
from ftbench_exported.wiring import FLOATS, Wiring, port_named, wire

RECOGNISED = ("arcface-112", 112)
"""Recognisers of the ArcFace family look at this; ``insightface: model_zoo/arcface_onnx.py``."""


class DonorVector:
    """``(donor (b,3,s,s) in [0,1], its way) -> rows (b, 512)`` for the swapper.

    Raises Unusable where a file cannot be used so.
    """

    def __init__(self, vector: Vector, port: Port, p: Mapping[str, Any]) -> None:
        self.dtype, self.vector, self.cut = port.dtype, vector, Cut(*RECOGNISED, p["framing"] == "landmarks")
        wiring = recogniser(Path(p["recogniser"]))
        self.image, self.seen = wiring.image, pixels("signed", None, None, colours="rgb", layout="nchw")
        self.runner = Runner(Path(p["recogniser"]), (wiring.output.name,), wiring.batch)
        self.matrix = _matrix(Path(p["model"])) if vector.matrix else None
        self.convert, self.converted = None, ""
        if p["converter"]:
            port, output = converter(Path(p["converter"]))
            self.convert, self.converted = Runner(Path(p["converter"]), (output.name,), port.dims[0]), port.name

    def __call__(self, donor: Tensor, points: Tensor | None, *, threads: int, cuda: int | None) -> Array:
        """Vectors (b, 512), of the kind that the swapper takes."""
        face = cut_out(donor.float(), self.cut.way(donor.shape[-1], points), self.cut.side)
        shown = self.seen.write(face, self.image.dtype)
        (rows,) = self.runner({self.image.name: shown}, {}, threads=threads, cuda=cuda)
        if self.convert:
            (rows,) = self.convert({self.converted: rows.astype(np.float32)}, {}, threads=threads, cuda=cuda)
        rows = rows.astype(np.float32)
        if self.vector.unit:
            rows = _unit(rows)
        rows = rows if self.matrix is None else _unit(rows @ self.matrix)
        return rows.astype(self.dtype)


class DonorPicture:
    """``(donor (b,3,s,s) in [0,1], its way) -> the donor's face (b,3,side,side)`` as the swapper reads it."""

    def __init__(self, picture: Picture, port: Port, p: Mapping[str, Any]) -> None:
        self.cut, self.dtype = Cut(picture.template, picture.side, p["framing"] == "landmarks"), port.dtype
        self.seen = pixels(picture.range, None, None, colours="rgb", layout="nchw")

    def __call__(self, donor: Tensor, points: Tensor | None, *, threads: int, cuda: int | None) -> Array:
        """The pictures, in the network's range."""
        face = cut_out(donor.float(), self.cut.way(donor.shape[-1], points), self.cut.side)
        return self.seen.write(face.clamp(0, 1), self.dtype)


def donor_maker(network: Description, p: Mapping[str, Any]) -> DonorVector | DonorPicture | None:
    """What makes the donor's rows for a recipe that puts a face in; None for any other use."""
    source = RECIPES[p["recipe"]].source if p["recipe"] else None
    if source is None:
        return None
    port = port_named(network, p["source_input"], "")
    return DonorVector(source, port, p) if isinstance(source, Vector) else DonorPicture(source, port, p)


def recogniser(file: Path) -> Wiring:
    """The wiring of a recogniser's file; raises Unusable."""
    network, side = describe(file), RECOGNISED[1]
    more: dict[str, Any] = {"layout": "nchw", "byte": False, "other": {}, "each": []}
    wiring = wire(network, size=side, resize_to=side, image="", output="", **more)
    _check_length(network, wiring.output, "recogniser")
    return wiring


def converter(file: Path) -> tuple[Port, Port]:
    """Input and output of a converter's file; raises Unusable."""
    network = describe(file)
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise Unusable(f"converter: {network.file!r} has not one input and one output, so it converts no vector")
    _check_length(network, network.inputs[0], "converter")
    _check_length(network, network.outputs[0], "converter")
    return network.inputs[0], network.outputs[0]


def check_matrix(file: Path) -> None:
    """Raise Unusable unless the last weights of a file can be multiplied with a vector."""
    _matrix(file)


def _check_length(network: Description, port: Port, parameter: str) -> None:
    if len(port.dims) != 2 or port.dims[1] not in (None, LENGTH) or port.dtype not in FLOATS:
        raise Unusable(f"{parameter}: {network.file!r} works with {port}, and a face's vector has {LENGTH} numbers")


def _unit(rows: Array) -> Array:
    unit: Array = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


def _matrix(file: Path) -> Array:
    state = file.stat()
    return _read_matrix(file, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=4)
def _read_matrix(file: Path, changed: int, size: int) -> Array:
    import onnx
    from onnx import numpy_helper

    weights = onnx.ModelProto.FromString(checked(file)).graph.initializer
    shape = tuple(weights[-1].dims) if weights else ()
    if shape != (LENGTH, LENGTH):
        found = "×".join(map(str, shape)) or "none"
        raise Unusable(
            f"the last weights of {file.name!r} are {found}, where its recipe has a matrix of {LENGTH}×{LENGTH} that a "
            "vector is multiplied with; take the file as its authors publish it, not simplified"
        )
    matrix: Array = numpy_helper.to_array(weights[-1]).astype(np.float32)
    return matrix
