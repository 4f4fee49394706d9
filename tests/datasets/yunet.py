"""A detector of YuNet's signature, written node by node: where a patch of 32 px is green it sees a face.

Its tip of the nose lies in the patch's middle, the other four points about it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, STRIDES = 640, (8, 16, 32)
ABOUT = ((-1.0, -1.0), (1.0, -1.0), (0.0, 0.0), (-0.75, 1.0), (0.75, 1.0))
"""Points of a face from the middle of its patch, in patches."""
COUNTS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}


def detector(path: Path, sure: float = 1.0, without: str = "") -> Path:
    """The file; ``sure``: the score of what it sees; ``without``: an output that it lacks."""
    weights = {
        "green": np.array([-0.5, 1, -0.5], np.float32).reshape(1, 3, 1, 1),
        "least": np.array(-60, np.float32),
        "none": np.array(0, np.float32),
        "one": np.array(1, np.float32),
    }
    nodes = [helper.make_node("Conv", ["input", "green"], ["greenness"])]
    outputs = []
    for stride in STRIDES:
        cells = (SIDE // stride) ** 2
        seen = f"seen_{stride}"
        nodes += [
            helper.make_node(
                "AveragePool",
                ["greenness"],
                [f"mean_{stride}"],
                kernel_shape=[stride, stride],
                strides=[stride, stride],
            ),
            helper.make_node("Add", [f"mean_{stride}", "least"], [f"more_{stride}"]),
            helper.make_node("Clip", [f"more_{stride}", "none", "one"], [seen]),
        ]
        # Smaller cells are never sure: every face is told by the largest.
        box = np.array([0.5, 0.5, np.log(3), np.log(3)])
        told = {"cls": [sure if stride == 32 else 0.0], "obj": [sure if stride == 32 else 0.0], "bbox": box}
        told["kps"] = np.array(ABOUT).reshape(-1) + 0.5
        for kind, count in COUNTS.items():
            name = f"{kind}_{stride}"
            if name == without:
                continue
            weights[f"shape_{name}"] = np.array([1, cells, 1])
            weights[f"told_{name}"] = np.asarray(told[kind], np.float32).reshape(1, 1, count)
            nodes += [
                helper.make_node("Reshape", [seen, f"shape_{name}"], [f"row_{name}"]),
                helper.make_node("Mul", [f"row_{name}", f"told_{name}"], [name]),
            ]
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, cells, count)))
    graph = helper.make_graph(
        nodes,
        "yunet",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, (1, 3, SIDE, SIDE))],
        outputs,
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def shown(*patches: tuple[int, int], side: int = SIDE, seed: int = 0) -> np.ndarray:
    """A square picture with faces in some of the 20×20 patches (column, row): uint8 (side,side,3)."""
    assert side % 20 == 0
    patch = side // 20
    picture = np.random.default_rng(seed).integers(90, 130, (side, side, 3), dtype=np.uint8)
    for column, row in patches:
        picture[row * patch : (row + 1) * patch, column * patch : (column + 1) * patch] = (20, 240, 20)
    return picture


def points(column: int, row: int) -> np.ndarray:
    """Where the face of a patch has its points, as shares of the side: (5, 2)."""
    return (np.array([column + 0.5, row + 0.5]) + np.array(ABOUT)) / 20
