"""Trainings that were stopped or killed anywhere end in what one leaves that nobody stopped, to the byte."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ftbench.benchfile.loss import Loss
from ftbench.benchfile.schema import Augmentation, Curriculum, FitSection, Optimiser
from ftbench.pipeline.stages import Pair, SimulatorStage
from ftbench.progress import Silent
from ftbench.storage.store import UNFINISHED, CellFolder
from ftbench.train import fit, loop
from ftbench.train.critic import Critic
from ftbench.train.distortion_pool import Pool, Ranged
from ftbench.train.fit import CodeTask, SimulatorTask
from ftbench_codecs.learned import LearnedCode
from tests.small_pair import COMPUTE, IDENTITY, SIMULATOR, Reads, darker, images, task

STEPS = 30


class Writes(nn.Module):
    """With batch statistics, which are state besides weights."""

    def __init__(self) -> None:
        super().__init__()
        self.planes = nn.Linear(4, 3)
        self.normed = nn.BatchNorm2d(3)

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        seen = self.normed(cover)
        return cover + 0.1 * torch.tanh(seen + self.planes(2 * code - 1)[:, :, None, None])


class Draws(nn.Module):
    """A simulator that learns, and draws from the generator of its layers as well as its own."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Dropout(0.2), nn.Conv2d(4, 3, 3, padding=1))

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        return torch.sigmoid(self.body(image))  # type: ignore[no-any-return]

    def fit_loss(self, image: Tensor, inputs: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        noise = 0.1 * torch.randn(image.shape, generator=generator)
        return (self.forward(image + noise, inputs) - inputs["donor"]).abs().mean()


class Noisy:
    """A distortion of drawn strength."""

    def __init__(self, sigma: float) -> None:
        self.sigma = sigma

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        return (image + self.sigma * torch.randn(image.shape, generator=generator)).clamp(0, 1)


def pair_with_everything() -> Any:
    """Critic, structure, curriculum, pieces, two simulators, a pool, mixed covers; EMA is asked for below."""
    made = task(
        Loss(target_psnr=25, structure=0.2, adversarial=0.1),
        pieces=4,
        curriculum=Curriculum(read_at=0.51, ramp=0.3),
        augment=Augmentation(mix=0.5),
    )
    torch.manual_seed(3)
    made.network = Pair(Writes(), Reads(4))
    made.network.critic = Critic()
    made.attacks = [SimulatorStage(SIMULATOR, darker), SimulatorStage(SIMULATOR, Draws().requires_grad_(False))]
    noisy = replace(IDENTITY, name="noisy", factory="tests.test_resumed:Noisy")
    made.pool = Pool([Ranged(IDENTITY, {}), Ranged(noisy, {"sigma": (0.01, 0.1)})])
    return made


def fit_of_a_simulator() -> Any:
    torch.manual_seed(4)
    settings = FitSection(steps=STEPS, batch_size=8)
    return SimulatorTask(Draws(), ("donor",), settings, 1, images(), images(4, 4), COMPUTE, per_person=2)


def fit_of_a_code() -> Any:
    torch.manual_seed(5)
    return CodeTask(LearnedCode(bits=4, length=None, group=2, width=8), 16, seed=2)


TASKS: dict[str, tuple[Callable[[], Any], float]] = {
    "a pair with everything": (pair_with_everything, 0.9),
    "the fit of a simulator": (fit_of_a_simulator, 0.0),
    "the fit of a code": (fit_of_a_code, 0.0),
}


class Stops(Silent):
    """Progress that asks the training to stop once a step is reached, in the midst of a curve's row."""

    def __init__(self, at: int) -> None:
        self.at = at

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        if done >= self.at:
            raise KeyboardInterrupt


def train(folder: CellFolder, kind: str, progress: Silent | None = None) -> dict[str, Any]:
    make, ema = TASKS[kind]
    return loop.train(
        make(),
        steps=STEPS,
        optimiser=Optimiser(learning_rate=1e-2),
        ema=ema,
        validate_every=10,
        compute=COMPUTE,
        folder=folder,
        progress=progress or Silent(),
    )


def cell(folder: CellFolder, kind: str) -> None:
    """All that a run does with a cell."""
    with folder.locked({"label": kind, "kind": "train"}):
        if folder.summary is None:
            folder.tidy()
            folder.begin({"kind": "train", "label": kind})
            folder.finish({"status": "done", **train(folder, kind)})


def made(folder: CellFolder) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.path.iterdir() if file.name != ".lock"}


@pytest.fixture(autouse=True)
def checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """At every look that is not the last; and looks that take no time."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(fit, "CODE_VAL", 64)


@pytest.mark.parametrize("at", [10, 20])
@pytest.mark.parametrize("kind", TASKS)
def test_a_training_that_was_stopped_ends_in_the_same_bytes(tmp_path: Path, kind: str, at: int) -> None:
    whole, stopped = CellFolder(tmp_path / "whole"), CellFolder(tmp_path / "stopped")
    for folder in (whole, stopped):
        folder.path.mkdir()
    expected = train(whole, kind)
    with pytest.raises(KeyboardInterrupt):
        train(stopped, kind, Stops(at))
    # The row's checkpoint is written after it is told: the one before it is gone on from.
    assert stopped.file(UNFINISHED).exists() == (at > 10)
    assert train(stopped, kind) == expected
    stopped.file(UNFINISHED).unlink(missing_ok=True)
    whole.file(UNFINISHED).unlink(missing_ok=True)
    assert made(stopped) == made(whole)


def test_a_stop_between_two_rows_of_the_curve_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = "a pair with everything"
    whole, stopped = CellFolder(tmp_path / "whole"), CellFolder(tmp_path / "stopped")
    expected = train(whole, kind)
    looks = iter([False] * 13 + [True] * 3 + [False] * 100)
    monkeypatch.setattr(loop.stopping, "asked", lambda: next(looks))

    def check() -> None:
        if stopped.file(UNFINISHED).exists() and not hasattr(check, "raised"):
            check.raised = True  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    monkeypatch.setattr(loop.stopping, "check", check)
    with pytest.raises(KeyboardInterrupt):
        train(stopped, kind)
    monkeypatch.undo()
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 1e9)
    assert train(stopped, kind) == expected
    for name in ("weights.safetensors", "curve.csv"):
        assert stopped.file(name).read_bytes() == whole.file(name).read_bytes()


CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.chmod", "os.rmdir")


def killed_before(number: int, folder: CellFolder, kind: str) -> bool:
    """Work on a cell in a fork that is killed before its ``number``-th change in the folder; whether it was."""
    with warnings.catch_warnings():
        # Newer Pythons warn of forks beside threads; this one only computes and writes.
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            left = [number]

            def heard(event: str, arguments: tuple[Any, ...]) -> None:
                writes = event == "open" and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
                if (writes or event in CHANGES) and str(folder.path) in os.fsdecode(arguments[0]):
                    if left[0] == 0:
                        os.kill(os.getpid(), signal.SIGKILL)
                    left[0] -= 1

            sys.addaudithook(heard)
            torch.set_num_threads(1)
            cell(folder, kind)
            os._exit(0)
        os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


@pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has torch")
def test_killed_before_any_change_of_a_file_a_training_ends_in_the_same_bytes(tmp_path: Path) -> None:
    kind = "the fit of a code"
    whole = CellFolder(tmp_path / "whole")
    cell(whole, kind)
    expected = made(whole)
    assert set(expected) == {"cell.json", "curve.csv", "done.json", "weights.safetensors"}
    number, begun = 0, 0
    while killed_before(number, folder := CellFolder(tmp_path / f"killed-{number}"), kind):
        before = folder.summary is not None
        begun += folder.file(UNFINISHED).exists()
        cell(folder, kind)
        folder.sweep()
        assert made(folder) == expected, (number, before)
        number += 1
    # Two checkpoints, weights, curve, summary, five changes each, and the claim's own.
    assert number > 30
    assert begun > 10
