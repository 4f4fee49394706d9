"""The whole plugin surface: one hook a kind of part, and observers of a run.

A plugin is a module named in the entry-point group ``ftbench``; its functions carry ``@ftbench.hookimpl``
and the names below. A part hook takes nothing and yields records (see ``ftbench.contract.records``). An observer
may name fewer arguments than its spec; what it raises is logged and never stops a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from ftbench.contract.records import Codec, Dataset, Decoder, Distortion, Encoder, Metric, Simulator

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
def ftbench_track_objection(where: str, folder: str) -> str | None:
    """Before anything runs, of a plugin that ``--track NAME=WHERE`` names: why it cannot write there, or None.

    One sentence: a library that is missing and how to install it, a place that cannot be written. ``where`` is ``""``
    where the command line leaves it out, ``folder`` the results folder of the run, a URL where it is remote; it need
    not exist yet.
    """


@hookspec
def ftbench_run_started(
    benchmark: str, scale: str, cells: int, track: Mapping[str, str], folder: str, settings: Mapping[str, Any]
) -> None:
    """A run is about to execute; ``cells`` counts finished ones too.

    ``track`` holds what the command line asked to track, a plugin's name -> where (``""``: its default); an observer
    that writes for others to see acts only if its name is there. ``folder`` will hold the tables. ``settings`` is
    the benchmark with every default filled in, as JSON has it, without the user's paths.
    """


@hookspec
def ftbench_cell_started(cell: str, label: str, kind: str, columns: Mapping[str, str]) -> None:
    """A cell begins: ``cell`` is its identity, ``kind`` one of fit, train, evaluate; finished ones are not told of.

    ``columns`` is what a table row says of it: encoder, decoder, λ, seed …; empty for a fit.
    """


@hookspec
def ftbench_progress(cell: str, label: str, kind: str, step: int, values: Mapping[str, float]) -> None:
    """Values of a training's curve, each time a row of it is written; a resumed training may repeat steps."""


@hookspec
def ftbench_cell_finished(cell: str, label: str, kind: str, status: str, summary: Mapping[str, Any]) -> None:
    """A cell ended: ``status`` one of done, stalled, failed; ``summary["reason"]`` says why it failed."""


@hookspec
def ftbench_run_finished(folder: str, failed: int, results: Sequence[Mapping[str, Any]]) -> None:
    """Tables are written; ``folder`` holds them.

    ``results`` are the rows of the main table under the names of its CSV file: settings as text, rates in 0..1,
    ``cell`` the identity of the evaluation; None where nothing was measured.
    """


@hookspec
def ftbench_run_stopped(reason: str) -> None:
    """The run ended before all was done: interrupted, out of time, or by an error; a killed process tells nobody."""


OBSERVERS = tuple(
    f"ftbench_{name}"
    for name in ("run_started", "cell_started", "progress", "cell_finished", "run_finished", "run_stopped")
)
"""The hooks that are told of a run."""
