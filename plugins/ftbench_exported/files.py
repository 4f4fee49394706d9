"""ONNX files, read without running or following anything: what cannot be used is refused with a sentence."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ftbench_exported.loops import MOST_TURNS, turns

MISSING = "exported networks need onnxruntime and onnx, which are not installed; pip install 'ftbench[onnx]'"
LARGEST = 2**31 - 1
"""Bytes: no protobuf message is longer."""
TORCH = {".pt", ".pth", ".pt2", ".ckpt", ".bin", ".pkl", ".torchscript"}
BUILT_IN = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}
"""Operator sets that onnxruntime itself brings."""
RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}


class Unusable(ValueError):
    """A network that cannot do what it is asked to; the message is one sentence."""


def installed() -> bool:
    """Whether the extra is there; imports nothing."""
    return all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime"))


def checked(file: Path) -> bytes:
    """The bytes of a network that is whole, alone in its file and draws nothing at random; raises Unusable."""
    import onnx
    from google.protobuf.message import DecodeError

    if not file.is_file():
        raise Unusable(f"there is no file {file.name!r}; give the .onnx file of the network")
    if file.stat().st_size > LARGEST:
        raise Unusable(f"{file.name!r} has more than 2 GB, and no ONNX file is larger; export it in half precision")
    data = file.read_bytes()
    if file.suffix.lower() in TORCH or data[:4] == b"PK\x03\x04" or data[:1] == b"\x80":
        raise Unusable(
            f"{file.name!r} is torch's own kind of file, which can run code when it is opened; "
            "export the network to ONNX"
        )
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        model.Clear()
    if not (model.ir_version and model.graph.node and model.opset_import):
        raise Unusable(f"{file.name!r} is not a whole ONNX file; export the network to ONNX anew")
    if _external(model):
        raise Unusable(
            f"{file.name!r} keeps weights in a second file, which no cell's identity would cover; "
            "save it as one file: onnx.save(onnx.load(FILE), FILE)"
        )
    own = {function.domain for function in model.functions}
    for node in _nodes(model):
        if node.domain not in BUILT_IN | own:
            raise Unusable(
                f"{file.name!r} needs operator {node.op_type!r} of {node.domain!r}, which onnxruntime does not bring; "
                "libraries of operators are never loaded"
            )
        if node.op_type in RANDOM:
            raise Unusable(
                f"{file.name!r} draws random numbers ({node.op_type}), and a simulator must give the same fake again; "
                "export it with the noise fixed"
            )
        if _in_training(node, model):
            raise Unusable(f"{file.name!r} was exported in training mode ({node.op_type}); call eval() and export anew")
    if (count := turns(model)) > MOST_TURNS:
        raise Unusable(
            f"{file.name!r} holds a loop of {count:,} turns, which no call would see the end of; the most that is "
            f"taken are {MOST_TURNS:,}: export the network without that loop, or with a condition that ends it"
        )
    return data


def reason(error: Exception) -> str:
    """The part of an onnxruntime error that says something."""
    text = str(error).strip()
    lacking = re.search(r"No Op registered for (\S+)|Could not find an implementation for (\w+)", text)
    if lacking:
        return f"it lacks operator {lacking[1] or lacking[2]!r}"
    lines = re.sub(r"\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text).splitlines() or [type(error).__name__]
    return lines[0].rstrip(" .")


def _external(message: Any) -> bool:
    # Every message in every other: tensors hide in attributes, subgraphs, functions, sparse tensors and training.
    import onnx

    if isinstance(message, onnx.TensorProto):
        return bool(message.data_location == onnx.TensorProto.EXTERNAL or message.external_data)
    return any(_external(inner) for inner in _inner(message))


def _nodes(message: Any) -> Iterator[Any]:
    import onnx

    if isinstance(message, onnx.NodeProto):
        yield message
    for inner in _inner(message):
        yield from _nodes(inner)


def _inner(message: Any) -> Iterator[Any]:
    for field, value in message.ListFields():
        if field.message_type is not None:
            yield from value if field.is_repeated else (value,)


def _in_training(node: Any, model: Any) -> bool:
    if node.op_type == "BatchNormalization":
        return any(attribute.name == "training_mode" and attribute.i for attribute in node.attribute)
    if node.op_type != "Dropout" or len(node.input) < 3 or not node.input[2]:
        return False
    return not _known_false(node.input[2], model)


def _known_false(name: str, model: Any) -> bool:
    import onnx.numpy_helper

    tensors = [tensor for tensor in model.graph.initializer if tensor.name == name]
    tensors += [
        attribute.t
        for node in _nodes(model)
        if node.op_type == "Constant" and name in node.output
        for attribute in node.attribute
        if attribute.name == "value"
    ]
    return bool(tensors) and not any(onnx.numpy_helper.to_array(tensor).any() for tensor in tensors)
