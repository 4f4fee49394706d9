"""Figures of README and docs are those of the tables under results/, and what is of no kept table is listed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.quoted import deepfakes_page, field_page, readme, results_page
from tests.quoted.kept import ROOT
from tests.quoted.left import LEFT

PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "README.md": readme.quotes,
    "docs/results.md": results_page.quotes,
    "docs/field.md": field_page.quotes,
    "docs/deepfakes.md": deepfakes_page.quotes,
}
FIGURE = re.compile(r"(?<![\w.])\d+\.\d+(?!\.?\d)|(?<![\w.,])\d+(?= (?:%|points?\b))")
"""A number with decimals, or one in per cent or points: what a measured result looks like on these pages."""


def read(page: str) -> str:
    """The text without code, targets of links and breaks of lines."""
    text = (ROOT / page).read_text(encoding="utf-8")
    text = re.sub(r"```.*?```", " ", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"\]\([^)]*\)", "]", text))


def others(page: str) -> list[str]:
    """Each figure that no quote and no listed sentence holds, with the words about it."""
    text = read(page)
    for said in sorted([*PAGES[page](), *LEFT[page]], key=len, reverse=True):
        # The bar at the end of one cell begins the next.
        text = text.replace(said.strip("| "), "·")
    return [text[max(0, found.start() - 40) : found.end() + 20] for found in FIGURE.finditer(text)]


@pytest.mark.parametrize("page", PAGES)
def test_every_quote_is_what_the_kept_tables_say(page: str) -> None:
    text = read(page)
    assert not [said for said in PAGES[page]() if said not in text]


@pytest.mark.parametrize("page", LEFT)
def test_no_other_figure_stands_on_the_page(page: str) -> None:
    assert not others(page)


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
