"""Where a step's time goes by kind of work, by torch's profiler: what there is to gain before anything is changed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from tabulate import tabulate
from torch.profiler import ProfilerActivity, profile

from benchmarks.speed.clock import Spread, Took, Watch, spread
from benchmarks.speed.setup import Enough, batch, drive, opened

KINDS: dict[str, tuple[str, ...]] = {
    "convolutions": ("convolution", "conv2d", "mkldnn_conv"),
    "linear layers": ("addmm", "mm", "bmm", "linear", "matmul"),
    "normalisation": ("batch_norm", "group_norm", "instance_norm", "layer_norm"),
    "copies between layouts and types": (
        "copy_",
        "to",
        "_to_copy",
        "clone",
        "contiguous",
        "cat",
        "stack",
        "index",
        "index_select",
        "slice_backward",
        "select_backward",
        "index_put_",
        "fill_",
        "zero_",
        "roll",
        "mkldnn_reorder",
        "flip",
        "repeat",
        "pixel_shuffle",
        "pixel_unshuffle",
    ),
    "resizing and warping": (
        "upsample",
        "grid_sampler",
        "interpolate",
        "affine_grid",
        "reflection_pad",
        "replication_pad",
        "constant_pad",
    ),
    "pooling and medians": ("pool", "median"),
    "optimiser and averaging": ("_fused_adam", "Optimizer", "_foreach", "lerp", "norm"),
    "random numbers": ("random_", "uniform_", "normal_", "rand", "randint", "randperm", "bernoulli"),
    "comparing values (guard)": ("equal", "aminmax", "isfinite", "isnan", "all", "_local_scalar_dense"),
}
"""Beginnings of operators' names; what fits none is pointwise arithmetic. The longest that fits counts."""
POINTWISE, OUTSIDE = "pointwise arithmetic", "outside torch (Python, Pillow, NumPy)"


def kind(operator: str) -> str:
    """What kind of work an operator is."""
    name = operator.removeprefix("aten::").removeprefix("autograd::engine::evaluate_function: ")
    bare = name.removesuffix("_backward").removesuffix("_out")
    fits = [
        (len(start), label)
        for label, starts in KINDS.items()
        for start in starts
        if bare == start or (len(start) > 4 and start.lower() in name.lower())
    ]
    return max(fits)[1] if fits else POINTWISE


@dataclass(frozen=True)
class Profile:
    """A step's time."""

    kinds: dict[str, float]
    """Share of the profiled steps' time by kind of work, the largest first."""
    operators: dict[str, float]
    """Share by operator, the dearest ones."""
    step: Spread
    """Seconds of a processor, without the profiler."""
    batch: int


def measure(scale: str, repeats: int, warm: int) -> Profile:
    """``repeats`` steps by the clock, then as many under the profiler."""
    took: list[Took] = []
    whole: list[Took] = []
    with opened(scale) as found:
        watch, all_of_them = Watch(), Watch()
        profiler = profile(activities=[ProfilerActivity.CPU])

        def bell(step: int) -> None:
            if warm < step <= warm + repeats:
                took.append(watch.stop())
            if step == warm + repeats:
                profiler.start()
                all_of_them.start()
            if step == warm + 2 * repeats:
                whole.append(all_of_them.stop())
                profiler.stop()
                raise Enough
            watch.start()

        drive(found, bell)
        size = batch(found)
    events: Any = profiler.key_averages()
    # Operators are timed by the wall's clock, so their sum is set against the wall's.
    shares = {event.key: event.self_cpu_time_total / 1e6 / whole[0].wall for event in events}
    kinds: dict[str, float] = defaultdict(float)
    for operator, share in shares.items():
        kinds[kind(operator)] += share
    kinds[OUTSIDE] = max(0.0, 1 - sum(kinds.values()))
    return Profile(
        dict(sorted(kinds.items(), key=lambda one: -one[1])),
        dict(sorted(shares.items(), key=lambda one: -one[1])[:12]),
        spread([one.cpu for one in took]),
        size,
    )


def main(scale: str, repeats: int, warm: int) -> str:
    """Two tables: kinds of work, and the dearest operators."""
    found = measure(scale, repeats, warm)
    kinds = [[name, f"{100 * share:.1f} %"] for name, share in found.kinds.items()]
    operators = [[name, f"{100 * share:.1f} %", kind(name)] for name, share in found.operators.items()]
    step = found.step
    return (
        f"{scale}: a step of {found.batch} images takes {1000 * step.median:.0f} ms of a processor "
        f"(quartiles {1000 * step.low:.0f} to {1000 * step.high:.0f}, n {step.n})\n"
        f"{tabulate(kinds, headers=['work', 'share'])}\n\n"
        f"{tabulate(operators, headers=['operator', 'share', 'counted as'])}"
    )
