"""Loops of an ONNX network that cannot come to an end in any time worth waiting for, found without running it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_TURNS = 10_000_000
"""Turns of a loop, those of the loops around it counted: more than one for each pixel of any image."""


def turns(model: Any) -> int:
    """Most turns that any loop of the model is written to take; loops that may stop early are not counted.

    A loop whose number of turns, or whose condition, is worked out while it runs can take any number.
    """
    known = dict(_constants(model))
    return max(_turns(model, known, 1), default=0)


def _turns(message: Any, known: Mapping[str, int], around: int) -> Iterator[int]:
    import onnx

    for inner in _below(message):
        count = around
        if isinstance(inner, onnx.NodeProto) and inner.op_type == "Loop" and not inner.domain:
            written = known.get(inner.input[0]) if inner.input else None
            if written is not None and _goes_through(inner, known):
                count = around * max(written, 0)
                yield count
        yield from _turns(inner, known, count)


def _goes_through(loop: Any, known: Mapping[str, int]) -> bool:
    """Whether a loop takes all its turns: its body hands the condition on as it came, or as a constant yes."""
    body = next(attribute.g for attribute in loop.attribute if attribute.name == "body")
    begins = loop.input[1] if len(loop.input) > 1 else ""
    if begins and not known.get(begins):
        return False
    passed = {node.output[0]: node.input[0] for node in body.node if node.op_type == "Identity"}
    name = body.output[0].name
    while name in passed:
        name = passed[name]
    return bool(name == body.input[1].name or known.get(name))


def _constants(message: Any) -> Iterator[tuple[str, int]]:
    """Whole numbers and truth values by name, wherever in the model they stand."""
    import onnx

    for inner in _below(message):
        if isinstance(inner, onnx.TensorProto) and inner.name:
            yield from _number(inner.name, inner)
        if isinstance(inner, onnx.NodeProto) and inner.op_type == "Constant":
            for attribute in inner.attribute:
                if attribute.name == "value":
                    yield from _number(inner.output[0], attribute.t)
                elif attribute.name == "value_int":
                    yield inner.output[0], int(attribute.i)
        yield from _constants(inner)


def _number(name: str, tensor: Any) -> Iterator[tuple[str, int]]:
    import onnx.numpy_helper

    kinds = (onnx.TensorProto.INT64, onnx.TensorProto.INT32, onnx.TensorProto.BOOL)
    if tensor.data_type in kinds and len(tensor.dims) <= 1 and (not tensor.dims or tensor.dims[0] == 1):
        yield name, int(onnx.numpy_helper.to_array(tensor).reshape(()))


def _below(message: Any) -> Iterator[Any]:
    for field, value in message.ListFields():
        if field.message_type is not None:
            yield from value if field.is_repeated else (value,)
