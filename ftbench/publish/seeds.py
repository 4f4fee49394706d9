"""What a cell drew its random numbers from: one seed a purpose, each derived from the benchmark's own."""

from __future__ import annotations

from ftbench.machine.randomness import derive
from ftbench.plan.cells import Cell, EvaluateCell, FitCell, TrainCell

FIRST = 0
"""The step, draw, batch or process that a seed is shown of; the others' follow from their numbers in its place."""


def seeds_of(cell: Cell) -> dict[str, int]:
    """Purpose, one of ``machine.randomness.PURPOSES``, -> its seed: of the first step, draw, batch and process, and of
    the first simulator, distortion and metric.
    """
    seeds = {"process": derive("process", cell.key)}
    if isinstance(cell, TrainCell) and cell.section:
        places = {"train": (FIRST,), "again": (FIRST, FIRST), "donor": (FIRST, FIRST), "simulator": (FIRST,)}
        places |= {"simulator-val": (FIRST, FIRST), "donor-val": (FIRST,)}
        seeds |= _derived(cell.seed, {"pair weights": (), **places}) | {"layers": derive("layers", FIRST)}
    elif isinstance(cell, TrainCell):
        seeds |= _derived(cell.seed, {"pair weights": (), "donor-val": (FIRST,), "simulator-val": (FIRST, FIRST)})
    elif isinstance(cell, FitCell):
        images = {"fit": (FIRST,), "donor": (FIRST, FIRST), "fit-val": (FIRST,), "donor-val": (FIRST,)}
        code: dict[str, tuple[int, ...]] = {"code": (FIRST,), "code-val": ()}
        drawn = images if cell.bits is None else code
        seeds |= _derived(cell.seed, {"weights": (), **drawn}) | {"layers": derive("layers", FIRST)}
    elif isinstance(cell, EvaluateCell):
        seed, batch = cell.section.seed, (FIRST, FIRST)
        seeds |= {"payload": seed} | _derived(seed, {"again": (), "layers": batch, "averaged": batch, "donor": batch})
        named = {
            "simulator": cell.simulator_labels,
            "distortion": [chosen.label for chosen in cell.distortions],
            "metric": [chosen.called for chosen in cell.metrics],
        }
        seeds |= {purpose: derive(seed, purpose, names[0], *batch) for purpose, names in named.items() if names}
    return seeds


def _derived(seed: int, places: dict[str, tuple[int, ...]]) -> dict[str, int]:
    return {purpose: derive(seed, purpose, *place) for purpose, place in places.items()}
