from __future__ import annotations

import errno
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ftbench.errors import BadInput
from ftbench.report import write_report
from ftbench.report.figures import curves
from ftbench.report.result import Caption, Samples
from ftbench.storage.results import PSNR_SSIM, CellResult
from tests.report.printing import printed

TABLES = {
    f"tables/{name}.{ending}"
    for name in ("overview", "attacks", "words", "detection", "quality", "combined", "pairs")
    for ending in ("md", "csv", "json", "tex")
} | {"tables/main.csv", "tables/main.json"}
NONE = {name for name in TABLES if "combined" not in name}
PLOTS = {f"figures/{name}{ending}" for name in ("curves", "distortions") for ending in (".png", ".svg")}
OF_SAMPLES = {"figures/samples.png", "figures/residuals.png", "figures/residuals.svg"}


def inside(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_everything_is_written_and_named(
    tmp_path: Path, result: CellResult, stalled: CellResult, samples: Samples, caption: Caption
) -> None:
    written = write_report(tmp_path, [result, stalled], caption, PSNR_SSIM, {result.label: samples})
    assert inside(tmp_path) == {str(path.relative_to(tmp_path)) for path in written}
    assert inside(tmp_path) == TABLES | PLOTS | OF_SAMPLES


def test_same_input_same_bytes(tmp_path: Path, result: CellResult, stalled: CellResult, caption: Caption) -> None:
    first = write_report(tmp_path / "1", [result, stalled], caption, PSNR_SSIM)
    second = write_report(tmp_path / "2", [result, stalled], caption, PSNR_SSIM)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_pictures_can_be_left_out_and_stale_ones_go(
    tmp_path: Path, result: CellResult, samples: Samples, caption: Caption
) -> None:
    write_report(tmp_path, [result], caption, PSNR_SSIM, {result.label: samples})
    (tmp_path / "figures" / "mine.png").write_bytes(b"kept")
    (tmp_path / "tables" / "overall.md").write_text("of an earlier release", encoding="utf-8")
    write_report(tmp_path, [result], caption, PSNR_SSIM, {result.label: samples}, pictures=False)
    assert inside(tmp_path) == TABLES | PLOTS | {"figures/mine.png"}


def test_no_finished_cell(tmp_path: Path, caption: Caption) -> None:
    write_report(tmp_path, [], caption, PSNR_SSIM)
    assert inside(tmp_path) == NONE
    for path in (tmp_path / "tables").glob("*.md"):
        assert re.search(r"^No (finished cell|quality)", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert "No finished cell" in printed([], caption)


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, result: CellResult, caption: Caption, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = curves(tmp_path / "curves.png", [result], caption)
    before = path.read_bytes()

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BadInput, match="No space left"):
        curves(path, [replace(result, label="other")], caption)
    assert path.read_bytes() == before
    assert inside(tmp_path) == {"curves.png", "curves.svg"}


def test_what_is_printed_fits_the_width(result: CellResult, stalled: CellResult, caption: Caption) -> None:
    third = replace(result, cell="9" * 64, label="λ=10 α=0.1", settings={**result.settings, "λ": "10"})
    for width in (80, 100, 120):
        text = printed([result, stalled, third], caption, width)
        assert max(map(len, text.splitlines())) <= width
    attacks = text[text.index("Bits read after each attack") :]
    # The three settings, each number with its interval.
    found = "".join(line for line in attacks.splitlines() if line.strip().startswith("marked "))
    assert found.count("75.0 −") == 3
    assert "STALLED" in text
    assert "undecided" in text


def test_terminal_prints_numbers_without_an_interval(many: Callable[..., CellResult], caption: Caption) -> None:
    one = many("1", np.array([30.0]), np.array([0]))
    line = next(line for line in printed([one], caption).splitlines() if line.strip().startswith("PSNR dB"))
    assert "30.00 ±n/a" in line


def test_terminal_shortens_long_labels_and_counts_what_it_leaves_out(
    many: Callable[..., CellResult], caption: Caption
) -> None:
    cells = [
        replace(many(str(n), np.full(8, 30.0 + n), np.zeros(8)), label=f"unet-resnet18 conv7 soft-bch length {n}")
        for n in range(6)
    ]
    text = printed(cells, caption)
    assert "In the name of every method: unet-resnet18 conv7 soft-bch length." in text
    assert "(a) unet-resnet18 conv7 soft-bch length 0" in text.replace("\n", " ")
    assert "3 more in the files" in text
