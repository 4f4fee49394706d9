from __future__ import annotations

import errno
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from ftbench.errors import BadInput
from ftbench.report import print_tables, write_report
from ftbench.report.figures import curves
from ftbench.report.result import Caption, Samples
from ftbench.storage.results import PSNR_SSIM, CellResult

TABLES = {
    f"tables/{name}.{ending}" for name in ("main", "pairs", "fakes", "distortions") for ending in ("md", "csv", "tex")
}
PLOTS = {"figures/curves.png", "figures/distortions.png"}


def inside(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def printed(results: list[CellResult], caption: Caption, width: int = 100) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    print_tables(results, caption, console)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_everything_is_written_and_named(
    tmp_path: Path, result: CellResult, stalled: CellResult, samples: Samples, caption: Caption
) -> None:
    written = write_report(tmp_path, [result, stalled], caption, PSNR_SSIM, {result.label: samples})
    assert inside(tmp_path) == {str(path.relative_to(tmp_path)) for path in written}
    assert inside(tmp_path) == TABLES | PLOTS | {"figures/samples.png"}


def test_same_input_same_bytes(tmp_path: Path, result: CellResult, stalled: CellResult, caption: Caption) -> None:
    first = write_report(tmp_path / "1", [result, stalled], caption, PSNR_SSIM)
    second = write_report(tmp_path / "2", [result, stalled], caption, PSNR_SSIM)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_pictures_can_be_left_out_and_stale_ones_go(
    tmp_path: Path, result: CellResult, samples: Samples, caption: Caption
) -> None:
    write_report(tmp_path, [result], caption, PSNR_SSIM, {result.label: samples})
    (tmp_path / "figures" / "mine.png").write_bytes(b"kept")
    write_report(tmp_path, [result], caption, PSNR_SSIM, {result.label: samples}, pictures=False)
    assert inside(tmp_path) == TABLES | PLOTS | {"figures/mine.png"}


def test_no_finished_cell(tmp_path: Path, caption: Caption) -> None:
    write_report(tmp_path, [], caption, PSNR_SSIM)
    assert inside(tmp_path) == TABLES
    for path in (tmp_path / "tables").glob("*.md"):
        assert "No finished cell" in path.read_text()
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
    assert inside(tmp_path) == {"curves.png"}


def test_three_settings_fit_a_hundred_columns(result: CellResult, stalled: CellResult, caption: Caption) -> None:
    third = replace(result, cell="9" * 64, label="λ=10 α=0.1")
    text = printed([result, stalled, third], caption)
    assert max(map(len, text.splitlines())) <= 100
    line = next(line for line in text.splitlines() if "bits, marked" in line)
    # Measure, n, then the three settings side by side, each number with its interval on one line.
    assert line.split()[:3] == ["bits,", "marked", "2"]
    assert line.count("75.00 [") == 3
    assert "STALLED" in text
    assert "λ=1 α=0.1 − λ=10 α=0.1" in text
    assert "tie" in text


def test_terminal_prints_numbers_without_an_interval(many: Callable[..., CellResult], caption: Caption) -> None:
    one = many("1", np.array([30.0]), np.array([0]))
    line = next(line for line in printed([one], caption).splitlines() if "PSNR dB, all" in line)
    assert "30.00 [" in line


def test_terminal_numbers_long_labels_and_counts_what_it_leaves_out(
    many: Callable[..., CellResult], caption: Caption
) -> None:
    cells = [
        replace(many(str(n), np.full(4, 30.0 + n), np.zeros(4)), label=f"unet-resnet18 conv7 soft-bch seed {n}")
        for n in range(6)
    ]
    text = printed(cells, caption)
    assert "#2 unet-resnet18 conv7 soft-bch seed 1" in text
    assert "#1 − #2" in text
    assert "3 more pairs" in text
