"""How soon a page of many cells can be used: ``python -m benchmarks.speed.opens [--cells 1000] [--times 5]``.

Opens the page of made-up rows in a headless Chromium from a file. Prints, from the start of the navigation, the time
of the first painted words, and that at which a first sort is painted, asked for as soon as the page takes clicks:
both by the wall's clock, with quartiles, and the seconds of a processor that the page's main thread took until then,
which other jobs on the machine change least. Needs playwright, and Chromium as the tests do.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.speed.tables import Said, cells, manifest
from ftbench.report import report_tables
from ftbench.report.page import page
from ftbench.storage.results import PSNR_SSIM

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PAINTED = """() => new Promise((done) => {
  const look = () => {
    const [first] = performance.getEntriesByName("first-contentful-paint");
    first ? done(first.startTime / 1000) : requestAnimationFrame(look);
  };
  look();
})"""
SORTED = """() => new Promise((done) => {
  const head = document.querySelector("table[data-name] thead th.n");
  head.querySelector("button").click();
  if (!head.hasAttribute("aria-sort")) throw new Error("the first table was not sorted");
  requestAnimationFrame(() => setTimeout(() => done(performance.now() / 1000)));
})"""
"""Until after the frame that shows it."""


def opened(file: Path, times: int, chromium: str) -> Iterator[tuple[float, float, float]]:
    """Each time in a new tab: seconds until words were painted, until a sort was, and the main thread's by then."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(times):
            tab = browser.new_page(viewport={"width": 1280, "height": 800})
            talk = tab.context.new_cdp_session(tab)
            talk.send("Performance.enable", {"timeDomain": "threadTicks"})
            tab.goto(file.as_uri())
            painted = float(tab.evaluate(PAINTED))
            done = float(tab.evaluate(SORTED))
            told: dict[str, Any] = talk.send("Performance.getMetrics")
            yield painted, done, next(one["value"] for one in told["metrics"] if one["name"] == "TaskDuration")
            tab.close()
        browser.close()


def quartiles(values: list[float]) -> str:
    """``1.02 (0.98–1.10)``."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--images", type=int, default=20, help="of each cell; the page is as large with any number")
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        sys.exit(f"no Chromium is installed: none of {', '.join(CHROMIUM)} is on the path")
    results = list(cells(asked.cells, asked.images))
    text = page([printed for printed, _ in report_tables(results, PSNR_SSIM)], Said(), manifest(results), {})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.html"
        file.write_text(text, encoding="utf-8")
        found = list(opened(file, asked.times, chromium))
    painted, done, worked = (quartiles(list(values)) for values in zip(*found, strict=True))
    size = f"{len(text.encode()) / 1e6:.1f} MB"
    print(f"{asked.cells} cells, {size}: first words after {painted} s, a first sort answered after {done} s, of which "
          f"the page's own thread worked {worked} s; n {asked.times}")  # fmt: skip


if __name__ == "__main__":
    main()
