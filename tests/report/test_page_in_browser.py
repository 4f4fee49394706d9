"""The results page in a real headless Chromium: sorting, filtering, the view in the address, pictures, a phone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ftbench.report import report_tables, write_report
from ftbench.report.figures import by_bit
from ftbench.report.page import write_page
from ftbench.report.result import Caption, Samples
from ftbench.storage.results import PSNR_SSIM, CellResult
from tests.report.test_results_page import KEPT, cell, kept_page, made, manifest, noise, of_many

ASIDE = "what => getComputedStyle(document.querySelector(what), '::after').display"
"""How the interval behind a number is drawn."""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser; where the machine has none there is nothing to drive."""
    driver = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no chromium is installed")
    with driver.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def test_a_browser_sorts_filters_and_keeps_the_view(
    browser: Any, result: CellResult, caption: Caption, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(made([result], caption, cell("one"), curves=noise(64)), encoding="utf-8")
    tab = browser.new_page()
    said: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(file.as_uri())

    def column() -> list[float]:
        rows = tab.locator("table[data-name=attacks] tbody tr:not(.group)")
        values = [rows.nth(row).locator("td").first.get_attribute("data-v") for row in range(rows.count())]
        return [float(value) for value in values if value]

    first = column()
    button = tab.locator("table[data-name=attacks] thead button").nth(1)
    button.click()
    assert column() == sorted(first, reverse=True)
    button.press("Enter")
    assert column() == sorted(first)
    assert "sort=attacks" in tab.url

    tab.fill("#filter", "jpeg")
    shown = tab.locator("tbody tr:visible").all_text_contents()
    assert shown
    assert all("jpeg" in row.lower() for row in shown)
    tab.check("#intervals")
    tab.reload()
    assert tab.input_value("#filter") == "jpeg"
    assert column() == sorted(first)
    assert tab.evaluate(ASIDE, "td[data-i]") == "block"

    tab.uncheck("#intervals")
    assert tab.evaluate(ASIDE, "td[data-i]") != "block"
    tab.fill("#filter", "")
    tab.locator(".zoom").first.click()
    assert tab.locator("dialog[open] img").count() == 1
    tab.keyboard.press("Escape")
    assert tab.locator("dialog[open]").count() == 0
    assert not said
    assert all(url.startswith(("file:", "data:")) for url in asked)
    tab.close()


def test_a_long_table_shows_its_first_rows_until_asked(browser: Any, result: CellResult, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(of_many(result, 230), encoding="utf-8")
    tab = browser.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto(file.as_uri())
    rows = tab.locator("table[data-name=attacks] tbody tr")
    shown = tab.locator("table[data-name=attacks] tbody tr:visible")
    assert (rows.count(), shown.count()) == (230, 200)
    # The first two hundred of whichever order stands, and of what is asked for.
    head = tab.locator("table[data-name=attacks] thead button").first
    head.click()
    head.click()
    assert shown.first.locator("th").text_content() == "net 229"
    assert shown.count() == 200
    tab.fill("#filter", "net 229")
    assert shown.all_text_contents()[0].startswith("net 229")
    assert shown.count() == 1
    tab.fill("#filter", "")
    tab.locator("#attacks .more").click()
    assert shown.count() == 230
    tab.emulate_media(media="print")
    assert tab.locator("table[data-name=words] tbody tr:visible").count() == 230
    assert not said
    tab.close()
    quiet = browser.new_page(java_script_enabled=False)
    quiet.goto(file.as_uri())
    assert quiet.locator("table[data-name=attacks] tbody tr:visible").count() == 230
    quiet.close()


@pytest.mark.parametrize("folder", KEPT)
def test_a_page_of_kept_results_is_sorted_and_filtered(browser: Any, tmp_path: Path, folder: str) -> None:
    file = tmp_path / "report.html"
    file.write_text(kept_page(folder), encoding="utf-8")
    tab = browser.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto(file.as_uri())
    heads = tab.locator("table[data-name=attacks] thead th")
    rows = tab.locator("table[data-name=attacks] tbody tr:not(.group)")
    whole = rows.count()
    for index in range(1, heads.count()):
        heads.nth(index).locator("button").click()
        cells = [rows.nth(row).locator("td").nth(index - 1).get_attribute("data-v") for row in range(whole)]
        values = [float(value) for value in cells if value]
        assert values == sorted(values, reverse=True)
    tab.fill("#filter", "jpeg")
    assert 0 < tab.locator("table[data-name=attacks] tbody tr:visible").count() < whole
    tab.fill("#filter", "")
    # From a number's heading to what it was made with, in one step.
    link = heads.nth(1).locator(".made a").first
    link.click()
    opened = tab.locator("details.here")
    assert opened.get_attribute("open") is not None
    assert "#" + str(opened.get_attribute("id")) == link.get_attribute("href")
    assert "encoder" in opened.inner_text()
    tab.set_viewport_size({"width": 390, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert not said
    tab.close()


def test_every_picture_of_a_page_is_drawn(
    browser: Any, result: CellResult, samples: Samples, caption: Caption, tmp_path: Path
) -> None:
    """Drawings too, whose letters have names of fonts in quotes inside quotes, and those of hostile settings."""
    names = ("one", "a 'b' \"c\" <d> & #e %20")
    results = [replace(result, cell=str(n) * 64, label=name, settings={**result.settings, "encoder": name})
               for n, name in enumerate(names)]  # fmt: skip
    reads = by_bit(["none"] * 4, ["identity"] * 2 + ["jpeg quality=50"] * 2, np.eye(4, 5, dtype=bool))
    tables = report_tables(results, PSNR_SSIM)
    write_report(tmp_path, results, caption, PSNR_SSIM, dict.fromkeys(names, samples),
                 bits=dict.fromkeys(names, reads), made=tables)  # fmt: skip
    file = write_page(tmp_path, [printed for printed, _ in tables], caption, manifest(*map(cell, names)))
    tab = browser.new_page()
    tab.goto(file.as_uri())
    tab.wait_for_function("[...document.images].every((one) => one.complete)")
    drawn = tab.evaluate("[...document.images].map((one) => [one.alt, one.naturalWidth, one.src.slice(0, 14)])")
    assert len(drawn) == len(list((tmp_path / "figures").glob("*.png"))) >= 4
    assert sum(kind == "data:image/svg" for _, _, kind in drawn) >= 3
    assert [alt for alt, width, _ in drawn if not width] == []
    tab.close()
