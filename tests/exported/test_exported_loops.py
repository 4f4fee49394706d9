"""Networks that loop: what no call would see the end of is refused, and what may end is only ever interrupted."""

from __future__ import annotations

import _thread
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from benchmarks.recipes.graph import save, value
from ftbench_exported.files import Unusable, checked
from ftbench_exported.loops import turns
from ftbench_exported.runtime import Runner

PIXELS = ("b", 3, "h", "w")


def body(condition: str, inner: list[onnx.NodeProto], depth: str = "") -> onnx.GraphProto:
    """One turn, which hands ``held`` on; ``condition`` names what says whether another follows."""
    return helper.make_graph(
        [*inner, helper.make_node("Identity", [f"held{depth}"], [f"kept{depth}"])],
        f"turn{depth}",
        [
            helper.make_tensor_value_info(f"turn{depth}", TensorProto.INT64, []),
            helper.make_tensor_value_info(f"go{depth}", TensorProto.BOOL, []),
            value(f"held{depth}", PIXELS),
        ],
        [helper.make_tensor_value_info(condition, TensorProto.BOOL, []), value(f"kept{depth}", PIXELS)],
    )


def looping(path: Path, count: int, ends: bool = False, nested: int | None = None) -> Path:
    """A network that hands its image on ``count`` times; ``ends``: the image decides when to stop, which is never."""
    least = helper.make_node("ReduceMax", ["held"], ["greatest"], keepdims=0)
    compare = helper.make_node("Greater", ["greatest", "low"], ["on"])
    steps = [least, compare] if ends else [helper.make_node("Identity", ["go"], ["on"])]
    if nested is not None:
        again = [helper.make_node("Identity", ["go2"], ["on2"])]
        held = helper.make_node("Loop", ["inside", "yes", "held"], ["through"], body=body("on2", again, "2"))
        steps.append(held)
    nodes = [helper.make_node("Loop", ["count", "yes", "x"], ["y"], body=body("on", steps))]
    weights = {"count": np.array(count, np.int64), "yes": np.array(True), "low": np.array(-1, np.float32)}
    weights |= {"inside": np.array(nested, np.int64)} if nested is not None else {}
    return save(path, nodes, [value("x", PIXELS)], [value("y", PIXELS)], weights)


@pytest.mark.parametrize(
    ("count", "arguments", "written"),
    [
        (2**62, {}, 2**62),
        (100, {}, 100),
        (100_000, {"nested": 100_000}, 10**10),
        # Where the body decides, the number is but a bound: torch writes the largest there is for a while loop.
        (2**62, {"ends": True}, 0),
    ],
)
def test_turns_are_counted_without_running(tmp_path: Path, count: int, arguments: Any, written: int) -> None:
    model = onnx.load(looping(tmp_path / "loop.onnx", count, **arguments))
    assert turns(model) == written


def test_a_loop_without_end_is_refused_while_planning(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"'loop.onnx' holds a loop of 4,611,686,018,427,387,904 turns"):
        checked(looping(tmp_path / "loop.onnx", 2**62))
    assert checked(looping(tmp_path / "short.onnx", 100))


def test_a_call_that_does_not_end_can_be_interrupted(tmp_path: Path) -> None:
    runner = Runner(looping(tmp_path / "loop.onnx", 2**62, ends=True), "y", None)
    timer = threading.Timer(0.5, _thread.interrupt_main)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        runner({"x": np.zeros((1, 3, 8, 8), np.float32)}, {}, threads=1, cuda=None)
    assert time.monotonic() - begun < 60
    assert not [thread for thread in threading.enumerate() if "ThreadPoolExecutor" in thread.name]


def test_a_short_loop_gives_its_image(tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((2, 3, 8, 8), dtype=np.float32)
    runner = Runner(looping(tmp_path / "loop.onnx", 5), "y", None)
    assert (runner({"x": image}, {}, threads=1, cuda=None) == image).all()
