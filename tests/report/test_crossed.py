"""Methods against attacks: kinds, the best and what is level with it, seeds, the worst and means by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ftbench.report.attacks import MET, OTHERS, TWINS, met_by
from ftbench.report.table import BEST, LEVEL
from ftbench.statistics.estimates import clustered_rate
from ftbench.statistics.significance import holm
from ftbench.storage.results import QUALITY_COLUMNS, ROW_COLUMNS, CellResult, MetricInfo
from tests.report.printing import entry, estimate, lines, tables

IMAGES = [f"i{number:02}" for number in range(40)]
KINDS = {
    "swap": ("identity", "none"),
    "swap-2": ("identity", "none"),
    "edit": ("identity", "none"),
    "none": ("identity", "none"),
}


def method(
    label: str,
    wrong: dict[str, Sequence[int]],
    *,
    seed: str = "0",
    against: str = "swap",
    psnr: float = 30.0,
    **settings: str,
) -> CellResult:
    """Errors of 8 bits by simulator and image; distorted images err by one bit more."""
    rows = []
    for simulator, errors in wrong.items():
        for image, number in zip(IMAGES, errors, strict=True):
            rows.append((image, image, "A", 0, simulator, "identity", "none", number, number))
            if simulator == "none":
                more = min(number + 1, 8)
                rows.append((image, image, "A", 0, simulator, "jpeg quality=50", "compression", more, more))
    quality = [(image, image, "A", 0, "marked", psnr + np.sin(n), 0.1) for n, image in enumerate(IMAGES)]
    return CellResult(
        f"{label}-{seed}", f"{label} seed {seed}",
        {"encoder": label, "trained against": against, **settings, "seed": seed}, "done", 8, 8,
        pd.DataFrame(rows, columns=list(ROW_COLUMNS)),
        pd.DataFrame(quality, columns=[*QUALITY_COLUMNS, "psnr", "flip"]),
        pd.DataFrame(),
    )  # fmt: skip


def errors(few: int, of: int = 1) -> list[int]:
    """So many images err by so many bits."""
    return [of] * few + [0] * (len(IMAGES) - few)


GOOD = {"none": errors(0), "swap": errors(4), "swap-2": errors(10), "edit": errors(20, 2)}
BAD = {"none": errors(2), "swap": errors(30, 3), "swap-2": errors(12), "edit": errors(20, 2)}


def test_attacks_are_grouped_by_what_was_met_in_training() -> None:
    made, _ = tables([method("a", GOOD), method("b", BAD, against="none")])["attacks"]
    assert list(zip(made.frame["group"], made.frame["row"], strict=True)) == [
        ("not attacked", "marked"),
        (MET, "swap"),
        (TWINS, "swap-2"),
        (OTHERS, "edit"),
        ("distortions: compression", "jpeg quality=50"),
    ]
    # Where one method met it and the other did not, the cell says so.
    assert entry(made, "swap", 0).said == "°"
    assert entry(made, "swap", 1).said == ""
    assert any("met in its own training" in note for note in made.notes)


def test_of_several_trainings_of_a_simulator_each_was_met() -> None:
    read = {"none": errors(0), "swap w=1": errors(4), "swap w=1 seed=1": errors(4), "swap w=1 seed=2": errors(9)}
    one = method("one", read, against="swap w=1")
    two = method("two", read, against="swap w=1 trainings=2 + edit")
    assert met_by(two) == {"swap w=1", "swap w=1 seed=1", "edit"}
    assert met_by(method("at", read, against="swap seed=5 at 32 px trainings=3")) == {
        "swap seed=5 at 32 px", "swap seed=6 at 32 px", "swap seed=7 at 32 px"
    }  # fmt: skip
    made, _ = tables([one, two])["attacks"]
    kinds = dict(zip(made.frame["row"], made.frame["group"], strict=True))
    assert (kinds["swap w=1 seed=1"], kinds["swap w=1 seed=2"]) == (MET, TWINS)
    # Both met the first of them: nothing to say.
    assert entry(made, "swap w=1", 0).said == entry(made, "swap w=1", 1).said == ""
    assert (entry(made, "swap w=1 seed=1", 0).said, entry(made, "swap w=1 seed=1", 1).said) == ("", "°")


def test_the_best_is_marked_and_what_is_not_told_from_it() -> None:
    made, rows = tables([method("a", GOOD), method("b", BAD)])["attacks"]
    assert [entry(made, "swap", place).mark for place in (0, 1)] == [BEST, ""]
    # Two images of forty differ: nobody can tell.
    assert [entry(made, "marked", place).mark for place in (0, 1)] == [BEST, LEVEL]
    # The same on both sides: both are the best.
    assert [entry(made, "edit", place).mark for place in (0, 1)] == [BEST, BEST]
    found = {(line["label"], line["simulator"], line["distortion"]): line for line in lines(rows)}
    swap = found["b seed 0", "swap", "identity"]
    assert float(swap["behind_best_value"]) == pytest.approx((4 * 1 - 30 * 3) / (8 * 40))
    # Five lines, two methods: 32 images differ one way, none the other.
    p_values = [2.0**-29, 1.0, 1.0, 1.0, 1.0]
    assert float(swap["behind_best_p"]) <= holm(p_values)[0]
    assert swap["mark"] == ""
    assert found["a seed 0", "swap", "identity"]["behind_best_value"] == ""


def test_methods_are_compared_at_one_quality() -> None:
    at = {"target dB": "30", "at dB": "own"}
    cells = [
        method("a", GOOD, **at),
        method("b", BAD, **at),
        method("a", BAD, **at | {"at dB": "36"}),
    ]
    made, _ = tables(cells)["attacks"]
    assert [entry(made, "swap", place).mark for place in range(3)] == [BEST, "", ""]
    assert any("held at the same dB" in note for note in made.notes)
    overview, _ = tables(cells)["overview"]
    assert {entry(overview, "PSNR dB", place).mark for place in range(3)} == {""}


def test_lower_is_better_where_a_metric_says_so() -> None:
    cells = [method("a", GOOD), method("b", BAD)]
    cells[1] = replace(cells[1], quality=cells[1].quality.assign(flip=0.05))
    made, _ = tables(cells, [MetricInfo("flip", "", 3, False)])["quality"]
    assert [entry(made, "marked", place).mark for place in (0, 1)] == ["", BEST]
    assert set(made.frame["group"]) == {"FLIP (less is better)"}


def test_seeds_of_one_setting_are_one_method_with_their_range() -> None:
    few = (2, 4, 9)
    cells = [method("a", GOOD | {"swap": errors(count)}, seed=str(seed)) for seed, count in enumerate(few)]
    cells += [method("b", BAD, seed=str(seed)) for seed in range(3)]
    made, rows = tables(cells)["attacks"]
    assert [column.title for column in made.columns][2:] == ["a", "b"]
    found = entry(made, "swap")
    rates = [1 - count / 320 for count in few]
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(np.mean(rates))
    assert (found.lowest, found.highest, found.seeds) == (pytest.approx(min(rates)), pytest.approx(max(rates)), 3)
    # The interval holds Student's over seeds and Wilson's over images.
    student = stats.t.interval(0.95, 2, np.mean(rates), stats.sem(rates))
    right = 24 - sum(np.array(errors(count)) for count in few)
    images = clustered_rate(right, np.full(40, 24))
    assert found.estimate.low <= max(0.0, min(student[0], images.low)) + 1e-12
    line = next(line for line in lines(rows) if line["simulator"] == "swap" and line["label"] == "a")
    assert line["cell"] == "a-0 a-1 a-2"
    assert (line["raw_bit_accuracy_lowest"], line["raw_bit_accuracy_seeds"]) == (repr(min(rates)), "3")


def test_the_overview_has_means_and_the_worst() -> None:
    made, _ = tables([method("a", GOOD), method("b", BAD)])["overview"]
    wrong = 4 + 10 + 40
    assert estimate(made, "all simulators: mean of 3").value == pytest.approx(1 - wrong / (3 * 320))
    worst = entry(made, "worst of the simulators")
    alone = clustered_rate(8 - np.array(errors(20, 2)), np.full(40, 8))
    assert worst.estimate is not None
    assert worst.estimate.value == alone.value
    # It was chosen among three: its upper end is further away than its own, and its lower end no nearer.
    assert worst.estimate.high > alone.high
    assert worst.estimate.low <= alone.low
    assert worst.mark == ""
    assert entry(made, "which").said == "edit"
    assert entry(made, "which", 1).said == "swap"
    assert any(note.startswith("Worst") for note in made.notes)
    assert any("The same for all: trained against swap, seed 0" in note for note in made.notes)


def test_other_images_are_not_compared() -> None:
    cells = [method("a", GOOD), method("b", BAD)]
    cells[1] = replace(cells[1], rows=cells[1].rows[cells[1].rows["image"] != "i00"])
    made, _ = tables(cells)["attacks"]
    assert [entry(made, "swap", place).mark for place in (0, 1)] == ["", ""]
    assert any(note.startswith("Not compared") for note in made.notes)


def test_cells_that_share_a_seed_are_each_by_themselves() -> None:
    twin = replace(method("a", BAD), cell="twin")
    made, _ = tables([method("a", GOOD), twin])["attacks"]
    assert len([column for column in made.columns if column.digits is not None]) == 2
