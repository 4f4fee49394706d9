"""Names of people, parts and files that would steer a terminal, Markdown, LaTeX, a figure or a spreadsheet."""

from __future__ import annotations

import csv
import io
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console

from ftbench.plaintext import shown
from ftbench.report import write_report
from ftbench.report.figures import distortion_plot, picture_grid
from ftbench.report.layout import HEADING
from ftbench.report.result import Caption, Samples
from ftbench.report.table import Column, make_table
from ftbench.report.tables import csv_text, latex_escape, markdown, markdown_escape
from ftbench.storage.results import PSNR_SSIM, CellResult
from tests.report.printing import print_tables

HOSTILE = (
    "a\x1b[31mred",
    "gnp\u202eexe.",
    "two\r\nlines",
    "![](http://x/y.png)",
    "[text](https://x)",
    "www.x.org https://x.org",
    "$x^2$ and $\\foo$",
    "<script>alert(1)</script>",
    "a|b",
    "*a* _b_ __c__ ~~d~~ `e`",
    "&copy; \\",
    "=cmd|' /C calc'!A0",
)


def hostile(result: CellResult, name: str) -> CellResult:
    """The result with every name in it replaced or followed by ``name``."""
    rows, quality = result.rows.copy(), result.quality.copy()
    for frame in (rows, quality):
        frame["identity"] = frame["identity"].where(frame["identity"] != "A", name)
    rows["simulator"] = rows["simulator"].replace("faceswap", name)
    rows["distortion"] = rows["distortion"].replace("jpeg quality=50", f"{name} quality=50")
    quality["of"] = quality["of"].replace("fake:faceswap", f"fake:{name}")
    settings = {**result.settings, "encoder": name}
    return replace(result, label=name, settings=settings, rows=rows, quality=quality)


def raw(text: str) -> set[str]:
    """Controls, separators and direction marks in a text of several lines."""
    return {
        character
        for character in text.replace("\n", "")
        if unicodedata.category(character) in ("Cc", "Zl", "Zp") or "\u202a" <= character <= "\u202e"
    }


def inside(tokens: list[Token]) -> list[Token]:
    return [one for token in tokens for one in (token, *inside(token.children or []))]


@pytest.mark.parametrize("name", HOSTILE)
def test_every_file_and_the_terminal_show_a_name_as_text(
    name: str, result: CellResult, samples: Samples, caption: Caption, tmp_path: Path
) -> None:
    results = [hostile(result, name), replace(result, cell="cd" * 32, settings={**result.settings, "encoder": "b"})]
    pictures = {name: replace(samples, names=(name, name))}
    stated = replace(caption, data=name, notes=(name,))
    tables = [file for file in write_report(tmp_path, results, stated, PSNR_SSIM, pictures) if file.suffix != ".png"]
    for file in tables:
        text = file.read_text(encoding="utf-8")
        assert not raw(text), file.name
        if file.suffix == ".csv":
            heads = {field[:1] for row in csv.reader(io.StringIO(text)) for field in row if not is_number(field)}
            assert not heads & set("=+-@")
    written = io.StringIO()
    print_tables(results, stated, Console(file=written, width=300, color_system=None))
    assert not raw(written.getvalue())


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_reads_back_as_the_name(name: str, caption: Caption) -> None:
    table = make_table("t", name, [Column("a", name, part=name)], [{"a": name}], [name])
    parsed = (
        MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown(table, replace(caption, data=name)))
    )
    tokens = inside(parsed)
    assert {token.type for token in tokens}.isdisjoint({"image", "link_open", "html_inline", "html_block", "s_open"})
    texts = ["".join(one.content for one in token.children or []) for token in tokens if token.type == "inline"]
    said = shown(name)
    # The caption, the part, the heading, the entry and the note; a heading that is too long is in a note too.
    part, heading, *others = texts[1:]
    assert part == said
    if len(said) > HEADING:
        others.remove(f"In full: (a) {said}.")
        assert heading.endswith(" … (a)")
        heading = said if said.startswith(heading.removesuffix(" … (a)")) else heading
    assert [heading, *others] == [said] * 3
    assert texts[0].startswith(f"{said}. ")
    assert f"data {said} (" in texts[0]


@pytest.mark.parametrize(
    ("name", "escaped"), [("$x^2$", r"\$x^2\$"), ("https://x", r"https:\//x"), ("snake_case", "snake_case")]
)
def test_markdown_of_github_alone(name: str, escaped: str) -> None:
    """Mathematics and links by themselves, which the reference above does not know."""
    assert markdown_escape(name) == escaped


def test_latex_of_a_hostile_name() -> None:
    assert latex_escape(shown("\x1b\u202e$_")) == r"\textbackslash{}x1b\textbackslash{}u202e\$\_"


@pytest.mark.parametrize(
    ("name", "field"), [("=1+1", "'=1+1"), ("@a", "'@a"), ("-x", "'-x"), ("-0.5", "-0.5"), ("a=b", "a=b")]
)
def test_a_spreadsheet_runs_no_name(name: str, field: str) -> None:
    assert csv_text(make_table("t", "T", [Column("a", "a")], [{"a": name}])).splitlines() == ["a", field]


@pytest.mark.parametrize("name", ["$\\foo$ \x1b", "a$b$c"])
def test_figures_draw_a_dollar_as_a_dollar(
    name: str, result: CellResult, samples: Samples, caption: Caption, tmp_path: Path
) -> None:
    stated = replace(caption, data=name)
    drawn = picture_grid(tmp_path / "s.png", {name: replace(samples, names=(name, name))}, stated)
    assert drawn.stat().st_size
    assert distortion_plot(tmp_path / "d.png", [hostile(result, name)], stated).stat().st_size


def is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
