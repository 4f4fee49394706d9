"""``ftbench compare A B``: one training under two sets of payload draws, two settings, folders apart and forged."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ftbench import cli
from ftbench.claims.between import compare_results, matched_cells
from ftbench.storage.results import PSNR_SSIM, CellResult
from tests.compare.made_results import IMAGES, made, replace_in, three, weights, without_rows, write


def under(result: CellResult, seed: int, rate: float) -> CellResult:
    """The same training read with other payloads: each bit of each reading is wrong by itself, as often as before."""
    rng = np.random.default_rng(seed)
    wrong = rng.binomial(result.bits, rate, len(result.rows))
    rows = result.rows.assign(code_errors=wrong, payload_errors=wrong, draw=result.rows["draw"] + 2 * seed)
    quality = result.quality.assign(psnr=result.quality["psnr"] + rng.normal(0, 1e-3, len(result.quality)))
    return replace(result, rows=rows, quality=quality, cell=f"{seed}" * 64)


def test_one_training_under_two_sets_of_payload_draws_is_no_different() -> None:
    result = three()[0]
    wrongly = 0
    for number in range(20):
        first, second = ([under(result, 2 * number + side, 0.1)] for side in (0, 1))
        found = compare_results(first, second, PSNR_SSIM)
        assert found.matched == 1
        assert not found.changed
        wrongly += found.different > 0
    # After correction at 5 %: one of twenty by chance, three are rarer than 1 in 10.
    assert wrongly <= 3


def test_two_settings_are_different() -> None:
    result = three()[0]
    found = compare_results([under(result, 0, 0.1)], [under(result, 1, 0.3)], PSNR_SSIM)
    verdicts = dict(zip(found.table.frame["measure"], found.table.frame["verdict"], strict=True))
    assert verdicts["marked"] == verdicts["faceswap"] == "lower"
    assert verdicts["PSNR dB"] == "tie"
    assert found.worse == found.different >= 2
    back = compare_results([under(result, 1, 0.3)], [under(result, 0, 0.1)], PSNR_SSIM)
    assert (back.worse, back.different) == (0, found.different)


def test_cells_are_matched_by_what_they_are() -> None:
    first, second = three((0, 1)), list(reversed(three((0, 1))))
    pairs, changed, alone = matched_cells(first, second)
    assert [(first[i].label, second[j].label) for i, j in pairs] == [(one.label, one.label) for one in first]
    assert not changed
    assert not alone
    # What was changed between the folders as a whole is said, and matched over.
    other = [replace(one, settings={**one.settings, "seed": "7"}) for one in three()]
    pairs, changed, alone = matched_cells(three(), other)
    assert len(pairs) == 3
    assert changed == ["seed (0 | 7)"]
    pairs, changed, alone = matched_cells(three(), three()[:2])
    assert len(pairs) == 2
    assert alone == ["first: λ=1 α=0.5"]


def test_other_images_are_compared_as_two_samples() -> None:
    result = made("a", weights("1", "0.1"), swapped=2.5)
    other = made("a", weights("1", "0.1"), swapped=3.5)
    renamed = {image: f"x{image}" for image in IMAGES}
    other = replace(
        other,
        rows=other.rows.assign(image=other.rows["image"].map(renamed)),
        quality=other.quality.assign(image=other.quality["image"].map(renamed)),
    )
    found = compare_results([result], [other], PSNR_SSIM)
    assert any("not the same" in note for note in found.table.notes)
    row = found.table.frame[found.table.frame["measure"] == "PSNR dB"].iloc[0]
    estimate = row["difference"].estimate
    values = [
        frame.quality[frame.quality["of"] == "marked"].groupby("image")["psnr"].mean() for frame in (result, other)
    ]
    interval = stats.ttest_ind(values[1], values[0], equal_var=False).confidence_interval(0.95)
    assert estimate.value == pytest.approx(values[1].mean() - values[0].mean(), abs=1e-12)
    assert (estimate.low, estimate.high) == (
        pytest.approx(interval.low, rel=0.15),
        pytest.approx(interval.high, rel=0.15),
    )


def compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object
) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["ftbench", "compare", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit) as left:
        cli.run()
    captured = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, captured.out + captured.err


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    first = write(tmp_path / "a", three()[:1])
    second = write(tmp_path / "b", [made("λ=1 α=0.1", weights("1", "0.1"), swapped=3.0, psnr=29.0)])
    code, text = compared(monkeypatch, capsys, first, second)
    assert code in (0, 1)
    assert "1 cells matched" in text
    assert "Second against first" in text
    assert compared(monkeypatch, capsys, first, second, "--fail-if", "worse")[0] == 3
    assert compared(monkeypatch, capsys, second, first, "--fail-if", "worse")[0] == 0
    assert compared(monkeypatch, capsys, second, first, "--fail-if", "different")[0] == 3
    assert compared(monkeypatch, capsys, first, first, "--fail-if", "different")[0] == 0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda a, b: without_rows(b), "has no rows"),
        (lambda a, b: replace_in(b / "tables" / "main.csv", "29", "39"), "is not what was written"),
        (lambda a, b: (b / "manifest.json").unlink(), "two results folders"),
    ],
)
def test_what_cannot_be_compared_is_said(
    spoil: object, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = write(tmp_path / "a", three()[:1]), write(tmp_path / "b", three()[:1])
    spoil(first, second)  # type: ignore[operator]
    code, text = compared(monkeypatch, capsys, first, second, "--fail-if", "different")
    assert code == 2
    assert said in " ".join(text.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("--fail-if", "lower"), "neither of worse and different"), (("--fail-if", "worse"), "two results folders")],
)
def test_options_that_do_not_go(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    first = write(tmp_path / "a", three()[:1])
    code, text = compared(monkeypatch, capsys, first, "paper", *arguments)
    assert code == 2
    assert said in " ".join(text.split())
