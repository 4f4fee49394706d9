"""Entries: what they lack, and the score against a count by other means and over many simulated sets of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ftbench.protocol.attacks import simulators_of
from ftbench.protocol.entry import Entry, Made, from_rows
from ftbench.protocol.rules import NEWEST, PROTOCOLS, Wanted
from ftbench.protocol.score import mean_sample, score
from ftbench.report.crossed import methods_of
from ftbench.report.sample import Sample, measured
from ftbench.report.scores import scores_of
from ftbench.storage.results import CellResult
from tests.protocol.made_entries import PARTS, PEOPLE, SIZE, made, untrained, whole

MADE = Made("here", "faces", "0" * 64, SIZE, simulators_of({"parts": PARTS}), PEOPLE, PEOPLE)


def entry(results: Sequence[CellResult], about: Made = MADE) -> Entry:
    (method,) = methods_of(results)
    return from_rows(method, results, [scores_of(result) for result in results], about, NEWEST)


def test_what_lacks_nothing_is_ranked() -> None:
    found = entry(whole("a"))
    assert found.lacks == ()
    assert found.ranked
    assert (found.seeds, found.images, found.people, found.draws) == (3, 100, PEOPLE, 2)
    assert found.method == "a"


@pytest.mark.parametrize(
    ("results", "about", "why"),
    [
        ([made("a", 0), made("a", 1)], MADE, "2 seeds, 3 wanted"),
        (whole("a", images=99), MADE, "99 images, 100 wanted"),
        (whole("a", draws=1), MADE, "1 draw, 2 wanted"),
        (whole("a"), replace(MADE, held_out=PEOPLE - 1), "not said to be of people whom no training saw"),
        (whole("a"), replace(MADE, held_out=None), "not said to be of people whom no training saw"),
        (whole("a"), replace(MADE, held_out=4, shown=4), "4 people held out, 20 wanted"),
        (whole("a", without=["averaging"]), MADE, "removal: averaging not run"),
        (whole("a", without=["regenerate", "averaging"]), MADE, "removal: 2 attacks not run"),
        (whole("a", bits=6), MADE, "6 payload bits cannot reach a false-positive rate of 0.01"),
        ([replace(one, quality=one.quality.drop(columns="flip")) for one in whole("a")], MADE, "no FLIP"),
        ([replace(one, quality=one.quality.assign(flip=np.nan)) for one in whole("a")], MADE, "no FLIP"),
    ],
)
def test_what_is_missing_is_said(results: list[CellResult], about: Made, why: str) -> None:
    found = entry(results, about)
    assert found.lacks == (why,)
    assert not found.ranked


def test_quality_keeps_an_entry_outside_but_for_rounding() -> None:
    assert entry(whole("a", psnr=35.96)).outside == ""
    assert entry(whole("a", psnr=35.9)).outside == "35.9 dB, 36 wanted"
    stalled = [replace(one, status="stalled") for one in whole("a")]
    assert entry(stalled).outside.startswith("stalled")


def test_what_does_not_learn_needs_one_seed() -> None:
    assert entry([untrained(made("a"))]).ranked


def test_seeds_that_were_read_on_other_images_are_not_pooled() -> None:
    results = whole("a")
    results[2] = replace(results[2], rows=results[2].rows[results[2].rows["image"] != f"{0:064x}"])
    found = entry(results)
    assert any("not of the same images with every seed" in why for why in found.lacks)
    assert score(found).whole.estimate is None


def test_the_score_is_the_mean_over_kinds_of_the_means_over_attacks() -> None:
    """Counted once more by pandas, from the rows and a list of kinds."""
    results = whole("a", 0.3)
    found = score(entry(results))
    rows = pd.concat(result.rows for result in results)
    right = rows["payload_errors"].eq(0).groupby([rows["simulator"], rows["distortion"]]).mean()
    rates = pd.DataFrame([(one.kind, right[one.simulator, one.distortion]) for one in NEWEST.at(SIZE)])
    by_kind = rates.groupby(0)[1].mean()
    assert found.whole.estimate is not None
    assert found.whole.estimate.value == pytest.approx(by_kind.mean(), abs=1e-12)
    told = {kind: entry.estimate.value for kind, entry in found.kinds.items() if entry.estimate}
    assert told == pytest.approx(by_kind.to_dict(), abs=1e-12)
    assert found.weakest.estimate is not None
    assert found.weakest.estimate.value == pytest.approx(by_kind.min(), abs=1e-12)
    assert found.weakest.said == by_kind.idxmin()
    assert found.whole.seeds == 3


def test_an_entry_that_lacks_an_attack_has_no_score_but_kinds() -> None:
    found = score(entry(whole("a", without=["averaging"])))
    assert found.whole.estimate is None
    assert "removal" not in found.kinds
    assert set(found.kinds) == set(NEWEST.kinds) - {"removal"}


@pytest.mark.parametrize(("rate", "images"), [(0.7, 100), (0.95, 100), (0.5, 20)])
def test_the_interval_of_a_mean_of_rates_covers_what_it_says(rate: float, images: int) -> None:
    """Many sets of images, each image with a difficulty of its own that all attacks share."""
    rng = np.random.default_rng(7)
    kinds, attacks, draws, sets = 4, 3, 2, 400
    within = []
    for _ in range(sets):
        hard = rng.beta(3 * rate, 3 * (1 - rate), images)
        samples = []
        for _ in range(kinds):
            hits = rng.binomial(draws, np.broadcast_to(hard, (attacks, images)))
            each = [Sample(hit[None].astype(float), np.full((1, images), float(draws)), (0,), 0.0) for hit in hits]
            inner = mean_sample(each)
            assert inner is not None
            samples.append(inner)
        whole_sample = mean_sample(samples)
        assert whole_sample is not None
        estimate = measured({0: whole_sample})[0].estimate
        assert estimate is not None
        within.append(estimate.low <= rate <= estimate.high)
    # Binomial (400, 0.95): below 0.915 once in a thousand times.
    assert np.mean(within) >= 0.915


def test_an_attack_that_was_tried_more_often_weighs_no_more() -> None:
    often = Sample(np.array([[8.0, 8.0]]), np.array([[8.0, 8.0]]), (0,), 0.0)
    seldom = Sample(np.array([[0.0, 1.0]]), np.array([[2.0, 2.0]]), (0,), 0.0)
    both = mean_sample([often, seldom])
    assert both is not None
    np.testing.assert_allclose(both.each, [[0.5, 0.75]])


def test_rules_of_a_later_version_are_other_rules() -> None:
    later = replace(NEWEST, version=3, attacks=(*NEWEST.attacks, Wanted("colour", "none", "grey")))
    (method,) = methods_of(results := whole("a"))
    scores = [scores_of(result) for result in results]
    assert from_rows(method, results, scores, MADE, later).lacks == ("colour: grey not run",)
    assert 3 not in PROTOCOLS


def test_a_tint_is_outside_by_the_second_version_and_was_not_by_the_first() -> None:
    results = whole("a", flip=0.13)
    (method,) = methods_of(results)
    scores = [scores_of(result) for result in results]
    entries = {version: from_rows(method, results, scores, MADE, PROTOCOLS[version]) for version in (1, 2)}
    assert entries[1].ranked
    assert entries[2].outside == "FLIP 0.130, 0.12 at most"
    assert not entries[2].lacks
