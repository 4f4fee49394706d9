"""The training loop: resumed exactly, watched, its best weights kept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ftbench.benchfile.loss import Loss
from ftbench.benchfile.schema import Optimiser
from ftbench.errors import CellFailed
from ftbench.progress import Silent
from ftbench.storage import checkpoint
from ftbench.storage.store import UNFINISHED, CellFolder, Damaged
from ftbench.train import loop
from tests.small_pair import run, task


class Stopped(Exception):
    """Stands for a kill."""


class Stops(Silent):
    """Progress that stops the training, as a kill would, once a step is reached."""

    def __init__(self, at: int) -> None:
        self.at = at

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        if done >= self.at:
            raise Stopped


@pytest.mark.parametrize("at", [20, 30, 45])
def test_a_training_that_was_stopped_ends_in_the_same_weights(
    tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    whole = run(tmp_path / "whole")
    with pytest.raises(Stopped):
        run(tmp_path / "stopped", Stops(at))
    assert (tmp_path / "stopped" / UNFINISHED).exists()
    resumed = run(tmp_path / "stopped")
    assert resumed == whole
    for name in (loop.WEIGHTS, loop.CURVE):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_the_kept_weights_are_those_of_the_best_look_at_val(tmp_path: Path) -> None:
    class Scored:
        network = nn.Linear(2, 1)
        scores = iter([3.0, 1.0, 2.0, 5.0])

        parts = 1

        def losses(self, network: nn.Module, step: int) -> Iterator[tuple[Tensor, dict[str, float]]]:
            yield network(torch.ones(1, 2)).sum() ** 2, {}

        def validate(self, network: nn.Module) -> tuple[float, dict[str, float]]:
            self.seen = getattr(self, "seen", [])
            self.seen.append({name: value.clone() for name, value in network.state_dict().items()})
            return next(self.scores), {"val": 0.0}

        def state(self) -> dict[str, Any]:
            return {}

        def restore(self, state: Mapping[str, Any]) -> None: ...

    scored = Scored()
    summary = run(tmp_path, made=scored)  # type: ignore[arg-type]
    assert summary["best_step"] == 30
    kept = load_file(tmp_path / loop.WEIGHTS)
    assert all(torch.equal(kept[name], scored.seen[1][name]) for name in kept)


def test_a_loss_that_is_not_a_number_stops_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    made = task()
    honest = made.losses

    def broken(network: nn.Module, step: int) -> Iterator[tuple[Tensor, dict[str, float]]]:
        for total, values in honest(network, step):
            yield total, {**values, "message_loss": math.nan} if step == 37 else values

    monkeypatch.setattr(made, "losses", broken)
    with pytest.raises(CellFailed, match="message_loss is not a finite number at step 37"):
        run(tmp_path, made=made)
    tensors, numbers = checkpoint.unpacked((tmp_path / UNFINISHED).read_bytes())
    assert numbers["step"] == 30
    assert all(torch.isfinite(value).all() for value in tensors["network"].values())


@pytest.mark.parametrize("damage", ["cut", "empty", "a flipped bit", "other shape"])
def test_a_checkpoint_that_cannot_be_used_is_damaged(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(Stopped):
        run(tmp_path, Stops(30))
    file = tmp_path / UNFINISHED
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:500])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "a flipped bit":
        # safetensors itself reads this without a word, and other weights come of it.
        weight = load_file(file)["network/encoder.planes.weight"].numpy().tobytes()
        content = bytearray(file.read_bytes())
        content[content.index(weight) + 2] ^= 1
        file.write_bytes(content)
    else:
        tensors, numbers = checkpoint.unpacked(file.read_bytes())
        tensors["network"] = {name: value[..., :1] for name, value in tensors["network"].items()}
        checkpoint.write(CellFolder(tmp_path), tensors, numbers)
    with pytest.raises(Damaged, match=rf"checkpoint\.safetensors of cell {tmp_path.name} is damaged") as raised:
        run(tmp_path)
    assert raised.value.file == file
    assert file.exists()


def test_a_pair_learns_to_write_and_read(tmp_path: Path) -> None:
    made = task(Loss(message=1, image=0.001))
    summary = run(tmp_path, made=made)
    assert summary["at_best"]["val_accuracy_marked"] > 0.6


def test_averaged_weights_remember_a_tenth_of_a_training_at_most() -> None:
    assert loop.ema_decay(0.99, 100_000) == 0.99
    assert loop.ema_decay(0.99, 300) == pytest.approx(1 - 1 / 30)
    assert loop.ema_decay(0.99, 5) == 0
    assert loop.ema_decay(0.0, 100_000) == 0


def test_the_rate_warms_up_and_falls() -> None:
    settings = Optimiser(warmup=0.1)
    factors = [loop.rate_factor(step, 100, settings) for step in range(100)]
    assert max(factors) == factors[10] == 1
    assert factors[:10] == sorted(factors[:10])
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[-1] < 0.01
    stable = Optimiser(warmup=0, schedule="stable-decay", decay=0.5)
    assert [loop.rate_factor(step, 100, stable) for step in (0, 49, 50, 75, 99)] == [1, 1, 1, 0.5, 0.02]
    cycle = Optimiser(schedule="one-cycle", learning_rate=1.0)
    weight = nn.Parameter(torch.zeros(1))
    adam = torch.optim.SGD([weight], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        adam, 1.0, total_steps=1001, final_div_factor=1e9, cycle_momentum=False
    )
    for step in range(1000):
        assert loop.rate_factor(step, 1000, cycle) == pytest.approx(theirs.get_last_lr()[0], abs=0.005)
        adam.step()
        theirs.step()
    constant = Optimiser(warmup=0, schedule="constant")
    assert {loop.rate_factor(step, 100, constant) for step in range(100)} == {1.0}
