"""ftbench: train and benchmark face watermarks that survive deepfakes, with every part a plugin.

Importing this package brings the plugin contract alone, and never torch. ``ftbench.run``, ``ftbench.results`` and
``ftbench.marker`` are loaded when they are first used.
"""

from typing import TYPE_CHECKING, Any

from ftbench.contract.hooks import hookimpl
from ftbench.contract.protocols import Item
from ftbench.contract.records import (
    Codec,
    Dataset,
    Decoder,
    Distortion,
    Encoder,
    InputPath,
    Metric,
    Parameters,
    Simulator,
)

if TYPE_CHECKING:
    from ftbench.marking.marker import marker
    from ftbench.publish.benchmark import results, run

__version__ = "0.1.0"

__all__ = [
    "Codec",
    "Dataset",
    "Decoder",
    "Distortion",
    "Encoder",
    "InputPath",
    "Item",
    "Metric",
    "Parameters",
    "Simulator",
    "hookimpl",
    "marker",
    "results",
    "run",
]


def __getattr__(name: str) -> Any:
    if name in ("results", "run"):
        from ftbench.publish import benchmark

        return getattr(benchmark, name)
    if name == "marker":
        from ftbench.marking.marker import marker

        return marker
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
