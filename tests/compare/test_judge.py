"""Verdicts on folders whose numbers are known: 24 images, 8 bits, errors as ``made_results`` says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ftbench.compare.claims import Claims
from ftbench.compare.evidence import Evidence, gather
from ftbench.compare.judge import Finding, judge
from ftbench.compare.reread import open_folder
from ftbench.errors import BadInput
from ftbench.report.result import CellResult
from tests.compare.made_results import made, three, weights, without_rows, write

FIRST, SECOND, THIRD = {"λ": 1, "α": 0.1}, {"λ": 10}, {"α": 0.5}


def evidence(folder: Path, results: Sequence[CellResult], **more: object) -> Evidence:
    return gather(open_folder(write(folder / "made", results, **more)))  # type: ignore[arg-type]


def claim(check: dict[str, object], **more: object) -> Claims:
    (kind,) = check
    one = {"name": "it", "says": "So.", "source": "goal", "found": "So.", kind: check[kind], **more}
    return Claims.model_validate({"benchmark": "paper", "claims": [one]})


def ordering(higher: object, lower: object, measure: str = "swapped bit accuracy", **more: object) -> dict[str, object]:
    return {"ordering": {"higher": higher, "lower": lower, "measure": measure, **more}}


def bound(of: object, measure: str = "swapped bit accuracy", **limits: float) -> dict[str, object]:
    return {"bound": {"of": of, "measure": measure, **limits}}


def verdict(claims: Claims, shown: Evidence) -> Finding:
    (finding,) = judge(claims, shown)
    return finding


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return evidence(tmp_path_factory.mktemp("one"), three())


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    folder = write(tmp_path_factory.mktemp("bare") / "made", three())
    return gather(open_folder(without_rows(folder)))


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """The first setting has .5, 1 and 1.5 of 8 bits wrong after the swap, the second none."""
    return evidence(tmp_path_factory.mktemp("seeds"), three(seeds=(0, 1, 2))[:6])


# The first setting has .5 of 8 bits wrong after the swap (93.75 % read), the second none, the third 3.5.
@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (ordering(SECOND, FIRST), "holds"),
        (ordering(FIRST, SECOND), "fails"),
        (ordering(FIRST, THIRD, by_at_least=30), "holds"),
        (ordering(FIRST, THIRD, by_at_least=37.5), "undecided"),
        (ordering(FIRST, THIRD, by_at_least=50), "fails"),
        (ordering(FIRST, SECOND, "marked bit accuracy"), "undecided"),
        (ordering(FIRST, SECOND, "PSNR", by_at_least=6.9), "holds"),
        (ordering(FIRST, SECOND, "psnr", by_at_least=7.1), "fails"),
        (ordering(FIRST, SECOND, "ssim"), "holds"),
        (ordering(SECOND, FIRST, "bit accuracy after faceswap"), "holds"),
        (bound(FIRST, at_least=93.75), "holds"),
        (bound(FIRST, at_least=93.76), "fails"),
        (bound(FIRST, at_most=93.75), "holds"),
        (bound(FIRST, "psnr", at_least=28.9, at_most=29.1), "holds"),
        (bound({}, "unmarked bit accuracy", at_least=48, at_most=52), "holds"),
        (bound({}, at_least=90), "fails"),
        (bound(FIRST, "swapped word accuracy", at_least=49, at_most=51), "holds"),
        (bound(FIRST, "swapped payload word accuracy", at_least=49, at_most=51), "holds"),
    ],
)
@pytest.mark.parametrize("by", ["rows", "tables"])
def test_verdicts(check: dict[str, object], expected: str, by: str, one: Evidence, bare: Evidence) -> None:
    finding = verdict(claim(check), one if by == "rows" else bare)
    assert finding.verdict == expected, finding
    assert finding.numbers


def test_differences_of_one_setting(one: Evidence, bare: Evidence) -> None:
    for shown in (one, bare):
        for at_most, expected in ((6.25, "holds"), (6.2, "fails")):
            gap = {"of": FIRST, "measure": "marked bit accuracy", "minus": "swapped bit accuracy", "at_most": at_most}
            finding = verdict(claim({"difference": gap}), shown)
            assert finding.verdict == expected
            assert finding.numbers[0].startswith("λ=1 α=0.1: 6.25")
            # Half the images have one bit wrong of eight; only rows can tell how they spread.
            assert ("[" in finding.numbers[0]) == (shown is one)


def test_the_interval_is_that_of_a_paired_bootstrap(one: Evidence) -> None:
    (line,) = verdict(claim(ordering(SECOND, FIRST)), one).numbers
    told = [
        float(number)
        for number in line.partition(": ")[2].replace("[", "").replace("]", "").replace(",", "").split()[:3]
    ]
    images = np.tile([0.125, 0.0], 12)
    reference = stats.bootstrap(
        (images,), np.mean, n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert told[0] == 6.25
    # The harness widens it for few images; it must hold the plain one and be close to it.
    assert told[1] <= 100 * reference.low + 0.1
    # 1 - 0.05^(1/24) = 11.7 % of images may be unlike these, and differ by half the bits.
    room = 0.1173 * (0.5 - reference.high)
    assert 100 * (reference.high + room) - 0.1 <= told[2] <= 100 * (reference.high + room) + 0.6
    assert told[1] > 100 * reference.low - 0.6


def test_word_accuracies_are_paired_by_rows_alone(one: Evidence, bare: Evidence) -> None:
    check = claim(ordering(SECOND, FIRST, "swapped word accuracy", by_at_least=20))
    assert verdict(check, one).verdict == "holds"
    finding = verdict(check, bare)
    assert finding.verdict == "not judged"
    assert "rows are not kept" in finding.why


def test_bounds_are_judged_on_the_mean_over_seeds_and_each_is_shown(seeds: Evidence) -> None:
    finding = verdict(claim(bound(FIRST, at_least=87.5)), seeds)
    assert finding.verdict == "holds"
    (line,) = finding.numbers
    assert line.startswith("λ=1 α=0.1: mean 87.50 % of 3 seeds: 93.75 [")
    assert ", 87.50 [" in line
    assert ", 81.25 [" in line
    assert verdict(claim(bound(FIRST, at_least=87.6)), seeds).verdict == "fails"
    assert verdict(claim(bound({**FIRST, "seed": 2}, at_most=81.3)), seeds).verdict == "holds"


def test_orderings_hold_in_every_seed_or_not_at_all(seeds: Evidence) -> None:
    finding = verdict(claim(ordering(SECOND, FIRST)), seeds)
    assert finding.verdict == "holds"
    assert [line.partition(":")[0] for line in finding.numbers] == [
        f"λ=10 α=0.1 seed {seed} − λ=1 α=0.1 seed {seed}" for seed in range(3)
    ]
    # 6.25, 12.5 and 18.75 points: the first seed alone misses a margin of 16 for certain.
    assert verdict(claim(ordering(SECOND, FIRST, by_at_least=16)), seeds).verdict == "fails"


def test_an_ordering_of_one_seed_says_that_it_is_of_two_trainings(one: Evidence, seeds: Evidence) -> None:
    assert all("two trainings" in line for line in verdict(claim(ordering(SECOND, FIRST)), one).numbers)
    assert not any("two trainings" in line for line in verdict(claim(ordering(SECOND, FIRST)), seeds).numbers)


@pytest.mark.parametrize("by", ["rows", "tables"])
def test_one_image_in_a_hundred_orders_nothing(by: str, tmp_path: Path) -> None:
    """Its interval's end is nought but for rounding, some 1e-19."""
    first, second = made("a", weights("1", "0.1"), swapped=0), made("b", weights("10", "0.1"), swapped=0)
    rows = second.rows.copy()
    hit = (
        (rows["image"] == rows["image"].iloc[0])
        & (rows["simulator"] == "faceswap")
        & (rows["distortion"] == "identity")
    )
    rows.loc[hit, ["code_errors", "payload_errors"]] = 1
    folder = write(tmp_path / "made", [first, replace(second, rows=rows)])
    shown = gather(open_folder(folder if by == "rows" else without_rows(folder)))
    assert verdict(claim(ordering({"λ": 1}, {"λ": 10})), shown).verdict == "undecided"


def test_settings_are_compared_where_all_else_is_alike(tmp_path: Path) -> None:
    results = [
        made("a", weights("1", "0.1", codec="none"), swapped=1),
        made("b", weights("10", "0.1", codec="none"), swapped=0),
        made("c", weights("1", "0.1", codec="bch"), swapped=3, code_bits=16),
        made("d", weights("10", "0.1", codec="bch"), swapped=2, code_bits=16),
    ]
    shown = evidence(tmp_path, results)
    finding = verdict(claim(ordering({"λ": 10}, {"λ": 1})), shown)
    assert finding.verdict == "holds"
    assert [line.partition(":")[0] for line in finding.numbers] == ["b − a", "d − c"]
    # b reads more than c, but differs from it in what the claim does not name.
    crossed = verdict(claim(ordering({"λ": 10, "codec": "none"}, {"λ": 1, "codec": "bch"})), shown)
    assert [line.partition(":")[0] for line in crossed.numbers] == ["b − c"]
    fixed = claim(ordering({"λ": 10}, {"λ": 1}), when={"codec": ["none", "bch"]})
    assert len(verdict(fixed, shown).numbers) == 2
    only = claim(ordering({"λ": 10}, {"λ": 1}), when={"codec": "bch"})
    assert [line.partition(":")[0] for line in verdict(only, shown).numbers] == ["d − c"]
    apart = verdict(claim(ordering({"λ": 10, "codec": "none"}, {"λ": 5})), shown)
    assert apart.verdict == "not judged"


@pytest.mark.parametrize(
    ("check", "why"),
    [
        (bound({"lamda": 1}, at_least=50), "no column 'lamda'; nearest: lambda"),
        (bound({"λ": 3}, at_least=50), "no setting has λ 3"),
        (bound({"λ": 1, "target dB": [30, 32]}, at_least=50), "no setting has λ 1, target dB 30 or 32"),
        (bound({}, "lpips", at_most=1), "lpips cannot be had of λ=1 α=0.1 (metrics: psnr, ssim"),
        (bound({}, "bit accuracy after simswap", at_most=99), "cannot be had"),
        (ordering({"seed": 0}, {"seed": 1}), "no setting has seed 1"),
        (ordering(FIRST, FIRST), "no two settings are alike"),
    ],
)
def test_what_cannot_be_judged_says_why(check: dict[str, object], why: str, one: Evidence) -> None:
    finding = verdict(claim(check), one)
    assert finding.verdict == "not judged"
    assert why in finding.why
    assert finding.meant


def test_columns_that_are_absent_say_none_or_own(one: Evidence) -> None:
    selection = {
        "lambda": 1.0,
        "α": "0.1",
        "at dB": "own",
        "critic": "none",
        "target dB": "none",
        "trained against": "faceswap",
    }
    assert verdict(claim(bound(selection, at_least=93)), one).verdict == "holds"


def test_other_scales_and_data_are_left_aside(one: Evidence) -> None:
    for more in ({"scales": ["full"]}, {"data": ["two_identity"]}):
        finding = verdict(claim(bound(FIRST, at_least=99), **more), one)
        assert (finding.verdict, finding.meant) == ("not judged", False)
    assert verdict(claim(bound(FIRST, at_least=99), scales=["small"], data=["faces"]), one).verdict == "fails"


def test_another_benchmarks_claims_are_refused(one: Evidence) -> None:
    claims = claim(bound(FIRST, at_least=1.5)).model_copy(update={"benchmark": "quick"})
    with pytest.raises(BadInput, match="'quick', the results are of 'paper'"):
        judge(claims, one)


def test_a_setting_that_failed_is_never_passed_over(tmp_path: Path) -> None:
    results = three(seeds=(0, 1))[:3]
    shown = evidence(tmp_path, results, failed={"λ=10 seed 1": weights("10", "0.1", "1"), "λ=7": weights("7", "0.1")})
    assert verdict(claim(bound({"λ": 10}, at_least=99)), shown).verdict == "undecided"
    finding = verdict(claim(ordering(SECOND, FIRST)), shown)
    assert (finding.verdict, finding.why) == ("undecided", "failed, and has no numbers: λ=10 seed 1")
    assert verdict(claim(bound({"λ": 7}, at_least=99)), shown).verdict == "undecided"
    assert verdict(claim(bound(FIRST, at_least=60)), shown).verdict == "holds"


def test_a_stalled_pair_is_named_loudly(tmp_path: Path) -> None:
    shown = evidence(tmp_path, [made("λ=1", weights("1", "0.1"), status="stalled", marked=4)])
    check = claim(bound({}, "marked bit accuracy", at_least=99))
    assert verdict(check, shown).numbers[0].startswith("λ=1 STALLED: 50.00 [")
    of_two = [made("λ=1 seed 0", weights("1", "0.1")), made("λ=1 seed 1", weights("1", "0.1", "1"), status="stalled")]
    assert verdict(check, evidence(tmp_path / "two", of_two)).numbers[0].startswith("λ=1 1 of 2 STALLED: mean ")


def test_swapped_is_the_deepfake_trained_against_where_there_are_several(tmp_path: Path) -> None:
    fakes = ("other", "faceswap")
    columns = weights("1", "0.1")
    two = made("two", columns, swapped=2, fakes=fakes)
    two.rows.loc[two.rows["simulator"] == "other", "code_errors"] = 4
    foreign = made("foreign", {**columns, "trained against": "third", "λ": "2"}, swapped=2, fakes=fakes)
    shown = evidence(tmp_path, [two, foreign])
    assert verdict(claim(bound({"λ": 1}, at_least=75, at_most=75.1)), shown).verdict == "holds"
    assert verdict(claim(bound({"λ": 1}, "bit accuracy after other", at_most=50.1)), shown).verdict == "holds"
    assert verdict(claim(bound({"λ": 2}, at_least=50)), shown).verdict == "not judged"


def test_settings_that_no_column_tells_apart_are_not_averaged(tmp_path: Path) -> None:
    twins = [made("a", weights("1", "0.1")), made("b", weights("1", "0.1"), swapped=0)]
    finding = verdict(claim(bound({}, at_least=50)), evidence(tmp_path, twins))
    assert (finding.verdict, finding.why) == ("not judged", "no column tells these apart: a, b")


def test_other_images_are_not_paired(tmp_path: Path) -> None:
    results = three()[:2]
    results[1].rows["image"] = results[1].rows["image"].str.replace("^0", "f", regex=True)
    shown = evidence(tmp_path, results)
    finding = verdict(claim(ordering(SECOND, FIRST)), shown)
    assert finding.verdict == "not judged"
    assert "paired over the same images cannot be had" in finding.why


def test_one_image_decides_nothing(tmp_path: Path) -> None:
    results = [
        replace(made, **{name: frame[frame["image"] == frame["image"].iloc[0]] for name, frame in frames.items()})
        for made in three()[:2]
        for frames in ({"rows": made.rows, "quality": made.quality},)
    ]
    shown = evidence(tmp_path, results)
    assert verdict(claim(ordering(FIRST, SECOND, "psnr")), shown).verdict == "undecided"
