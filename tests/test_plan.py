"""From a benchmark file to cells: pure, complete, and with every conflict named and placed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

import ftbench
from ftbench.benchfile.document import parse
from ftbench.benchfile.schema import Benchmark
from ftbench.errors import BadInput
from ftbench.machine.compute import Compute
from ftbench.parts.catalogue import Plugins
from ftbench.plan.cells import Plan, chosen_parts
from ftbench.plan.planner import PlanInputs, make_plan, people_needed
from ftbench.plan.resolve import Resolver
from ftbench.vouching.standing import Standing
from ftbench.vouching.strays import other_packages

GROUNDS = PlanInputs("d" * 64, ("a", "b"), {"train": 2, "val": 2, "test": 2}, Compute("cpu", "float32", 1, "none"))
BASE: dict[str, Any] = {
    "name": "test",
    "dataset": {"name": "procedural-faces", "size": 64},
    "message": {"bits": 15},
    "matrix": {"encoder": "unet-resnet18", "decoder": "conv7", "simulator": "faceswap"},
    "evaluate": {"simulators": ["none", "faceswap"]},
}


def changed(**sections: dict[str, Any]) -> dict[str, Any]:
    data = {key: dict(value) if isinstance(value, dict) else value for key, value in BASE.items()}
    for name, values in sections.items():
        data[name] = {**data.get(name, {}), **values}
    return data


def planned(data: dict[str, Any], plugins: Plugins, grounds: PlanInputs = GROUNDS) -> Plan:
    document = parse(yaml.safe_dump(data, sort_keys=False), "test.yaml")
    benchmark = Benchmark.model_validate(document.data)
    resolver = Resolver(plugins, document, Path("/nowhere"), benchmark.accept_licences)
    people_needed(benchmark, resolver)
    return make_plan(benchmark, resolver, grounds)


def kinds(plan: Plan) -> list[str]:
    return [cell.kind for cell in plan.cells]


def test_one_combination_is_three_cells_in_order(plugins: Plugins) -> None:
    plan = planned(BASE, plugins)
    assert kinds(plan) == ["fit", "train", "evaluate"]
    fit, train, evaluate = plan.cells
    assert train.inputs == (fit,)
    assert evaluate.inputs[0] == train
    assert fit.key in {cell.key for cell in evaluate.inputs[1:]}


def test_every_combination_is_a_cell_and_simulators_are_shared(plugins: Plugins) -> None:
    losses = [{"message": 1, "image": 0.1}, {"message": 10, "image": 0.1}, {"message": 1, "image": 0.5}]
    plan = planned(changed(matrix={"loss": losses, "seed": [0, 1]}), plugins)
    assert kinds(plan) == ["fit"] + ["train"] * 6 + ["evaluate"] * 6
    assert len({cell.label for cell in plan.evaluations}) == 6


def test_settings_that_differ_in_steps_alone_are_told_apart_by_them(plugins: Plugins) -> None:
    short, long = planned(
        changed(matrix={"loss": [{"target_psnr": 30}, {"target_psnr": 30, "steps": 4000}]}), plugins
    ).evaluations
    steps = Benchmark.model_validate(BASE).train.steps
    assert (short.label, long.label) == (f"30 dB {steps:,} steps", "30 dB 4,000 steps")
    assert (short.columns["steps"], long.columns["steps"]) == (f"{steps:,}", "4,000")
    [alone] = planned(changed(matrix={"loss": {"target_psnr": 30}}), plugins).evaluations
    assert (alone.label, alone.key) == ("30 dB", short.key)


def test_a_visibility_is_an_axis_of_the_evaluation_and_moves_no_other_key(plugins: Plugins) -> None:
    plain, held = (planned(changed(evaluate=more), plugins) for more in ({}, {"flip": ["own", 0.05]}))
    assert {cell.key for cell in plain.cells} < {cell.key for cell in held.cells}
    [new] = [cell for cell in held.evaluations if cell.key not in {one.key for one in plain.evaluations}]
    assert (new.flip, new.settings["flip"], new.columns["at dB"], new.columns["at FLIP"]) == (
        0.05,
        0.05,
        "none",
        "0.05",
    )
    assert new.label.endswith("at FLIP 0.05")
    assert new.flip_part.record.name == "flip"
    with pytest.raises(BadInput, match=r"add flip to evaluate\.metrics"):
        planned(changed(evaluate={"flip": 0.05, "metrics": ["psnr"]}), plugins)


def test_an_evaluation_by_fewer_metrics_is_told_of(plugins: Plugins) -> None:
    before, now = (planned(changed(evaluate=more), plugins) for more in ({"metrics": ["psnr", "ssim"]}, {}))
    assert [cell.key for cell in before.trainings] == [cell.key for cell in now.trainings]
    done = {cell.key for cell in before.evaluations}
    nothing = Path("no-store")
    store: Any = SimpleNamespace(
        root=nothing, cell=lambda kind, key: SimpleNamespace(summary={"status": "done"} if key in done else None)
    )
    looked: Any = SimpleNamespace(store=store, of=lambda cell: Standing())
    reasons = other_packages(now, looked)
    assert set(reasons) == {cell.key for cell in now.evaluations}
    assert all("[psnr, ssim]" in reason for reason in reasons.values())
    done.clear()
    assert other_packages(now, looked) == {}


def test_payload_lengths_pools_and_qualities_are_axes(plugins: Plugins) -> None:
    data = changed(
        message={"bits": [8, 15]},
        matrix={"loss": [{"target_psnr": 30}, {"message": 1}], "pool": ["with", "without"]},
        train={"distortions": ["identity", {"name": "jpeg", "quality": [50, 95]}]},
        evaluate={"psnr": ["own", 36]},
    )
    plan = planned(data, plugins)
    assert kinds(plan) == ["fit"] + ["train"] * 8 + ["evaluate"] * 16
    assert len({cell.label for cell in plan.evaluations}) == 16
    columns = [cell.columns for cell in plan.evaluations]
    assert {(one["target dB"], one["α"]) for one in columns} == {("30", "none"), ("none", "0.1")}
    assert {one["at dB"] for one in columns} == {"own", "36"}
    assert {cell.settings["code_bits"] for cell in plan.trainings} == {8, 15}
    pools = {cell.columns["pool"]: len(cell.pool) for cell in plan.trainings}
    assert pools == {"with": 2, "without": 1}


def test_a_pool_that_is_none_cannot_be_left_out(plugins: Plugins) -> None:
    with pytest.raises(BadInput, match=r"matrix\.pool: train\.distortions names nothing"):
        planned(changed(matrix={"pool": ["with", "without"]}), plugins)


def test_pairs_name_each_encoder_with_its_decoder(plugins: Plugins) -> None:
    pairs = [
        {"encoder": "unet-resnet18", "decoder": "conv7"},
        {"encoder": {"name": "hidden", "channels": 16}, "decoder": "hidden"},
        {"encoder": "hidden", "decoder": "hidden"},
    ]
    data = changed(matrix={"pairs": pairs})
    del data["matrix"]["encoder"], data["matrix"]["decoder"]
    trained = planned(data, plugins).trainings
    names = [(cell.encoder.record.name, cell.decoder.record.name) for cell in trained]
    assert names == [("unet-resnet18", "conv7"), ("hidden", "hidden"), ("hidden", "hidden")]
    assert [cell.columns["encoder"] for cell in trained] == ["unet-resnet18", "hidden channels=16", "hidden"]
    # The decoders differ too, but the encoder says which pair it is.
    assert [cell.label for cell in trained] == [
        "unet-resnet18 λ=1 α=0.1",
        "hidden channels=16 λ=1 α=0.1",
        "hidden λ=1 α=0.1",
    ]
    product = planned(changed(matrix={"encoder": "hidden", "decoder": "hidden"}), plugins)
    assert trained[2].key in {cell.key for cell in product.cells}


@pytest.mark.parametrize(
    ("matrix", "says"),
    [
        ({"encoder": "hidden"}, "name an encoder and a decoder, or pairs of them"),
        (
            {"encoder": "hidden", "pairs": [{"encoder": "hidden", "decoder": "hidden"}]},
            "leave encoder and decoder out beside it",
        ),
    ],
)
def test_a_matrix_pairs_its_parts_in_one_way(matrix: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Benchmark.model_validate({**BASE, "matrix": {"simulator": "none", **matrix}})


def test_a_pair_that_cannot_work_is_named_where_it_stands(plugins: Plugins) -> None:
    data = changed(
        dataset={"size": 256}, message={"bits": 32}, matrix={"simulator": "none"}, evaluate={"simulators": "none"}
    )
    del data["matrix"]["encoder"], data["matrix"]["decoder"]
    data["matrix"]["pairs"] = [{"encoder": "rivagan", "decoder": "rivagan"}, {"encoder": "rivagan", "decoder": "conv7"}]
    with pytest.raises(BadInput, match=r"matrix\.pairs\.1\.decoder: encoder 'rivagan' is read by rivagan, not 'conv7'"):
        planned(data, plugins)


def test_several_simulators_may_be_met_in_one_training(plugins: Plugins) -> None:
    small, wide = {"name": "faceswap", "width": 0.25}, {"name": "faceswap-residual", "width": 0.5}
    data = changed(matrix={"simulator": [small, [small, wide], "none"]}, evaluate={"simulators": ["none", wide]})
    plan = planned(data, plugins)
    assert kinds(plan) == ["fit"] * 2 + ["train"] * 3 + ["evaluate"] * 3
    trained = plan.trainings
    assert [len(cell.inputs) for cell in trained] == [1, 2, 0]
    assert [cell.columns["trained against"] for cell in trained] == ["faceswap", "faceswap + faceswap-residual", "none"]
    assert len({cell.key for cell in trained}) == 3
    used = [part.record.name for part in chosen_parts(trained[1:])]
    assert used.count("faceswap") == used.count("faceswap-residual") == 1


def test_none_is_not_one_of_several(plugins: Plugins) -> None:
    with pytest.raises(BadInput, match=r"matrix\.simulator\.0: several simulators at once cannot hold none"):
        planned(changed(matrix={"simulator": [["faceswap", "none"]]}), plugins)


def test_people_are_set_aside_for_what_is_fitted_on_them(plugins: Plugins) -> None:
    class Fitted(ftbench.Parameters):
        trained_on: str = "train"

    record = replace(plugins.find("simulator", "faceswap").record, people=None, needs=(), parameters=Fitted)
    parts = tuple(replace(part, record=record) if part.record.name == "faceswap" else part for part in plugins.parts)
    data = changed(evaluate={"simulators": ["none", {"name": "faceswap", "trained_on": "reserve"}]})
    with pytest.raises(BadInput, match=r"simulators\.1\.trained_on: nobody is set aside for it; give dataset.reserve"):
        planned(data, replace(plugins, parts=parts))
    grounds = replace(GROUNDS, shown={**GROUNDS.shown, "reserve": 3})
    assert kinds(planned(data, replace(plugins, parts=parts), grounds)) == ["fit", "fit", "train", "evaluate"]


def test_a_setting_may_have_steps_of_its_own(plugins: Plugins) -> None:
    losses = [{"target_psnr": 30, "steps": 7}, {"message": 1}]
    plan = planned(changed(matrix={"loss": losses}, train={"steps": 9}), plugins)
    assert [cell.settings["train"]["steps"] for cell in plan.trainings] == [7, 9]
    same = planned(changed(matrix={"loss": [{"target_psnr": 30}]}, train={"steps": 7}), plugins)
    assert same.cells[1].key == plan.cells[1].key


def test_a_setting_may_have_a_ramp_of_its_own(plugins: Plugins) -> None:
    losses = [{"target_psnr": 30, "ramp": 0.0}, {"message": 1}]
    plan = planned(changed(matrix={"loss": losses}, train={"curriculum": {"ramp": 0.6}}), plugins)
    trained = plan.trainings
    assert [cell.settings["train"]["curriculum"]["ramp"] for cell in trained] == [0, 0.6]
    same = planned(changed(matrix={"loss": [{"target_psnr": 30}]}, train={"curriculum": {"ramp": 0.0}}), plugins)
    assert same.cells[1].key == trained[0].key


def test_without_a_simulator_nothing_is_fitted(plugins: Plugins) -> None:
    data = changed(matrix={"simulator": "none"}, evaluate={"simulators": ["none"]})
    assert kinds(planned(data, plugins)) == ["train", "evaluate"]


def test_a_black_box_simulator_is_fitted_for_the_test_alone(plugins: Plugins) -> None:
    other = {"name": "faceswap", "width": 0.5}
    plan = planned(changed(evaluate={"simulators": ["none", "faceswap", other]}), plugins)
    assert kinds(plan) == ["fit", "fit", "train", "evaluate"]
    assert len(plan.cells[2].inputs) == 1
    assert len(plan.cells[3].inputs) == 3


def test_strength_grids_are_written_out(plugins: Plugins) -> None:
    distortions = ["identity", {"name": "jpeg", "quality": [90, 50]}, {"name": "gaussian-blur", "sigma": 1.0}]
    plan = planned(changed(evaluate={"distortions": distortions}), plugins)
    labels = [chosen.label for chosen in plan.evaluations[0].distortions]
    assert labels == ["identity", "jpeg quality=90", "jpeg quality=50", "gaussian-blur sigma=1"]


def test_training_ranges_are_drawn_between_two_numbers(plugins: Plugins) -> None:
    plan = planned(changed(train={"distortions": [{"name": "jpeg", "quality": [50, 95]}]}), plugins)
    ((chosen, ranged),) = plan.trainings[0].pool
    assert chosen.record.name == "jpeg"
    assert ranged["quality"] == (50, 95)


RESIZED, SAVED = {"name": "resize", "scale": 0.5}, {"name": "jpeg", "quality": 50}


def test_a_chain_is_one_value_a_list_of_chains_a_grid_and_neither_a_range(plugins: Plugins) -> None:
    grid = [{"name": "chain", "steps": [[RESIZED, SAVED], [SAVED, RESIZED]]}, {"name": "chain", "steps": ["grayscale"]}]
    data = changed(
        train={"distortions": ["identity", {"name": "chain", "steps": [RESIZED, SAVED]}]},
        evaluate={"distortions": grid},
    )
    plan = planned(data, plugins)
    labels = [chosen.label for chosen in plan.evaluations[0].distortions]
    assert labels[-3:] == [
        "chain steps=resize(scale=0.5)>jpeg(quality=50)",
        "chain steps=jpeg(quality=50)>resize(scale=0.5)",
        "chain steps=grayscale",
    ]
    trained = plan.trainings[0].pool
    assert [chosen.record.name for chosen, _ in trained] == ["identity", "chain"]
    assert trained[1][1]["steps"] == [RESIZED, SAVED]


def test_steps_of_a_trained_chain_are_drawn_between_two_numbers(plugins: Plugins) -> None:
    steps = [{"name": "resize", "scale": [0.5, 1]}, {"name": "jpeg", "quality": [40, 95]}, "grayscale"]
    plan = planned(changed(train={"distortions": [{"name": "chain", "steps": steps}]}), plugins)
    ((_, ranged),) = plan.trainings[0].pool
    assert ranged["steps"] == [
        {"name": "resize", "scale": (0.5, 1.0)},
        {"name": "jpeg", "quality": (40, 95)},
        {"name": "grayscale", "amount": 1.0},
    ]


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        (
            {"matrix": {"encoder": "unet-resnet81"}},
            r"test\.yaml, line \d+.*no encoder 'unet-resnet81'; nearest: unet-resnet18",
        ),
        ({"matrix": {"encoder": {"name": "unet-resnet18", "up_widht": 1.0}}}, r"up_widht; did you mean up_width"),
        ({"matrix": {"encoder": {"name": "unet-resnet18", "up_width": "wide"}}}, r"up_width must be a number"),
        ({"matrix": {"decoder": {"name": "conv7", "width": 0}}}, r"width must be greater than 0"),
        ({"dataset": {"size": 48}}, r"multiple of 32, not 48"),
        ({"evaluate": {"simulators": ["none", "facswap"]}}, r"evaluate\.simulators\.1: .*nearest: faceswap"),
        ({"evaluate": {"distortions": [{"name": "jpeg", "quality": [90, 101]}]}}, r"quality must be at most 100"),
        ({"train": {"distortions": [{"name": "jpeg", "quality": [0, 90]}]}}, r"quality must be at least 1"),
        ({"matrix": {"codec": {"name": "repetition", "times": 0}}}, r"times must be at least 1"),
        ({"evaluate": {"simulators": ["none"], "metrics": ["psrn"]}}, r"no metric 'psrn'; nearest: psnr"),
        ({"evaluate": {"simulators": ["none"], "metrics": ["psnr", "psnr"]}}, r"'psnr' is named more than once"),
        ({"evaluate": {"distortions": ["identity", {"name": "jpeg", "quality": []}]}}, r"the grid is empty"),
        ({"evaluate": {"distortions": [{"name": "jpeg", "quality": [50, 50]}]}}, r"'jpeg quality=50' is named more"),
        ({"train": {"distortions": [{"name": "jpeg", "quality": [90, 50]}]}}, r"runs backwards"),
        ({"train": {"distortions": [{"name": "median-blur", "kernel": [3, 5]}]}}, r"kernel.* odd"),
        (
            {"train": {"distortions": [{"name": "chain", "steps": [{"name": "jpeg", "quality": [90, 50]}]}]}},
            r"steps\.0\.quality.* runs backwards",
        ),
        (
            {"train": {"distortions": [{"name": "chain", "steps": [{"name": "median-blur", "kernel": [3, 5]}]}]}},
            r"steps\.0\.kernel.* odd",
        ),
        (
            {"train": {"distortions": [{"name": "chain", "steps": [{"name": "jpeg", "quality": [0, 50]}]}]}},
            r"steps\.0\.quality must be at least 1",
        ),
        ({"matrix": {"encoder": {"name": "unet-resnet18", "weights": "none.pth"}}}, r"there is no file 'none\.pth'"),
        (
            {"matrix": {"encoder": {"name": "unet-resnet18", "backbone_options": {"checkpoint_path": "x"}}}},
            r"checkpoint_path.*weights",
        ),
    ],
)
def test_a_conflict_is_one_sentence_with_its_place(plugins: Plugins, sections: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        planned(changed(**sections), plugins)


def test_every_conflict_is_shown_at_once(plugins: Plugins) -> None:
    data = changed(matrix={"encoder": "a", "decoder": "b", "codec": "c"}, evaluate={"distortions": ["d"]})
    with pytest.raises(BadInput) as caught:
        planned(data, plugins)
    assert len(str(caught.value).splitlines()) == 4


def test_a_licence_must_be_accepted(plugins: Plugins) -> None:
    with pytest.raises(BadInput, match="licence MIT, which accept_licences does not list"):
        planned({**BASE, "accept_licences": ["Apache-2.0"]}, plugins)


def test_only_some_combinations_are_trained(plugins: Plugins) -> None:
    losses = [{"target_psnr": 30}, {"target_psnr": 30, "specific": 1.0, "same_code": 0.5}]
    axes = {"codec": ["none", {"name": "repetition", "times": 2}], "loss": losses}
    every = planned(changed(matrix=axes), plugins).trainings
    some = planned(changed(matrix={**axes, "only": [{"codec": 0}, {"codec": 1, "loss": 1}]}), plugins).trainings
    assert len(every) == 4
    assert [cell.key for cell in some] == [
        cell.key for cell in every if (cell.codec.called, cell.loss.specific) != ("repetition", 0)
    ]


def test_one_setting_may_be_trained_with_more_seeds_than_others(plugins: Plugins) -> None:
    axes = {"loss": [{"target_psnr": 30}, {"target_psnr": 36}], "seed": [5, 6]}
    some = planned(changed(matrix={**axes, "only": [{"loss": 0}, {"loss": 1, "seed": 1}]}), plugins).trainings
    assert [(cell.loss.target_psnr, cell.seed) for cell in some] == [(30, 5), (30, 6), (36, 6)]


def test_an_entry_that_is_not_there_cannot_be_taken() -> None:
    with pytest.raises(ValidationError, match="only takes entry 2 of loss, counted from 0, which has 1"):
        Benchmark.model_validate(changed(matrix={"only": [{"loss": 2}]}))


def test_a_setting_may_share_codes_where_others_do_not(plugins: Plugins) -> None:
    losses = [{"target_psnr": 30}, {"target_psnr": 30, "same_code": 0.5}]
    plain, shared = planned(changed(matrix={"loss": losses}), plugins).trainings
    [whole] = planned(changed(matrix={"loss": losses[0]}, train={"same_code": 0.5}), plugins).trainings
    assert plain.key == planned(changed(matrix={"loss": losses[0]}), plugins).trainings[0].key
    assert shared.key == whole.key
