"""Marked images held at a FLIP from the first step of a training to its evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ftbench.benchfile.loss import Loss
from ftbench.benchfile.schema import Curriculum
from ftbench.errors import BadInput
from ftbench.parts.catalogue import Plugins
from ftbench.pipeline.held import HeldAt
from ftbench.runner.build import as_trained
from ftbench.train.pair import PairTask
from ftbench.train.schedules import flip_at
from ftbench_metrics.flip import Flip
from tests.small_pair import run, task
from tests.test_plan import changed, planned

FLIP = Flip()


def held(target: float, curriculum: Curriculum) -> PairTask:
    made = task(Loss(target_flip=target), curriculum=curriculum)
    made.flip = FLIP
    return made


def test_the_target_is_reached_by_equal_factors_once_bits_are_read() -> None:
    curriculum = Curriculum(ramp=0.5, start_flip=0.4)
    assert flip_at(70, 100, None, curriculum, 0.1) == 0.4
    seen = [flip_at(step, 100, 20, curriculum, 0.1) for step in range(20, 100)]
    assert seen[0] == 0.4
    assert seen[25] == pytest.approx(0.2)
    assert set(seen[50:]) == {0.1}
    assert np.allclose(np.diff(np.log(seen[:51])), np.log(0.25) / 50)
    assert flip_at(0, 100, None, Curriculum(kind="none"), 0.1) == 0.1
    # A target above the start is the start.
    assert {flip_at(step, 100, read, curriculum, 0.5) for step, read in ((0, None), (30, 20), (99, 20))} == {0.5}


def test_a_step_holds_every_image_and_has_no_image_term() -> None:
    made = held(0.15, Curriculum(kind="none"))
    covers, _, code = made._draw(torch.Generator().manual_seed(0))
    marked = made.network.mark(covers, code, made.ramp.held(0, FLIP), exact=False)
    # One constant a colour: rounding moves all pixels of it at once.
    torch.testing.assert_close(FLIP(covers, marked), torch.full((8,), 0.15, dtype=torch.float64), rtol=0, atol=0.02)
    [(total, values)] = made.losses(made.network, 0)
    assert total.item() == pytest.approx(float(values["message_loss"]), rel=1e-5)
    _, looked = made.validate(made.network)
    assert 0.14 < looked["val_flip"] <= 0.15 + 1e-6


def test_weights_may_only_be_kept_once_the_target_is_reached(tmp_path: Path) -> None:
    made = held(0.2, Curriculum(read_at=0.51, ramp=0.2))
    summary = run(tmp_path, made=made)
    assert made.ramp.read_step is not None
    assert summary["best_step"] >= made.ramp.read_step + 12
    assert 0.19 < summary["at_best"]["val_flip"] <= 0.2 + 1e-6


def test_one_quality_is_held_and_nothing_is_weighed_beside_it() -> None:
    with pytest.raises(ValueError, match="target_psnr and target_flip each hold the marked image; leave one out"):
        Loss(target_psnr=30, target_flip=0.1)
    with pytest.raises(ValueError, match="target_flip holds the image error fixed"):
        Loss(image=0.1, target_flip=0.1)
    assert Loss(target_flip=0.1).image_weight() == 0


def test_it_is_an_axis_with_labels_of_its_own_and_moves_no_other_key(plugins: Plugins) -> None:
    losses = [{"target_psnr": 30}, {"target_flip": 0.06}, {"message": 1}]
    plain, more = (planned(changed(matrix={"loss": some}), plugins) for some in ([losses[0], losses[2]], losses))
    assert {cell.key for cell in plain.cells} < {cell.key for cell in more.cells}
    [cell] = [cell for cell in more.trainings if cell.loss.target_flip]
    assert "FLIP 0.06" in cell.label
    assert (cell.columns["target FLIP"], cell.columns["target dB"], cell.columns["α"]) == ("0.06", "none", "none")
    assert all("target FLIP" not in cell.columns for cell in plain.trainings)
    assert cell.settings["train"]["curriculum"]["start_flip"] == 0.4
    assert all("start_flip" not in one.settings["train"]["curriculum"] for one in plain.trainings)
    assert cell.flip_part is not None
    assert cell.settings["flip"] == cell.flip_part.key
    assert json.dumps(cell.settings)
    kept = as_trained(cell)
    assert isinstance(kept, HeldAt)
    assert (kept.wanted, type(kept.measure)) == (0.06, Flip)
    assert [as_trained(one) for one in plain.trainings] == [30, None]


def test_images_are_held_by_the_metric_of_the_evaluation_and_it_must_be_there(plugins: Plugins) -> None:
    loss = {"matrix": {"loss": [{"target_flip": 0.06}]}}
    near = {"metrics": ["psnr", {"name": "flip", "pixels_per_degree": 30}]}
    far, close = (planned(changed(**loss, evaluate=more), plugins).trainings[0] for more in ({}, near))
    assert far.key != close.key
    with pytest.raises(BadInput, match=r"matrix\.loss.*target_flip: images are held at what metric flip says"):
        planned(changed(**loss, evaluate={"metrics": ["psnr"]}), plugins)
