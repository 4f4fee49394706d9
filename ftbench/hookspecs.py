"""The whole plugin surface: one hook a kind of part, and observers of a run.

A plugin is a module named in the entry-point group ``ftbench``; its functions carry ``@ftbench.hookimpl``
and the names below. A part hook takes nothing and yields records (see ``ftbench.components``). An observer
may name fewer arguments than its spec; what it raises is logged and never stops a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from ftbench.components import Codec, Dataset, Decoder, Distortion, Encoder, Metric, Simulator

PROJECT = "ftbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def ftbench_encoders() -> Iterable[Encoder]:
    """Networks or transforms that write a code into a cover."""
    return ()


@hookspec
def ftbench_decoders() -> Iterable[Decoder]:
    """Networks or transforms that read a code from an image."""
    return ()


@hookspec
def ftbench_simulators() -> Iterable[Simulator]:
    """Deepfakes, to train against and to test with."""
    return ()


@hookspec
def ftbench_distortions() -> Iterable[Distortion]:
    """Everything else that happens to a picture: compression, noise, blur, colour, geometry."""
    return ()


@hookspec
def ftbench_codecs() -> Iterable[Codec]:
    """Channel codes: the message generator and the message decoder."""
    return ()


@hookspec
def ftbench_datasets() -> Iterable[Dataset]:
    """Sources of covers."""
    return ()


@hookspec
def ftbench_metrics() -> Iterable[Metric]:
    """Measures of image quality against a reference."""
    return ()


@hookspec
def ftbench_run_started(benchmark: str, scale: str, cells: int) -> None:
    """A run is about to execute; ``cells`` counts finished ones too."""


@hookspec
def ftbench_cell_started(cell: str, label: str, kind: str) -> None:
    """A cell begins: ``cell`` is its identity, ``kind`` one of fit, train, evaluate."""


@hookspec
def ftbench_progress(cell: str, step: int, values: Mapping[str, float]) -> None:
    """Values of a training's curve, each time a row of it is written."""


@hookspec
def ftbench_cell_finished(cell: str, status: str, summary: Mapping[str, Any]) -> None:
    """A cell ended: ``status`` one of done, stalled, failed."""


@hookspec
def ftbench_run_finished(folder: str, failed: int) -> None:
    """Tables are written; ``folder`` holds them."""
