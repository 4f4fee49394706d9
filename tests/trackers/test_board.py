"""TensorBoard: a curve that is gone on with is one curve, a row that is logged again is one row."""

from __future__ import annotations

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ftbench_trackers.board import Board

CELL = "c0ffee" * 10


def scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return [(point.step, point.value) for point in events.Scalars(tag)]


def test_a_resumed_curve_hides_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    # Killed after step 60, with a checkpoint of step 30; nothing is closed.
    killed = Board(tmp_path, "tiny", {})
    for step in (20, 40, 60):
        killed.curve(CELL, "λ=1", "train", step, {"loss": 1.0, "val_psnr": 30.0})
    resumed = Board(tmp_path, "tiny", {})
    for step in (40, 60, 80):
        resumed.curve(CELL, "λ=1", "train", step, {"loss": 2.0})
    resumed.close(CELL)
    [folder] = (tmp_path / "train").iterdir()
    assert folder.name == "lambda=1-c0ffeec0"
    assert scalars(folder, "train/loss") == [(20, 1.0), (40, 2.0), (60, 2.0), (80, 2.0)]
    assert scalars(folder, "val/psnr") == [(20, 30.0)]


def test_a_row_that_is_logged_again_replaces_itself(tmp_path: Path) -> None:
    row = {"cell": CELL, "label": "λ=1", "encoder": "unet", "psnr_all_value": 30.5, "ssim_all_value": None}
    for value in (30.5, 31.5):
        Board(tmp_path, "tiny", {}).finish(tmp_path, [{**row, "psnr_all_value": value}])
    [folder] = (tmp_path / "evaluate").iterdir()
    assert scalars(folder, "results/psnr_all_value") == [(0, 31.5)]


def test_a_run_that_was_stopped_says_why(tmp_path: Path) -> None:
    Board(tmp_path, "tiny", {}).stop("interrupted")
    events = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0}).Reload()
    [text] = events.Tensors("stopped/text_summary")
    assert text.tensor_proto.string_val == [b"interrupted"]
