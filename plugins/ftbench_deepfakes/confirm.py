"""``python -m ftbench_deepfakes.confirm BENCHMARK``: do a benchmark's deepfakes do what they say?

Fits the deepfakes that the benchmark tests under, or finds them fitted, and asks the witness of each. Exit codes are
those of ``ftbench``: 0 all were looked at, confirmed or not; 1 some could not be; 2 bad input; 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ftbench import stopping
from ftbench.cli import BAD_INPUT, INTERRUPTED, SOME_FAILED
from ftbench.cli.bench import Allow, Data, File, Out, Scale, Set
from ftbench.console import Console, prepare_streams
from ftbench.errors import BadInput, CellFailed, FtbenchError

if TYPE_CHECKING:
    from ftbench.pipeline.stages import SimulatorStage
    from ftbench.plan.cells import Cell, Plan
    from ftbench.plan.part import ResolvedPart
    from ftbench.runner.bench import Bench
    from ftbench_deepfakes.witness.verdict import Verdict

WITNESSES = {
    "swap-any": "identity",
    "swap-any-2": "identity",
    "reenact": "pose",
    "reenact-2": "pose",
    "edit-attribute": "attribute",
    "edit-attribute-2": "attribute",
    "resynthesise": "synthesis",
    "resynthesise-2": "synthesis",
}
"""Simulator -> the module of ``ftbench_deepfakes.witness`` whose ``examine`` is asked."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def confirm(
    benchmark: File,
    scale: Scale = None,
    data: Data = None,
    out: Out = Path("results"),
    assignments: Set = None,
    allowed: Allow = None,
    steps: Annotated[int, typer.Option(min=1, help="Batches that each witness learns from.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Of the witnesses, and of who gives a face to whom.")] = 0,
    keep: Annotated[bool, typer.Option("--keep", help="Write beside tables that the repository keeps.")] = False,
) -> None:
    """Have classifiers trained apart look at every deepfake of BENCHMARK; write confirmed.csv and confirmed.md."""
    from ftbench.plan.cells import Plan
    from ftbench.publish.folder import folder_for
    from ftbench.runner import executor
    from ftbench.runner.opening import Request, open_benchmark
    from ftbench_deepfakes.confirmed import write

    console = Console()
    request = Request(benchmark, scale, data, out, assignments or (), allowed or ())
    opened = open_benchmark(request, console)
    if opened.benchmark.evaluate.split == "val":
        raise BadInput("deepfakes are confirmed on test images; leave evaluate.split out")
    folder, bench = folder_for(opened, keep), opened.bench
    wanted = known(opened.plan)
    fits = {cell.key: cell for _, cell in wanted.values() if cell}
    outcome = executor.run(Plan(opened.benchmark, tuple(fits.values())), bench, request)
    verdicts: list[Verdict] = []
    failed: dict[str, str] = {}
    for label, (chosen, cell) in wanted.items():
        try:
            if cell and cell.key in outcome.failed:
                raise CellFailed(outcome.failed[cell.key])
            verdict = replace(_examined(chosen, cell, bench, steps, seed), simulator=label)
        except (FtbenchError, ValueError) as error:
            failed[label] = str(error)
            _say(console, f"{label}: FAILED: {error}", "bold red")
        else:
            verdicts.append(verdict)
            word = "confirmed" if verdict.holds else "not confirmed"
            _say(console, f"{label}: {word}, {verdict.confirmed} of {verdict.n}", "" if verdict.holds else "bold red")
    _say(console, f"Written: {write(folder, opened, verdicts, failed, seed)}")
    if failed:
        raise typer.Exit(SOME_FAILED)


def known(plan: Plan) -> dict[str, tuple[ResolvedPart, Cell | None]]:
    """The simulators that a plan tests under and a witness is known for, by label, each with the cell that fits it.

    Raises BadInput where there is none.
    """
    found: dict[str, tuple[ResolvedPart, Cell | None]] = {}
    for evaluation in plan.evaluations:
        for label, chosen in zip(evaluation.simulator_labels, evaluation.simulators, strict=True):
            if chosen.record.name in WITNESSES:
                found[label] = (chosen, evaluation.fit_of(chosen) if chosen.record.trainable else None)
    if not found:
        raise BadInput(
            f"benchmark {plan.benchmark.name!r} tests under no simulator that a witness is known for; "
            f"name one under evaluate.simulators: {', '.join(WITNESSES)}"
        )
    return found


def main() -> None:
    """Run the command; one sentence for what a user can mend."""
    prepare_streams()
    stopping.listen()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    try:
        app()
    except FtbenchError as error:
        if os.environ.get("FTBENCH_TRACEBACK"):
            raise
        _say(Console(stderr=True), f"ftbench_deepfakes.confirm: {error}", "red")
        sys.exit(BAD_INPUT if isinstance(error, BadInput) else SOME_FAILED)
    except SystemExit as leaving:
        if leaving.code == INTERRUPTED:
            _say(Console(stderr=True), stopping.sentence())
            sys.exit(stopping.exit_code() or INTERRUPTED)
        raise


def _examined(chosen: ResolvedPart, cell: Cell | None, bench: Bench, steps: int, seed: int) -> Verdict:
    witness: Any = importlib.import_module(f"ftbench_deepfakes.witness.{WITNESSES[chosen.record.name]}")
    with bench.compute.settled():
        verdict: Verdict = witness.examine(
            _attack(chosen, cell, bench), bench.data.split("train"), bench.data.split("test"), steps=steps, seed=seed
        )
    return verdict


def _attack(chosen: ResolvedPart, cell: Cell | None, bench: Bench) -> SimulatorStage:
    """The simulator as the benchmark tests under it, on the CPU, where witnesses look."""
    from ftbench.pipeline.stages import SimulatorStage
    from ftbench.runner.build import build, frozen, guard_of
    from ftbench.train.weights import load_weights

    network = build(chosen, size=bench.data.size)
    if cell:
        load_weights(bench.folder(cell), network)
    return SimulatorStage(chosen.record, frozen(network), guard_of(chosen))


def _say(console: Console, line: str, style: str = "") -> None:
    console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
