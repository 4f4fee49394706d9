"""What a results folder shows, as claims ask for it: settings by their columns, values and paired differences.

Values are those of ``tables/main.csv``. Paired differences come from the rows; where these are not kept, from
``tables/pairs.csv``, which has accuracy of bits and the metrics alone.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from ftbench.compare.claims import Measure
from ftbench.compare.reread import FAILED, Folder, read_results
from ftbench.report.measures import CHANCE, readings, simulators
from ftbench.report.pairs import quality_difference, same_pictures
from ftbench.report.result import MARKED, STALLED, UNMARKED, CellResult, MetricInfo
from ftbench.report.table import snake_case, unique_names
from ftbench.statistics import Estimate, paired_difference

SEED, AGAINST = "seed", "trained_against"


@dataclass(frozen=True)
class Setting:
    """One row of the main table."""

    cell: str
    label: str
    status: str
    columns: Mapping[str, str]
    """By CSV name: ``"lambda"``, ``"target_db"``, ``"payload_bits"``."""

    @property
    def shown(self) -> str:
        """Its label, and loud where the pair never learned to read."""
        return f"{self.label} {STALLED.upper()}" if self.status == STALLED else self.label


@dataclass(frozen=True)
class Evidence:
    """A results folder as claims see it."""

    benchmark: str
    scale: str
    data: str
    metrics: tuple[MetricInfo, ...]
    settings: tuple[Setting, ...]
    failed: tuple[Setting, ...]
    """Settings that were meant to be run and have no numbers."""
    main: Mapping[str, Mapping[str, str]]
    """Lines of ``tables/main.csv`` by cell."""
    pairs: Mapping[tuple[str, str], Mapping[str, str]]
    """Lines of ``tables/pairs.csv`` by (first cell, second cell)."""
    results: Mapping[str, CellResult] | None
    """By cell, or None where the rows are not kept."""

    def stem(self, setting: Setting, measure: Measure) -> str | None:
        """The measure's name in ``tables/main.csv`` for this setting, or None where it was not taken.

        ``swapped`` is the one deepfake that was evaluated; where there are several, the one that the setting was
        trained against, if it is among them.
        """
        line = self.main[setting.cell]
        if measure.metric:
            return self._there(line, f"{snake_case(measure.metric)}_all")
        view = snake_case(measure.view)
        if measure.view == "swapped":
            fakes = [name for name in self._views(line) if name not in ("marked", UNMARKED)]
            trained = snake_case(setting.columns.get(AGAINST, ""))
            view = fakes[0] if len(fakes) == 1 else trained if trained in fakes else ""
        # Without any code among the settings, the payload is the code, and the table says it once.
        raw = measure.quantity.replace("payload_", "raw_")
        coded = any(key.endswith("_payload_bit_accuracy_value") for key in line)
        return self._there(line, f"{view}_{measure.quantity if coded else raw}")

    def value(self, setting: Setting, measure: Measure) -> Estimate | None:
        """The measure with its interval over images: a rate in 0..1, a metric in its unit."""
        stem = self.stem(setting, measure)
        return None if stem is None else _estimate(self.main[setting.cell], stem)

    def paired(self, first: Setting, second: Setting, measure: Measure) -> Estimate | None:
        """First minus second, paired over the images that both were read on; None where that cannot be had."""
        if self.results is not None:
            a, b = self.results[first.cell], self.results[second.cell]
            if measure.metric:
                return quality_difference(a, b, measure.metric)
            rows_a, rows_b = self._rows(first, measure), self._rows(second, measure)
            if rows_a is None or rows_b is None or not same_pictures(rows_a, rows_b):
                return None
            return _difference(_by_image(rows_a, a, measure), _by_image(rows_b, b, measure), _reach(measure))
        stems = {self.stem(setting, measure) for setting in (first, second)}
        stem = stems.pop() if len(stems) == 1 else None
        if stem is None:
            return None
        key = f"{stem.removesuffix('_all')}_difference"
        if (forward := self.pairs.get((first.cell, second.cell))) is not None:
            return _estimate(forward, key)
        found = _estimate(self.pairs.get((second.cell, first.cell), {}), key)
        return found and replace(found, value=-found.value, low=-found.high, high=-found.low)

    def gap(self, setting: Setting, first: Measure, second: Measure) -> Estimate | None:
        """First minus second of one setting, paired over images; without rows it has no interval."""
        if self.results is not None:
            result = self.results[setting.cell]
            rows_a, rows_b = self._rows(setting, first), self._rows(setting, second)
            if rows_a is None or rows_b is None or not same_pictures(rows_a, rows_b):
                return None
            return _difference(_by_image(rows_a, result, first), _by_image(rows_b, result, second), _reach(first))
        a, b = self.value(setting, first), self.value(setting, second)
        return Estimate(a.value - b.value, math.nan, math.nan, a.n, "difference of means") if a and b else None

    @cached_property
    def _simulators(self) -> dict[str, str]:
        names = unique_names(simulators(list((self.results or {}).values())), taken=("marked", UNMARKED))
        return {"marked": MARKED, UNMARKED: UNMARKED} | {key: name for name, key in names.items()}

    def _rows(self, setting: Setting, measure: Measure) -> pd.DataFrame | None:
        stem = self.stem(setting, measure)
        if stem is None or self.results is None:
            return None
        view = stem.removesuffix(f"_{measure.quantity}").removesuffix(f"_{measure.quantity.replace('payload', 'raw')}")
        return readings(self.results[setting.cell], self._simulators[view])

    def _views(self, line: Mapping[str, str]) -> list[str]:
        ending = "_raw_bit_accuracy_value"
        return [key.removesuffix(ending) for key, value in line.items() if key.endswith(ending) and value]

    @staticmethod
    def _there(line: Mapping[str, str], stem: str) -> str | None:
        return stem if line.get(f"{stem}_value") else None


def gather(folder: Folder) -> Evidence:
    """Everything that claims may ask of a folder, which ``ftbench.compare.audit`` has found sound."""
    cells = [(cell, cell.row) for cell in folder.manifest.cells if cell.row]
    settings = [
        Setting(
            cell.identity,
            cell.label,
            cell.status,
            {snake_case(name): value for name, value in row.columns.items()}
            | {"payload_bits": str(row.payload_bits), "code_bits": str(row.code_bits)},
        )
        for cell, row in cells
    ]
    tables = folder.path / "tables"
    return Evidence(
        benchmark=folder.manifest.benchmark,
        scale=folder.manifest.scale,
        data=folder.manifest.data.name,
        metrics=tuple(folder.metrics),
        settings=tuple(setting for setting in settings if setting.status != FAILED),
        failed=tuple(setting for setting in settings if setting.status == FAILED),
        main={line["cell"]: line for line in _lines(tables / "main.csv")},
        pairs={(line["first_cell"], line["second_cell"]): line for line in _lines(tables / "pairs.csv")},
        results={result.cell: result for result in read_results(folder)} if folder.has_rows else None,
    )


def _lines(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def _estimate(line: Mapping[str, str], stem: str) -> Estimate | None:
    if not line.get(f"{stem}_value"):
        return None
    value, low, high = (float(line[f"{stem}_{end}"]) for end in ("value", "low", "high"))
    return Estimate(value, low, high, int(line[f"{stem}_n"]), "as in the table")


def _by_image(rows: pd.DataFrame, result: CellResult, measure: Measure) -> pd.Series[float]:
    """A rate of each image, the mean of its draws, by image key."""
    errors, length = ("code_errors", result.code_bits)
    if measure.quantity.startswith("payload"):
        errors, length = ("payload_errors", result.bits)
    wrong = rows[errors] / length if "bit" in measure.quantity else (rows[errors] > 0).astype(float)
    rates: pd.Series[float] = 1.0 - wrong.groupby(rows["image"]).mean()
    return rates


def _reach(measure: Measure) -> float:
    return CHANCE if "bit" in measure.quantity else 1.0


def _difference(a: pd.Series[float], b: pd.Series[float], reach: float) -> Estimate:
    return paired_difference(a.to_numpy(), b.reindex(a.index).to_numpy(), reach=reach)
