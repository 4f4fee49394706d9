from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from ftbench.report.pairs import pairs_table
from ftbench.report.result import Caption, CellResult
from ftbench.report.summary import distortion_rows, distortion_table, fakes_table, main_table
from ftbench.report.table import (
    Column,
    Measured,
    Table,
    format_measured,
    make_table,
    snake_case,
    unique_names,
)
from ftbench.report.tables import csv_text, latex, latex_escape, markdown, write_table
from ftbench.statistics import Estimate

NASTY = r"a_b & 50% {x} #1 \y ~z^ [q] $5 <|>"


def read_csv(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text), keep_default_na=False, dtype=object)


def grids(text: str) -> list[list[list[str]]]:
    """The tables of a Markdown text: rows of cells, the heading first, the rule left out."""
    found: list[list[list[str]]] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("|"):
            if not inside:
                found.append([])
            found[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        inside = line.startswith("|")
    return [[row for row in grid if not set("".join(row)) <= set("-:")] for grid in found]


@pytest.mark.parametrize("make", [main_table, fakes_table, pairs_table, distortion_rows])
def test_csv_gives_back_every_number_exactly(make: object, result: CellResult, stalled: CellResult) -> None:
    table: Table = make([result, stalled])  # type: ignore[operator]
    text = csv_text(table)
    assert not text.startswith("#")
    back = read_csv(text)
    assert len(back) == len(table.frame) > 0
    for column in table.columns:
        for number, entry in enumerate(table.frame[column.key]):
            if column.digits is None:
                assert back[column.key][number] == entry
            elif entry.estimate is None:
                assert back[f"{column.key}_value"][number] == ""
            else:
                read = [float(back[f"{column.key}_{name}"][number]) for name in ("value", "low", "high")]
                assert read == [entry.estimate.value, entry.estimate.low, entry.estimate.high]
                assert int(back[f"{column.key}_n"][number]) == entry.estimate.n
    assert len(set(back.columns)) == len(back.columns)
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in back.columns)


def test_csv_counts_identical_pictures(result: CellResult) -> None:
    back = read_csv(csv_text(main_table([result])))
    assert list(back["psnr_all_identical"]) == ["1"]
    assert "ssim_all_identical" not in back


def test_csv_quotes_what_holds_a_comma(result: CellResult) -> None:
    label = 'a, "b" c'
    assert read_csv(csv_text(main_table([replace(result, label=label)])))["label"][0] == label


def test_markdown_one_row_a_setting(result: CellResult, stalled: CellResult, caption: Caption) -> None:
    text = markdown(main_table([result, stalled]), caption)
    reading, payload, quality = grids(text)
    for grid in (reading, payload, quality):
        assert len(grid) == 3
        assert {len(row) for row in grid} == {len(grid[0])}
        assert [row[0] for row in grid[1:]] == ["λ=1 α=0.1", "λ=1 α=0.5"]
        assert [row[1] for row in grid[1:]] == ["done", "**STALLED**"]
    marked = reading[1][reading[0].index("bits, marked (n=2)")]
    assert re.fullmatch(r"75\.00 \[\d+\.\d\d, \d+\.\d\d\]", marked)
    payload_words = payload[1][payload[0].index("payload words, after faceswap (n=2)")]
    assert payload_words.startswith("25.00 [")
    psnr = quality[1][quality[0].index("PSNR dB, all (n=2)")]
    assert psnr.startswith("35.50 [")
    assert psnr.endswith("(1 identical)")
    assert quality[1][quality[0].index("SSIM, all (n=2)")].startswith("0.950 [")
    # Equal settings are said once, differing ones are columns.
    assert "α" in reading[0]
    assert "encoder" not in reading[0]
    assert "The same in every row: encoder unet, codec repetition, λ 1." in text


def test_caption_states_what_the_table_was_made_from(result: CellResult, caption: Caption) -> None:
    first = markdown(main_table([result]), caption).splitlines()[0]
    for said in (
        "quick", "two_identities", "0123456789ab", "small", "32×32 px", "2 images", "2 draws", "seeds 0, 1",
        "100", "50 % of it.",
    ):  # fmt: skip
        assert said in first
    assert "0123456789abc" not in first
    for method in main_table([result]).methods():
        assert method in first


def test_n_stands_beside_the_number_where_images_differ(
    result: CellResult, stalled: CellResult, caption: Caption
) -> None:
    fewer = replace(stalled, rows=stalled.rows[stalled.rows["image"] == "a"])
    reading = grids(markdown(main_table([result, fewer]), caption))[0]
    place = reading[0].index("bits, marked")
    assert reading[1][place].endswith(" n=2")
    assert reading[2][place].endswith(" n=1")


def test_markdown_escapes_what_would_break_a_row(result: CellResult, caption: Caption) -> None:
    grid = grids(markdown(main_table([replace(result, label=NASTY)]), caption))[0]
    assert {len(row) for row in grid} == {len(grid[0])}
    assert re.sub(r"\\(.)", r"\1", grid[1][0]) == NASTY


def test_wide_distortion_table_is_split_by_settings(result: CellResult, caption: Caption) -> None:
    cells = [replace(result, cell=f"{n:064x}", label=f"s{n}") for n in range(4)]
    first, second = grids(markdown(distortion_table(cells), caption))
    assert [len(first[0]), len(second[0])] == [2 + 3 * 2, 2 + 1 * 2]
    assert second[0][2:] == ["s3, marked (n=2)", "s3, faceswap (n=2)"]
    assert [row[1] for row in second[1:]] == ["identity", "jpeg quality=50"]
    assert second[2][3].startswith("25.00 [")


# A reader of just enough LaTeX to find what would not compile: what is left after known commands,
# escapes and mathematics are taken away must hold no special character.
KNOWN = re.compile(
    r"\\(?:begin|end|caption|label|textbf|centering|toprule|midrule|bottomrule|linewidth)\b"
    r"|\\textbackslash\{\}|\\textasciitilde\{\}|\\textasciicircum\{\}|\\ldots\{\}"
    r"|\$(?:\\[A-Za-z]+|\^\\circ|\^2|[-<>|]|\\frac\{1\}\{2\})\$"
    r"|\\[{}&%$#_]|\\\\"
)


def check_latex(text: str) -> None:
    depth = 0
    for character in re.sub(r"\\.", "", text, flags=re.DOTALL):
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert re.findall(r"\\begin\{(.+?)\}", body).count("tabular") == body.count(r"\end{tabular}")
    for tabular in re.findall(r"\\begin\{tabular\}\{([lr]+)\}\n(.*?)\\end\{tabular\}", body, re.DOTALL):
        for line in tabular[1].splitlines():
            if line.endswith(r"\\"):
                assert len(re.findall(r"(?<!\\)&", line)) == len(tabular[0]) - 1
                assert not line.startswith("[")
    left = KNOWN.sub(" ", body)
    assert not re.search(r"[\\$#%_^~|<>]", left), re.search(r".{0,20}[\\$#%_^~|<>].{0,20}", left)
    assert body.isascii()


def test_latex_checker_finds_faults() -> None:
    for fault in (r"50% off", "a_b", r"\begin{tabular}{l} {", "λ", r"\unknown", "$x$"):
        with pytest.raises(AssertionError):
            check_latex(fault)


@pytest.mark.parametrize("make", [main_table, fakes_table, pairs_table, distortion_table])
def test_latex(make: object, result: CellResult, stalled: CellResult, caption: Caption) -> None:
    nasty = replace(caption, notes=(NASTY, "± 1 — “so”"))
    text = latex(make([replace(result, label=NASTY), stalled]), nasty)  # type: ignore[operator]
    check_latex(text.replace("“", "``"))
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == text.count(r"\begin{table*}") >= 1
    assert r"\textbf{STALLED}" in text
    assert r"$\lambda$=1 $\alpha$=0.5" in text
    labels = re.findall(r"\\label\{(.+?)\}", text)
    assert len(set(labels)) == len(labels) == text.count(r"\caption{")


@pytest.mark.parametrize(
    ("plain", "escaped"),
    [
        ("λ=1, 50 %", r"$\lambda$=1, 50 \%"),
        ("±1 Δ Α ο", r"$\pm$1 $\Delta$ A o"),
        ("-1.5 a-b 2-3", r"$-$1.5 a-b 2-3"),
        ("[0, 1]", "{[}0, 1{]}"),
        ("\\", r"\textbackslash{}"),
    ],
)
def test_latex_escape(plain: str, escaped: str) -> None:
    assert latex_escape(plain) == escaped


def test_no_cell_is_said_in_every_format(caption: Caption, tmp_path: Path) -> None:
    for path in write_table(tmp_path, main_table([]), caption):
        text = path.read_text()
        if path.suffix == ".csv":
            assert len(text.splitlines()) == 1
        else:
            assert "No finished cell" in text


@pytest.mark.parametrize(
    ("estimate", "column", "text"),
    [
        (
            Estimate(0.9987, 0.99614, 0.99956, 90, "m"),
            Column("a", "a", 2, 100.0),
            "99.87 [99.61, 99.96] n=90",
        ),
        (Estimate(-0.004, -1.25, 0.5, 9, "m"), Column("a", "a", 2, signed=True), "0.00 [-1.25, +0.50] n=9"),
        (Estimate(31.234, 30.0, 32.0, 5, "m"), Column("a", "a", 2), "31.23 [30.00, 32.00] n=5"),
        (Estimate(1.0, float("nan"), float("nan"), 1, "m"), Column("a", "a", 1), "1.0 [n/a, n/a] n=1"),
        (None, Column("a", "a", 1), "—"),
    ],
)
def test_format(estimate: Estimate | None, column: Column, text: str) -> None:
    assert format_measured(Measured(estimate), column) == text


def test_format_identical() -> None:
    assert format_measured(Measured(None, 3), Column("a", "a", 1)) == "(3 identical)"


def test_names() -> None:
    assert snake_case("trained against") == "trained_against"
    assert snake_case("λ") == "lambda"
    assert snake_case("Ω (Åm)") == "omega_am"
    assert unique_names(["A b", "a-b", "c"], taken=("c",)) == {"A b": "a_b", "a-b": "a_b_2", "c": "c_2"}


def test_make_table_fills_what_a_row_lacks() -> None:
    table = make_table("t", "T", [Column("a", "a"), Column("b", "b", 1)], [{}])
    assert table.frame["a"].iloc[0] == ""
    assert table.frame["b"].iloc[0] == Measured()
