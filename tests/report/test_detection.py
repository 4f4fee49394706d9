"""The table of true-positive rates, tracing and capacity, against what is counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ftbench.report.detection import RATES
from ftbench.report.table import Table
from ftbench.statistics.detection import capacity, smallest_match
from ftbench.storage.results import QUALITY_COLUMNS, ROW_COLUMNS, CellResult
from tests.report.printing import lines, tables

IMAGES, DRAWS, BITS = 30, 4, 30


def cell(bits: int = BITS, code_bits: int = BITS, seed: int = 0) -> CellResult:
    rng = np.random.default_rng(seed)
    rows = []
    for simulator, error in {"none": 0.01, "swap": 0.15, "unmarked": 0.5}.items():
        for image in range(IMAGES):
            for draw in range(DRAWS):
                wrong = int(rng.binomial(bits, error))
                rows.append((f"i{image:02}", "x", "A", draw, simulator, "identity", "none", wrong, wrong))
    quality = pd.DataFrame([], columns=[*QUALITY_COLUMNS, "psnr", "ssim"])
    settings = {"codec": "none" if bits == code_bits else "soft-bch", "trained against": "swap"}
    frame = pd.DataFrame(rows, columns=list(ROW_COLUMNS))
    return CellResult(
        f"c{bits}{seed}", f"{bits} bits", settings, "done", bits, code_bits, frame, quality, pd.DataFrame()
    )


def values(table: Table, simulator: str, measure: str) -> float:
    (found,) = (
        float(line["detection_value"])
        for line in lines(table)
        if (line["simulator"], line["measure"]) == (simulator, measure)
    )
    return found


@pytest.mark.parametrize("simulator", ["none", "swap", "unmarked"])
def test_rates_are_the_shares_of_readings_that_match_well_enough(simulator: str) -> None:
    result = cell()
    _, rows = tables([result])["detection"]
    errors = result.rows[result.rows["simulator"] == simulator]["payload_errors"].to_numpy()
    for rate in RATES:
        # The threshold is scipy's: the least number of matches that is rare enough.
        threshold = int(stats.binom.isf(rate, BITS, 0.5)) + 1
        assert stats.binom.sf(threshold - 1, BITS, 0.5) <= rate < stats.binom.sf(threshold - 2, BITS, 0.5)
        assert smallest_match(BITS, rate) == threshold
        assert values(rows, simulator, f"found at {rate:g}") == pytest.approx(np.mean(BITS - errors >= threshold))


def test_tracing_adds_up_the_chances_of_the_others() -> None:
    result = cell()
    _, rows = tables([result])["detection"]
    errors = result.rows[result.rows["simulator"] == "swap"]["payload_errors"].to_numpy()
    for registered in (10, 10**4, 10**6):
        each = np.clip(1 - (registered - 1) * stats.binom.sf(BITS - errors - 1, BITS, 0.5), 0, 1)
        assert values(rows, "swap", f"traced among {registered}") == pytest.approx(each.mean())


def test_the_area_is_that_of_the_empirical_curve() -> None:
    result = cell()
    _, rows = tables([result])["detection"]
    by = {name: 30 - frame["payload_errors"].to_numpy() for name, frame in result.rows.groupby("simulator")}
    tested = stats.mannwhitneyu(by["swap"], by["unmarked"])
    assert values(rows, "swap", "area") == pytest.approx(tested.statistic / (len(by["swap"]) * len(by["unmarked"])))


def test_capacity_follows_from_the_bits_read() -> None:
    result = cell()
    _, rows = tables([result])["detection"]
    wrong = result.rows[result.rows["simulator"] == "swap"]["code_errors"].mean() / BITS
    assert values(rows, "swap", "capacity") == pytest.approx(capacity(BITS, wrong))
    line = next(line for line in lines(rows) if (line["simulator"], line["measure"]) == ("swap", "capacity"))
    assert 0 <= float(line["detection_low"]) <= float(line["detection_value"]) <= float(line["detection_high"]) <= BITS


def test_what_the_bits_cannot_reach_is_said_in_words() -> None:
    printed, rows = tables([cell(8, 8)])["detection"]
    assert any("1e-3 and 1e-6 cannot be reached: the floor is 2^−8 = 0.0039" in note for note in printed.notes)
    assert any("8 for 1e-2 (exactly 0.0039)" in note for note in printed.notes)
    assert not any("0.001" in line["measure"] for line in lines(rows))
    assert any("10,000 or 1,000,000 payloads are more than 8 bits can tell apart." in note for note in printed.notes)
    # It is no row of noughts there; programs find it as before.
    assert {column.part for column in printed.columns if "traced" in column.part} == {
        "traced to the right one of 10 registered payloads, %"
    }
    assert {values(rows, "none", f"traced among {number}") for number in (10**4, 10**6)} == {0.0}
    # Beside a longer payload the place says it.
    both, _ = tables([cell(8, 8), replace(cell(30, 30), cell="d")])["detection"]
    shown = {
        entry.said
        for column in both.columns
        if column.digits is not None and "1e-3" in column.part
        for entry in both.frame[column.key]
    }
    assert "out of reach" in shown


def test_a_code_is_spoken_of() -> None:
    coded, _ = tables([cell(16, 31)])["detection"]
    assert any("matches of code bits are not binomial" in note for note in coded.notes)
    bare, _ = tables([cell()])["detection"]
    assert any("before and after it are the same" in note for note in bare.notes)
