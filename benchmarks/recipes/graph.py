"""ONNX files written node by node by the onnx package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ftbench_exported.runtime import Array

FLOAT: int = TensorProto.FLOAT


def value(name: str, shape: Sequence[int | str], kind: int = FLOAT) -> Any:
    """An input or output of a network; a name in its shape is an open dimension."""
    return helper.make_tensor_value_info(name, kind, list(shape))


def save(
    path: Path,
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    weights: Mapping[str, Array] | None = None,
    domains: Sequence[str] = (),
    opset: int = 17,
) -> Path:
    """A model of nodes, checked by the onnx package and written to ``path``."""
    initial = [numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()]
    graph = helper.make_graph(list(nodes), "made", list(inputs), list(outputs), initializer=initial)
    sets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    model = helper.make_model(graph, opset_imports=sets, ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
