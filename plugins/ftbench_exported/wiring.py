"""Which input of a network takes what: found by name and shape, with a sentence for everything that does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ftbench_exported.description import Description, Port
from ftbench_exported.files import Unusable
from ftbench_exported.runtime import Array

FLOATS = ("float16", "float32", "float64")
WHOLE = ("int64", "int32", "int16", "int8", "uint8", "bool")


@dataclass(frozen=True)
class Wiring:
    """A network that fits what it is to do."""

    image: Port
    output: Port
    side: int
    """Pixels of the square images that it is given."""
    batch: int | None
    """Images that it insists on at once; None: any number."""


def wire(
    network: Description,
    *,
    size: int,
    resize_to: int,
    image: str,
    output: str,
    layout: str,
    byte: bool,
    other: Mapping[str, str],
    each: Sequence[str],
) -> Wiring:
    """Find image input and output; raise Unusable unless every input of ``network`` is given something.

    Args:
        network: what was found in the file.
        size: side of the benchmark's images.
        resize_to: side that images are resized to; 0: they are not.
        image: the name given for the image input, or ``""``.
        output: the same for the output.
        layout: ``nchw`` or ``nhwc``.
        byte: the input's range is that of bytes.
        other: the parameter that names each other input that is given something, by that input's name.
        each: those of ``other`` with a row an image.
    """
    for name, parameter in other.items():
        port_named(network, name, parameter)
    port = _image_input(network, image, other)
    left = [one.name for one in network.inputs if one.name != port.name and one.name not in other]
    if left:
        raise Unusable(
            f"{network.file!r} has further inputs that nothing is given to: {_listed(left)}; name them under constants"
        )
    if port.dtype not in (*FLOATS, "uint8"):
        raise Unusable(f"input {port} of {network.file!r} takes {port.dtype}, which no image is given as")
    if port.dtype == "uint8" and not byte:
        raise Unusable(f"input {port} of {network.file!r} takes bytes; write input_range: byte")
    side = image_side(network, port, layout, size=size, resize_to=resize_to)
    batches = {named.dims[0] for named in (port, *(port_named(network, name, "") for name in each)) if named.dims}
    fixed = {number for number in batches if number is not None}
    if len(fixed) > 1:
        raise Unusable(f"inputs of {network.file!r} want {_listed(fixed)} rows at once; export it with one batch size")
    return Wiring(port, _output(network, output), side, next(iter(fixed), None))


def port_named(network: Description, name: str, parameter: str) -> Port:
    """The input of a name; raises Unusable with those that there are."""
    for port in network.inputs:
        if port.name == name:
            return port
    there = _listed(port.name for port in network.inputs)
    raise Unusable(f"{parameter}: {network.file!r} has no input {name!r}; it has {there}")


def image_side(network: Description, port: Port, layout: str, *, size: int, resize_to: int) -> int:
    """The side that an image input takes, of a benchmark of ``size``; raises Unusable."""
    height, width = _image_dims(network, "input", port, layout)
    fixed = height or width
    if fixed and resize_to and fixed != resize_to:
        raise Unusable(f"{network.file!r} takes images of {fixed} px, not of {resize_to}; write resize_to: {fixed}")
    if fixed and not resize_to and fixed != size:
        raise Unusable(
            f"{network.file!r} takes images of {fixed} px and the benchmark's have {size}; write resize_to: {fixed}"
        )
    return resize_to or size


def check_image_output(network: Description, port: Port, layout: str, side: int, resizes: bool) -> None:
    """Raise Unusable unless ``port`` gives images that can be used, of ``side`` px unless they are resized."""
    height, width = _image_dims(network, "output", port, layout)
    given = height or width
    if given and given != side and not resizes:
        raise Unusable(
            f"{network.file!r} gives images of {given} px for those of {side}; "
            f"write resize_to: {side} and what it gives is resized"
        )


def check_row(network: Description, port: Port, kind: Literal["input", "output"], bits: int) -> None:
    """Raise Unusable unless ``port`` is of ``bits`` numbers an image."""
    if len(port.dims) != 2:
        raise Unusable(f"{kind} {port} of {network.file!r} is not a row of bits an image (b, n)")
    if port.dims[1] not in (None, bits):
        raise Unusable(f"{network.file!r} is made for {port.dims[1]} bits and the code has {bits}")
    if port.dtype not in (*FLOATS, *WHOLE):
        raise Unusable(f"{kind} {port} of {network.file!r} is of {port.dtype}, which bits are not written as")


def row_input(network: Description, name: str, taken: Iterable[str]) -> str:
    """Name of the input for the code: the one named, or the only one of two dimensions; raises Unusable."""
    if name:
        return name
    rows = [port.name for port in network.inputs if len(port.dims) == 2 and port.name not in set(taken)]
    if len(rows) != 1:
        found = _listed(rows) if rows else "none"
        raise Unusable(f"{network.file!r} has no single input of two dimensions, but {found}; name one: message_input")
    return rows[0]


def constant(network: Description, name: str, value: float | list[float]) -> Callable[[int], Array]:
    """What makes an input's array for a number of images: ``value`` in the shape that it takes; raises Unusable."""
    port = port_named(network, name, "constants")
    if port.dtype not in (*FLOATS, *WHOLE):
        raise Unusable(f"input {port} of {network.file!r} is of {port.dtype}, which no constant can be")
    numbers = np.asarray(value, dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise Unusable(f"constants: {name} is not finite")
    if port.dtype in WHOLE and (numbers != numbers.round()).any():
        raise Unusable(f"input {port} of {network.file!r} takes whole numbers, and constants gives {value}")
    return filled(network, port, numbers.astype(port.dtype))


def filled(network: Description, port: Port, value: Array) -> Callable[[int], Array]:
    """What makes ``value`` fill ``port`` for a number of images, an open first dimension being theirs."""
    sides: list[int | None] = [None] * len(port.dims) + list(value.shape)
    own = sides[len(sides) - len(port.dims) :]
    dims = [*port.dims[:1], *(mine if dim is None else dim for dim, mine in zip(port.dims[1:], own[1:], strict=True))]
    if None in dims[1:]:
        raise Unusable(f"input {port} of {network.file!r} has an open dimension that a constant cannot fill")

    def make(count: int) -> Array:
        shape = tuple(count if dim is None else dim for dim in dims)
        return np.ascontiguousarray(np.broadcast_to(value, shape))

    try:
        make(1)
    except ValueError:
        raise Unusable(f"input {port} of {network.file!r} cannot be filled with an array of {value.shape}") from None
    return make


def _image_input(network: Description, name: str, other: Iterable[str]) -> Port:
    if name:
        return port_named(network, name, "input")
    taken = set(other)
    images = [port for port in network.inputs if len(port.dims) == 4 and port.name not in taken]
    if len(images) != 1:
        there = _listed(map(str, network.inputs)) or "none"
        raise Unusable(f"{network.file!r} has no single image input; its inputs are {there}; name one: input")
    return images[0]


def _output(network: Description, name: str) -> Port:
    there = [port.name for port in network.outputs]
    if name and name not in there:
        raise Unusable(f"output: {network.file!r} has no output {name!r}; it has {_listed(there)}")
    if not name and len(there) != 1:
        raise Unusable(f"{network.file!r} has outputs {_listed(there)}; name one: output")
    return next(port for port in network.outputs if port.name == (name or there[0]))


def _image_dims(
    network: Description, kind: Literal["input", "output"], port: Port, layout: str
) -> tuple[int | None, int | None]:
    if len(port.dims) != 4:
        raise Unusable(f"{kind} {port} of {network.file!r} is no image: it has {len(port.dims)} dimensions, not 4")
    last = layout == "nhwc"
    channels, (height, width) = port.dims[3 if last else 1], port.dims[1:3] if last else port.dims[2:4]
    if channels not in (None, 3):
        other = port.dims[1 if last else 3] == 3
        key = "layout" if kind == "input" else "output_layout"
        hint = f"; write {key}: {'nchw' if last else 'nhwc'}" if other else "; images have 3"
        raise Unusable(f"{kind} {port} of {network.file!r} has {channels} channels{hint}")
    if height and width and height != width:
        raise Unusable(f"{kind} {port} of {network.file!r} is {height}×{width} px, and images are square")
    return height, width


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(map(str, names))
