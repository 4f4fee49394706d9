"""Expected means and ranges are worked out by hand or by pandas' own groupby from the main table's CSV."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from ftbench.report import print_tables, report_tables, write_report
from ftbench.report.result import PSNR_SSIM, Caption, CellResult
from ftbench.report.seeds import seeds_table
from ftbench.report.summary import main_table
from ftbench.report.table import Measured, Table
from ftbench.report.tables import csv_text, latex, markdown

Make = Callable[..., CellResult]
RATES = ("marked_raw_bit_accuracy", "faceswap_raw_bit_accuracy", "faceswap_raw_word_accuracy", "psnr_all")


def seeded(made: CellResult, setting: str, seed: int, **more: str) -> CellResult:
    return replace(
        made,
        cell=f"{setting}-{seed}",
        label=f"λ={setting} seed {seed}",
        settings={"codec": "none", "λ": setting, "target dB": "none", **more, "seed": str(seed)},
    )


@pytest.fixture
def six(many: Make) -> list[CellResult]:
    """Two settings of three seeds: 8 images, 8 bits, wrong bits in every image as many as setting and seed say."""
    wrong = {"1": (0, 1, 2), "10": (0, 0, 0)}
    return [
        seeded(many(f"{setting}{seed}", np.linspace(29, 31, 8) + seed, np.full(8, errors)), setting, seed)
        for setting, errors_of in wrong.items()
        for seed, errors in enumerate(errors_of)
    ]


def seeds_of(results: list[CellResult]) -> Table:
    table = seeds_table(results, main_table(results))
    assert table is not None
    return table


def numbers(table: Table, key: str) -> list[tuple[float, float, float, int]]:
    entries: list[Measured] = list(table.frame[key])
    return [(e.estimate.value, e.estimate.low, e.estimate.high, e.estimate.n) for e in entries if e.estimate]


def test_mean_lowest_highest_and_number_of_seeds(six: list[CellResult]) -> None:
    table = seeds_of(six)
    assert list(table.frame["label"]) == ["λ=1", "λ=10"]
    assert list(table.frame["seeds"]) == ["0, 1, 2", "0, 1, 2"]
    # 0, 1 and 2 of 8 bits wrong in every image.
    assert numbers(table, "marked_raw_bit_accuracy")[0] == pytest.approx((1 - 1 / 8, 1 - 2 / 8, 1.0, 3))
    assert numbers(table, "faceswap_raw_word_accuracy")[0] == pytest.approx((1 / 3, 0.0, 1.0, 3))
    assert numbers(table, "psnr_all")[0] == pytest.approx((31.0, 30.0, 32.0, 3))
    assert numbers(table, "marked_raw_bit_accuracy")[1] == (1.0, 1.0, 1.0, 3)


def test_the_csv_agrees_with_a_groupby_of_the_main_csv(six: list[CellResult]) -> None:
    main = pd.read_csv(io.StringIO(csv_text(main_table(six))))
    seeds = pd.read_csv(io.StringIO(csv_text(seeds_of(six)))).set_index("lambda")
    for stem in RATES:
        expected = main.groupby("lambda")[f"{stem}_value"].agg(["mean", "min", "max", "size"])
        found = seeds[[f"{stem}_{ending}" for ending in ("mean", "low", "high", "seeds")]]
        np.testing.assert_allclose(found.to_numpy(float), expected.to_numpy(float), rtol=1e-12)
    assert not [name for name in seeds.columns if name.endswith(("_value", "_n"))]


def test_any_other_column_makes_another_setting(six: list[CellResult]) -> None:
    held = [seeded(made, "1", int(made.settings["seed"]), **{"target dB": "30"}) for made in six[:3]]
    held = [replace(made, cell=f"{made.cell}-held") for made in held]
    table = seeds_of([*six, *held])
    assert list(table.frame["target_db"]) == ["none", "none", "30"]
    longer = [replace(made, cell=f"{made.cell}-long", code_bits=16) for made in six[:3]]
    assert list(seeds_of([*six, *longer]).frame["code_bits"]) == ["8", "8", "16"]


def test_one_seed_each_needs_no_table(six: list[CellResult]) -> None:
    for results in ([], six[:1], [six[0], six[3]], [six[0], six[4]]):
        assert seeds_table(results, main_table(results)) is None


def test_a_setting_that_lost_a_seed_says_so(six: list[CellResult]) -> None:
    table = seeds_of(six[:5])
    assert list(table.frame["seeds"]) == ["0, 1, 2", "0, 1"]
    assert [found[3] for found in numbers(table, "psnr_all")] == [3, 2]


def test_what_a_seed_lacks_is_not_averaged_as_nought(six: list[CellResult]) -> None:
    bare = replace(six[2], rows=six[2].rows[six[2].rows["simulator"] == "none"])
    table = seeds_of([*six[:2], bare])
    assert numbers(table, "faceswap_raw_bit_accuracy") == [pytest.approx((1 - 0.5 / 8, 1 - 1 / 8, 1.0, 2))]


def test_identical_pictures_are_counted_over_the_seeds(six: list[CellResult]) -> None:
    same = [replace(made, quality=made.quality.assign(psnr=np.inf)) for made in six[:2]]
    assert seeds_of([*same, six[2]]).frame["psnr_all"].iloc[0].identical == 16
    assert seeds_of(same).frame["psnr_all"].iloc[0] == Measured(None, 16)


def test_cells_that_no_column_tells_apart_are_never_averaged(six: list[CellResult]) -> None:
    twin = replace(six[0], cell="twin", label="λ=1 seed 0 (twin)")
    table = seeds_of([*six, twin])
    assert list(table.frame["label"]) == ["λ=10"]
    assert any("λ=1 seed 0 (twin)" in note for note in table.notes)
    assert seeds_table([*six[:3], twin], main_table([*six[:3], twin])) is None


def test_a_psnr_that_one_seed_did_not_reach_is_said(many: Make) -> None:
    results = [
        seeded(many(str(seed), np.full(8, db), np.zeros(8)), "1", seed, **{"target dB": "32"})
        for seed, db in enumerate((32.0, 32.2, 32.2))
    ]
    assert list(seeds_of(results).frame["reached_db"]) == ["32.20, asked 32.00"]
    assert (
        "reached_db"
        not in seeds_of(
            [results[0], replace(results[0], cell="2", settings={**results[0].settings, "seed": "9"})]
        ).frame
    )


@pytest.mark.parametrize(("stalled", "said"), [(1, "1 of 3 STALLED"), (3, "STALLED")])
def test_a_stalled_seed_is_said(six: list[CellResult], stalled: int, said: str) -> None:
    results = [replace(made, status="stalled") for made in six[:stalled]] + six[stalled:]
    table = seeds_of(results)
    assert list(table.frame["status"]) == [said, "done"]
    assert any(note.startswith("STALLED") for note in table.notes)


@pytest.mark.parametrize("render", [markdown, latex])
def test_print_says_that_brackets_are_seeds(render: Callable[[Table, Caption], str], six: list[CellResult]) -> None:
    text = render(seeds_of(six), Caption("quick", "faces", "0" * 64, "small", 32, 8, 1, (0, 1, 2), "9"))
    assert "the lowest and the highest seed, not intervals over images" in text
    assert "95 %" not in text.replace("\\%", "%")
    assert "(3 seeds)" in text
    assert "(n=" not in text


def test_written_only_where_there_are_seeds_and_an_older_one_goes(
    tmp_path: Path, six: list[CellResult], caption: Caption
) -> None:
    files = {tmp_path / "tables" / f"seeds{ending}" for ending in (".md", ".csv", ".tex")}
    assert files <= set(write_report(tmp_path, six, caption, PSNR_SSIM))
    assert all(file.is_file() for file in files)
    assert [printed.name for printed, _ in report_tables(six, PSNR_SSIM)][:2] == ["main", "seeds"]
    write_report(tmp_path, [six[0], six[3]], caption, PSNR_SSIM)
    assert not any(file.exists() for file in files)


def test_the_terminal_prints_it(six: list[CellResult], caption: Caption) -> None:
    console = Console(width=120, file=io.StringIO(), force_terminal=False)
    print_tables(six, caption, console)
    assert isinstance(console.file, io.StringIO)
    _, _, seeds = console.file.getvalue().partition("means over seeds")
    marked = next(line for line in seeds.splitlines() if "bits, marked" in line)
    assert marked.split()[:4] == ["bits,", "marked", "3", "87.50"]
    assert "[75.00, 100.00]" in marked
    assert "lowest and its highest seed" in seeds
