"""How fast a benchmark's pairs mark and read: images a second on one processor core."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from ftbench.errors import BadInput
from ftbench.machine import provenance
from ftbench.pipeline.stages import Held, Pair
from ftbench.plan.cells import TrainCell
from ftbench.publish.anew import Said
from ftbench.report.table import Column, Measured, Table, make_table
from ftbench.report.tables import markdown
from ftbench.runner.build import as_trained, new_pair
from ftbench.runner.opening import Opened
from ftbench.storage.store import write_atomically

BATCHES = (1, 32)
FEWEST = 5
"""Repetitions below which a median says little."""


@dataclass(frozen=True)
class Speed:
    """What was timed of one pair, at one batch size."""

    encoder: str
    decoder: str
    weights: int
    """Trained numbers of both."""
    batch: int
    marking: float
    """Images/s, rescaling to the pair's PSNR and rounding included: medians over repetitions, as the next."""
    reading: float
    marked: int
    """Repetitions of marking."""
    read: int


def time_pairs(opened: Opened, seconds: float) -> list[Speed]:
    """Time each different pair of a plan with random weights, which cost what trained ones do.

    ``seconds``: of each measurement. Raises BadInput where that is no finite number.
    """
    if not math.isfinite(seconds):
        raise BadInput(f"--seconds {seconds} is no number of seconds; give a finite one, such as 2")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found: dict[tuple[str, ...], list[Speed]] = {}
        for cell in opened.plan.trainings:
            key = (cell.columns["encoder"], cell.columns["decoder"], str(cell.code_bits))
            if key not in found:
                found[key] = [_timed(cell, opened, batch, seconds) for batch in BATCHES]
        return [speed for speeds in found.values() for speed in speeds]
    finally:
        torch.set_num_threads(before)


def write(opened: Opened, speeds: Sequence[Speed], folder: Path) -> str:
    """Write ``speed.csv`` and ``speed.md`` into a results folder; returns the latter's text.

    Apart from the tables of a run: a time is never the same twice, and a run repeated must give the same tables.
    """
    frame = pd.DataFrame([vars(speed) for speed in speeds])
    write_atomically(folder / "speed.csv", lambda path: frame.to_csv(path, index=False))
    bits = ", ".join(sorted({str(cell.code_bits) for cell in opened.plan.trainings}))
    made = f"one core of {provenance.machine()['processor']}, torch {torch.__version__.partition('+')[0]}"
    caption = (
        f"Benchmark {opened.benchmark.name} · scale {opened.scale} · {opened.bench.data.size} px · codes of {bits} "
        f"bits · float32, {made}. "
        "Medians over the calls counted; marking includes rounding, and rescaling to the PSNR that a setting holds."
    )
    text = markdown(_table(frame), Said(caption))
    write_atomically(folder / "speed.md", lambda path: path.write_text(text, encoding="utf-8"))
    return text


def _table(frame: pd.DataFrame) -> Table:
    texts = [Column(name, name) for name in ("encoder", "decoder", "weights", "batch")]
    numbers = {
        "marking": "marking, images/s", "reading": "reading, images/s", "marked": "marking, calls",
        "read": "reading, calls",
    }  # fmt: skip
    rows: list[dict[str, str | Measured]] = [
        {column.key: str(row[column.key]) for column in texts}
        | {
            key: Measured(said=_three_digits(row[key]) if "/s" in title else str(row[key]))
            for key, title in numbers.items()
        }
        for row in frame.to_dict("records")
    ]
    columns = [*texts, *(Column(key, title, 0) for key, title in numbers.items())]
    return make_table("speed", "How fast pairs mark and read", columns, rows)


def _three_digits(rate: float) -> str:
    return f"{float(f'{rate:.3g}'):g}"


def _timed(cell: TrainCell, opened: Opened, batch: int, seconds: float) -> Speed:
    size, bits = opened.bench.data.size, cell.code_bits
    pair = new_pair(cell, size).eval()
    generator = torch.Generator().manual_seed(0)
    covers = torch.rand(batch, 3, size, size, generator=generator).contiguous(memory_format=torch.channels_last)
    code = torch.randint(0, 2, (batch, bits), generator=generator).float()
    marking, reading = _rates(pair, covers, code, as_trained(cell), seconds)
    return Speed(
        encoder=cell.columns["encoder"],
        decoder=cell.columns["decoder"],
        weights=sum(parameter.numel() for parameter in pair.parameters()),
        batch=batch,
        marking=batch * marking[0],
        reading=batch * reading[0],
        marked=marking[1],
        read=reading[1],
    )


@torch.inference_mode()
def _rates(
    pair: Pair, covers: torch.Tensor, code: torch.Tensor, held: Held | None, seconds: float
) -> tuple[tuple[float, int], tuple[float, int]]:
    pair.to(memory_format=torch.channels_last)
    marked = pair.mark(covers, code, held)
    return _rate(lambda: pair.mark(covers, code, held), seconds), _rate(lambda: pair.read(marked), seconds)


def _rate(work: Callable[[], object], seconds: float) -> tuple[float, int]:
    """Calls a second, as the median over calls, and how many there were."""
    work()
    took: list[float] = []
    until = time.perf_counter() + seconds
    while len(took) < FEWEST or time.perf_counter() < until:
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return 1 / statistics.median(took), len(took)
