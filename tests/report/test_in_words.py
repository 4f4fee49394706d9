"""What came of a run in words: counted by hand, on the page first and on the terminal last."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from ftbench.report import report_tables
from ftbench.report.inwords import Said, in_words, task
from ftbench.report.kept import table_json, table_of
from ftbench.report.result import Caption
from ftbench.report.table import Measured, Table
from ftbench.statistics.estimates import Estimate
from ftbench.storage.results import PSNR_SSIM, CellResult
from tests.report.printing import printed
from tests.report.test_results_page import Seen, cell, made

READ, FAKED, DISTORTED = (
    "Read of marked pictures",
    "Read after deepfakes and the like",
    "Read after distortions of the file",
)


def overview(*results: CellResult) -> Table:
    return report_tables(results, PSNR_SSIM)[0][0]


def test_of_one_method_its_numbers_are_said(result: CellResult) -> None:
    met = replace(result, settings={**result.settings, "trained against": "faceswap"})
    lead = dict(overview(met).lead)
    assert lead["The task"].startswith("2 bits, drawn anew each time, are hidden in each of 2 pictures")
    # A deepfake and JPEG; 4 of 16 bits are wrong, 8 after the deepfake; PSNR is 31 dB of one image, 40 of the other.
    assert "twice, and read again after each of 2 ways to change the picture" in lead["The task"]
    assert lead[READ] == "75.0 % of the bits"
    assert lead[FAKED] == "50.0 % after faceswap, which it was trained against"
    assert lead["Marked pictures against originals"] == "PSNR 35.50 dB"
    assert "which" not in dict(overview(result).lead)[FAKED]


def test_of_several_the_lowest_and_the_highest_are_said_and_whose_they_are(result: CellResult) -> None:
    jpeg = result.rows[result.rows["distortion"] == "jpeg quality=50"]
    blurred = jpeg.assign(distortion="blur sigma=1", category="blur", code_errors=4)
    first = replace(result, rows=pd.concat([result.rows, blurred]))
    better = first.rows.assign(code_errors=(first.rows["code_errors"] - 1).clip(lower=0))
    second = replace(first, cell="2", label="b", settings={"encoder": "b"}, rows=better)
    lead = dict(overview(first, second).lead)
    # Unattacked 4 of 16 bits are wrong, and 2 where each reading errs by one bit less.
    assert lead[READ] == f"75.0 % of the bits ({first.label}) to 87.5 (b)"
    # Of 4 bits JPEG leaves 2 right, or 3; the blur none, or one.
    assert lead[DISTORTED] == (
        f"25.0 % in the mean of 2 ({first.label}) to 50.0 (b); "
        f"0.0 % after the worst of them ({first.label}, blur sigma=1) to 25.0 (b, blur sigma=1)"
    )


def test_what_is_alike_or_missing() -> None:
    at = Measured(Estimate(0.5, 0.4, 0.6, 9, ""), digits=1, scale=100.0)
    said = {0: Said("a", "{} %"), 1: Said("b", "{} %"), 2: Said("a", "{} again")}
    entries = {(0, 0): at, (0, 1): at, (2, 1): at}
    assert in_words(said, entries, ["x", "y"]) == (("a", "50.0 % of all; 50.0 again (y)"),)
    assert in_words({0: Said("a", "{} % after {b}.onnx")}, entries, ["x", "y"]) == (
        ("a", "50.0 % after {b}.onnx of all"),
    )
    assert task([8, 64, 8], 1000, 1, 0, False)[1] == (
        "8 or 64 bits, drawn anew each time, are hidden in each of 1,000 pictures that no training saw, once. "
        "Who guesses reads half of them."
    )


def test_they_stand_first_on_the_page_and_last_on_the_terminal(result: CellResult, caption: Caption) -> None:
    hurt = replace(result, label="<b>\x1b[31m", settings={**result.settings, "encoder": "e"})
    table = overview(hurt, replace(result, cell="2"))
    assert table_of(table_json(table)).lead == table.lead
    words = " ".join(Seen(made([hurt, replace(result, cell="2")], caption, cell("one"))).words)
    place = [words.index(said) for said in ("The task", READ, "What all tables share", "Overview")]
    assert place == sorted(place)
    text = printed([result], caption)
    assert text.index("In words") > text.index("Bits read after each attack")
    assert f"{READ}: 75.0 % of the bits" in text
    assert "\x1b[31m" not in "".join(map("".join, table.lead))
