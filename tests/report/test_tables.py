from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from ftbench.report.layout import WIDTH
from ftbench.report.result import Caption
from ftbench.report.table import Column, Measured, format_measured, format_short, make_table, snake_case, unique_names
from ftbench.report.tables import csv_text, json_text, latex, latex_escape, markdown, write_table
from ftbench.statistics.estimates import Estimate
from ftbench.storage.results import CellResult
from tests.report.printing import tables

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


NAMES = ("overview", "attacks", "words", "detection", "quality", "combined", "pairs", "main")


@pytest.mark.parametrize("name", NAMES)
def test_csv_gives_back_every_number_exactly(
    name: str, result: CellResult, stalled: CellResult, caption: Caption
) -> None:
    table = tables([result, stalled])[name][1]
    text = csv_text(table)
    assert_json_says_the_same(json.loads(json_text(table, caption)), text)
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


def assert_json_says_the_same(whole: dict[str, object], text: str) -> None:
    rows = whole["rows"]
    assert isinstance(rows, list)
    for row, line in zip(rows, csv.DictReader(io.StringIO(text)), strict=True):
        assert list(row) == list(line)
        for key, value in row.items():
            if value is None:
                assert line[key] in ("", "inf", "-inf")
            else:
                assert value == line[key].removeprefix("'") if isinstance(value, str) else value == float(line[key])


def test_csv_counts_identical_pictures(result: CellResult) -> None:
    back = read_csv(csv_text(tables([result])["main"][1]))
    assert list(back["psnr_all_identical"]) == ["1"]
    assert "ssim_all_identical" not in back


def test_csv_quotes_what_holds_a_comma(result: CellResult) -> None:
    label = 'a, "b" c'
    assert read_csv(csv_text(tables([replace(result, label=label)])["main"][1]))["label"][0] == label


def test_markdown_one_row_an_attack(result: CellResult, stalled: CellResult, caption: Caption) -> None:
    (grid,) = grids(markdown(tables([result, stalled])["attacks"][0], caption))
    assert grid[0] == ["", "λ=1 α=0.1", "λ=1 α=0.5 **STALLED**"]
    assert [row[0] for row in grid[1:]] == [
        "*not attacked*", "marked", "*other simulators*", "faceswap", "*distortions: compression*", "jpeg quality=50",
        "*control*", "unmarked covers",
    ]  # fmt: skip
    # 4 of 16 bits are wrong; both settings are the best.
    assert re.fullmatch(r"\*\*75\.0 [−+±\d. ]+\*\*", grid[2][1])
    assert grid[2][1] == grid[2][2]
    quality = markdown(tables([result, stalled])["quality"][0], caption)
    psnr = next(row for row in grids(quality)[0] if row[0] == "marked")
    assert psnr[1].startswith("**35.50 ")
    assert psnr[1].endswith("(1 identical)**")
    # What is the same is said once.
    overview = markdown(tables([result, stalled])["overview"][0], caption)
    assert "The same for all: encoder unet, codec repetition, λ 1, payload bits 2, code bits 4." in overview
    assert "| status " in overview


def test_the_other_way_round(result: CellResult, stalled: CellResult, caption: Caption) -> None:
    across = tables([result, stalled])["attacks"]
    down = tables([result, stalled], methods_across=False)["attacks"]
    pd.testing.assert_frame_equal(across[1].frame, down[1].frame)
    found = grids(markdown(down[0], caption))
    assert [grid[0][0] for grid in found] == ["method"] * 4
    assert [row[0] for row in found[0][1:]] == ["λ=1 α=0.1", "λ=1 α=0.5 **STALLED**"]
    assert found[2][0] == ["method", "jpeg quality=50"]
    assert found[0][1][1] == grids(markdown(across[0], caption))[0][2][1]


def test_caption_states_what_the_table_was_made_from(result: CellResult, caption: Caption) -> None:
    stated = replace(caption, made_by="ftbench 9.9 (0a1b2c3d)")
    first = markdown(tables([result])["attacks"][0], stated).splitlines()[0]
    for said in (
        "quick", "two_identities", "0123456789ab", "small", "32×32 px", "2 images", "2 draws", "seeds 0, 1",
        "100", "50 % of it.", "ftbench 9.9 (0a1b2c3d)", "wilson, clustered", "n = 2",
    ):  # fmt: skip
        assert said in first
    assert "0123456789abc" not in first


def test_n_stands_beside_the_number_where_images_differ(
    result: CellResult, stalled: CellResult, caption: Caption
) -> None:
    fewer = replace(stalled, rows=stalled.rows[stalled.rows["image"] == "a"])
    made = tables([result, fewer])["attacks"][0]
    row = next(row for row in grids(markdown(made, caption))[0] if row[0] == "marked")
    assert "n=" not in row[1]
    assert row[2].endswith(" n=1")
    assert any("Not compared" in note for note in made.notes)


def test_markdown_escapes_what_would_break_a_row(result: CellResult, caption: Caption) -> None:
    grid = grids(markdown(tables([replace(result, label=NASTY)], methods_across=False)["words"][0], caption))[0]
    assert {len(row) for row in grid} == {len(grid[0])}
    assert re.sub(r"\\(.)", r"\1", grid[1][0]) == NASTY


@pytest.mark.parametrize("methods_across", [True, False])
@pytest.mark.parametrize("number", [1, 2, 5, 13])
def test_no_table_is_wider_than_a_page(number: int, methods_across: bool, result: CellResult, caption: Caption) -> None:
    rows = pd.concat([result.rows.assign(simulator=f"{name} deepfake-of-a-long-name strength={name}")
                      for name in range(9)] + [result.rows])  # fmt: skip
    cells = [
        replace(result, cell=f"{n:064x}", label=f"an encoder with a long name {n} of them *all*", rows=rows,
                settings={**result.settings, "λ": str(n)})
        for n in range(number)
    ]  # fmt: skip
    for name, (table, _) in tables(cells, methods_across=methods_across).items():
        if table.printed:
            found = [line for line in markdown(table, caption).splitlines() if line.startswith("|")]
            assert found or table.frame.empty
            assert max(map(len, found), default=0) <= WIDTH, name
            # Every method's numbers are there.
            if table.frame.shape[0] and methods_across and name == "attacks":
                assert sum(line.count("75.0") for line in found if line.startswith("| marked ")) == number


# A reader of just enough LaTeX to find what would not compile: what is left after known commands,
# escapes and mathematics are taken away must hold no special character.
KNOWN = re.compile(
    r"\\(?:begin|end|caption|label|textbf|centering|toprule|midrule|bottomrule|linewidth)\b"
    r"|\\textbackslash\{\}|\\textasciitilde\{\}|\\textasciicircum\{\}|\\ldots\{\}"
    r"|\\(?:multicolumn|emph)\b"
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
            if line.endswith(r"\\") and not line.startswith(r"\multicolumn"):
                assert len(re.findall(r"(?<!\\)&", line)) == len(tabular[0]) - 1
                assert not line.startswith("[")
    left = KNOWN.sub(" ", body)
    assert not re.search(r"[\\$#%_^~|<>]", left), re.search(r".{0,20}[\\$#%_^~|<>].{0,20}", left)
    assert body.isascii()


def test_latex_checker_finds_faults() -> None:
    for fault in (r"50% off", "a_b", r"\begin{tabular}{l} {", "λ", r"\unknown", "$x$"):
        with pytest.raises(AssertionError):
            check_latex(fault)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "main"])
def test_latex(name: str, result: CellResult, stalled: CellResult, caption: Caption) -> None:
    nasty = replace(caption, notes=(NASTY, "± 1 — “so”"))
    text = latex(tables([replace(result, label=NASTY), stalled])[name][0], nasty)
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
    for path in write_table(tmp_path, tables([])["attacks"][0], caption):
        text = path.read_text()
        if path.suffix == ".csv":
            assert len(text.splitlines()) == 1
        elif path.suffix == ".json":
            assert json.loads(text)["rows"] == []
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


@pytest.mark.parametrize(
    ("entry", "column", "text"),
    [
        (Measured(Estimate(0.978, 0.969, 0.987, 90, "m")), Column("a", "a", 2, 100.0), "97.8 ±0.9"),
        (Measured(Estimate(0.978, 0.957, 0.982, 90, "m")), Column("a", "a", 2, 100.0), "97.8 −2.1 +0.4"),
        # What is not all is not called all.
        (Measured(Estimate(0.9997, 0.9990, 0.9999, 90, "m")), Column("a", "a", 2, 100.0), ">99.9 ±0.0"),
        (Measured(Estimate(1.0, 0.963, 1.0, 90, "m")), Column("a", "a", 2, 100.0), "100.0 −3.7 +0.0"),
        (Measured(Estimate(-0.012, -0.022, -0.002, 9, "m")), Column("a", "a", 2, 100.0, signed=True), "−1.2 ±1.0"),
        (Measured(Estimate(31.234, 30.0, 32.4, 5, "m"), 2), Column("a", "a", 2), "31.23 ±1.20 (2 identical)"),
        (Measured(Estimate(1.0, float("-inf"), float("inf"), 1, "m")), Column("a", "a", 1), "1.0 ±n/a"),
        (Measured(None, said="out of reach"), Column("a", "a", 1), "out of reach"),
        (Measured(None), Column("a", "a", 1), "—"),
        (
            Measured(Estimate(0.95, 0.94, 0.96, 9, "m"), lowest=0.949, highest=0.951, seeds=3, mark="level"),
            Column("a", "a", 2, 100.0),
            "95.0 ±1.0 (94.9–95.1) ≈",
        ),
        # Of five seeds the interval tells enough.
        (
            Measured(Estimate(0.95, 0.94, 0.96, 9, "m"), lowest=0.949, highest=0.951, seeds=5),
            Column("a", "a", 2, 100.0),
            "95.0 ±1.0",
        ),
    ],
)
def test_short_format(entry: Measured, column: Column, text: str) -> None:
    assert format_short(entry, column) == text


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
