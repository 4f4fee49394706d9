"""Figures of README and docs are those of the tables under results/, and what is of no kept table is listed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.quoted import deepfakes_page, field_page, other_pages, readme, results_page
from tests.quoted.kept import ROOT
from tests.quoted.left import LEFT, SECTIONS

PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "README.md": readme.quotes,
    "docs/results.md": results_page.quotes,
    "docs/field.md": field_page.quotes,
    "docs/deepfakes.md": deepfakes_page.quotes,
    "docs/claims.md": other_pages.claims,
    "docs/decisions.md": other_pages.decisions,
    "docs/performance.md": other_pages.performance,
}
EVERY = sorted(
    file.relative_to(ROOT).as_posix()
    for file in (ROOT / "README.md", ROOT / "results" / "README.md", *(ROOT / "docs").glob("*.md"))
)
FIGURE = re.compile(r"(?<![\w.])\d+\.\d+(?!\.?\d)|(?<![\w.,])\d+(?= (?:%|points?\b))")
"""A number with decimals, or one in per cent or points: what a measured result looks like on these pages."""


def read(page: str) -> str:
    """The text without code, targets of links and breaks of lines."""
    return _plain(_without_code(page))


def _without_code(page: str) -> str:
    return re.sub(r"```.*?```", " ", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\]\([^)]*\)", "]", text))


def sections(page: str) -> dict[str, str]:
    """What stands under each heading, without its subheadings."""
    _, *parts = re.split(r"(?m)^#+ (.*)$", _without_code(page))
    return dict(zip(parts[::2], map(_plain, parts[1::2]), strict=True))


def others(page: str) -> list[str]:
    """Each figure that no quote, no listed sentence and no listed section holds, with the words about it."""
    held = sorted([*PAGES.get(page, tuple)(), *LEFT.get(page, ())], key=len, reverse=True)
    found = []
    for heading, whole in sections(page).items():
        if heading in SECTIONS.get(page, {}):
            continue
        text = whole
        for said in held:
            # The bar at the end of one cell begins the next.
            text = text.replace(said.strip("| "), "·")
        found += [text[max(0, one.start() - 40) : one.end() + 20] for one in FIGURE.finditer(text)]
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_quote_is_what_the_kept_tables_say(page: str) -> None:
    text = read(page)
    assert not [said for said in PAGES[page]() if said not in text]


@pytest.mark.parametrize("page", EVERY)
def test_no_other_figure_stands_on_the_page(page: str) -> None:
    assert not others(page)


@pytest.mark.parametrize("page", SECTIONS)
def test_a_listed_section_is_there_and_has_figures(page: str) -> None:
    text = sections(page)
    assert not [heading for heading in SECTIONS[page] if not FIGURE.search(text.get(heading, ""))]
    assert all(SECTIONS[page].values())


@pytest.mark.parametrize("page", LEFT)
def test_what_is_listed_is_there(page: str) -> None:
    """A sentence that is gone from the page leaves the list, too."""
    text = read(page)
    assert not [said for said in LEFT[page] if said not in text]


def test_a_figure_is_seen() -> None:
    assert [found[0] for found in FIGURE.finditer("84 % of 8 bits, 0.1 dB, 3 points and torch 2.14.1")] == [
        "84",
        "0.1",
        "3",
    ]
