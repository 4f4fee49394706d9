"""The training loop that simulators and pairs share: resumable, watched, with the best weights kept.

A step's random numbers hang on its number and all state is in the checkpoint, so a run that was killed and
repeated ends in the same weights as one that was not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd
import torch
from safetensors.torch import save as tensor_bytes
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ftbench import stopping
from ftbench.benchfile.schema import Optimiser
from ftbench.errors import NotANumber
from ftbench.machine import processes
from ftbench.machine.compute import Compute
from ftbench.machine.randomness import derive
from ftbench.machine.stopwatch import timed
from ftbench.pipeline.guard import rows_at_most
from ftbench.progress import Progress
from ftbench.storage import checkpoint
from ftbench.storage.files import csv_bytes
from ftbench.storage.results import CURVE
from ftbench.storage.store import CellFolder
from ftbench.train.batches import VAL_BATCH
from ftbench.train.schedules import ema_decay, rate_factor
from ftbench.train.weights import WEIGHTS

LOG_EVERY = 20
CHECKPOINT_SECONDS = 30.0
SCAFFOLD = "critic."
"""Parameters under this name help training and are not kept."""


class Task(Protocol):
    """What is trained: its network, its loss at a step, and how good it is on the val split."""

    @property
    def network(self) -> nn.Module:
        """What is trained."""
        ...

    @property
    def parts(self) -> int:
        """In how many a batch is worked on, their gradients added up: more take less memory."""
        ...

    def losses(self, network: nn.Module, step: int) -> Iterator[tuple[Tensor, dict[str, Tensor | float]]]:
        """Each part's share of a batch's loss, a scalar, the next one's made when the gradient of this is there.

        With the last come the values of the curve, of the whole batch: scalars that are left on the device.
        """
        ...

    def validate(self, network: nn.Module) -> tuple[float | None, dict[str, float]]:
        """(score, values): lower is better; None while no step may be called the best yet: then the latest is kept."""
        ...

    def state(self) -> dict[str, Any]:
        """What the task remembers between steps, numbers only."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` gave."""
        ...


@dataclass
class _Run:
    """Everything that a checkpoint holds."""

    network: nn.Module
    averaged: AveragedModel | None
    optimiser: torch.optim.Optimizer
    step: int = 0
    best_step: int = -1
    best_score: float = math.inf
    best: dict[str, Tensor] = field(default_factory=dict)
    curve: list[dict[str, float]] = field(default_factory=list)
    window: list[dict[str, Tensor | float]] = field(default_factory=list)
    """What was measured since the curve's last row, a step each; on the device until it is fetched."""

    @property
    def kept(self) -> nn.Module:
        """The network whose weights would be kept now."""
        return self.network if self.averaged is None else self.averaged.module

    def fetched(self) -> list[dict[str, float]]:
        """The window's numbers; raises NotANumber where one is none. The only thing that waits for the device."""
        names = list(self.window[0]) if self.window else []
        held = torch.tensor([[float("nan")] * len(names)] * len(self.window), dtype=torch.float64)
        for column, name in enumerate(names):
            values = [step[name] for step in self.window]
            told = [torch.stack([v]) if isinstance(v, Tensor) else torch.tensor([v]) for v in values]
            held[:, column] = torch.cat([one.detach().double() for one in told]).cpu()
        for row, numbers in enumerate(held.tolist()):
            bad = next((name for name, value in zip(names, numbers, strict=True) if _broken(value)), None)
            if bad:
                raise NotANumber(
                    f"{bad} is not a finite number at step {self.step - len(self.window) + row}; the last good "
                    "checkpoint is kept; try a lower learning rate or precision: float32"
                )
        fetched = [dict(zip(names, numbers, strict=True)) for numbers in held.tolist()]
        self.window = list(fetched)
        return fetched

    def save(self, folder: CellFolder, task: Task) -> None:
        """Write the checkpoint that ``resume`` goes on from."""
        moments, rates = checkpoint.optimiser_state(self.optimiser)
        tensors = {
            "network": self.network.state_dict(),
            "averaged": {} if self.averaged is None else self.averaged.state_dict(),
            "optimiser": moments,
            "best": self.best,
        }
        numbers = {
            "step": self.step,
            "best_step": self.best_step,
            "best_score": self.best_score,
            "curve": self.curve,
            "window": self.fetched(),
            "optimiser": rates,
            "task": task.state(),
        }
        with timed("writing"):
            checkpoint.write(folder, tensors, numbers)

    def resume(self, folder: CellFolder, task: Task) -> None:
        """Go on from the checkpoint, where there is one. Raises Damaged when it cannot be used."""

        def take(tensors: checkpoint.Groups, numbers: checkpoint.Numbers) -> None:
            self.network.load_state_dict(tensors["network"])
            if self.averaged is not None:
                self.averaged.load_state_dict(tensors["averaged"])
            checkpoint.restore_optimiser(self.optimiser, tensors.get("optimiser", {}), numbers["optimiser"])
            task.restore(numbers["task"])
            self.best, self.best_step, self.best_score = (
                tensors.get("best", {}),
                numbers["best_step"],
                numbers["best_score"],
            )
            self.curve, self.window, self.step = numbers["curve"], numbers["window"], numbers["step"]

        checkpoint.read(folder, take)


@stopping.between_steps()
def train(
    task: Task,
    *,
    steps: int,
    optimiser: Optimiser,
    ema: float,
    validate_every: int,
    compute: Compute,
    folder: CellFolder,
    progress: Progress,
) -> dict[str, Any]:
    """Train ``task.network``, write weights and curve into ``folder``; return what was kept and how long.

    Raises NotANumber when a loss is not a number, with the last good checkpoint left in place, and Stopped, with a
    checkpoint of the step it came to, when a signal asked for it. Of processes that share the training the first alone
    looks at val, writes and returns; from the others comes {}.
    """
    network = compute.place(task.network)
    ema = ema_decay(ema, steps)
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(ema), use_buffers=True) if ema else None
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    adam = torch.optim.AdamW(
        trained,
        lr=optimiser.learning_rate,
        betas=(optimiser.betas[0], optimiser.betas[1]),
        weight_decay=optimiser.weight_decay,
        # One kernel for all tensors: a third of the time on a processor, where small networks feel it.
        fused=True,
    )
    run = _Run(network, averaged, adam)
    run.resume(folder, task)
    compute.compile_parts(network)
    saved = time.monotonic()
    progress.start(steps, run.step)
    while True:
        if stopping.asked():
            if not processes.rank():
                run.save(folder, task)
            stopping.check()
        if run.step >= steps:
            break
        rate = optimiser.learning_rate * rate_factor(run.step, steps, optimiser)
        for group in adam.param_groups:
            group["lr"] = rate
        network.train()
        # For layers that draw from the global generator, such as dropout.
        torch.manual_seed(derive("layers", run.step, *([processes.rank()] if processes.rank() else [])))
        adam.zero_grad(set_to_none=True)
        with timed("loss"):
            measured = _gradients(task, network, run.step)
        with timed("optimiser"):
            processes.average_gradients(trained)
            torch.nn.utils.clip_grad_norm_(trained, optimiser.clip)
            adam.step()
            if averaged is not None:
                averaged.update_parameters(network)
        run.step += 1
        run.window.append({**measured, "learning_rate": rate})
        last = run.step == steps
        if run.step % LOG_EVERY and run.step % validate_every and not last:
            continue
        row = {"step": float(run.step), **_means(run.fetched())}
        run.window = []
        if processes.rank():
            continue
        if run.step % validate_every == 0 or last:
            row |= _look_at_val(task, run)
        run.curve.append(row)
        progress.advance(run.step, row)
        if time.monotonic() - saved > CHECKPOINT_SECONDS and not last:
            run.save(folder, task)
            saved = time.monotonic()
    in_parts = {"parts": task.parts} if task.parts > 1 else {}
    return {} if processes.rank() else {**_finish(run, folder), **in_parts}


def _gradients(task: Task, network: nn.Module, step: int) -> dict[str, Tensor | float]:
    """Add up the gradients of a batch's parts; its loss, and the values of the curve."""
    measured: dict[str, Tensor | float] = {}
    for loss, values in task.losses(network, step):
        loss.backward()
        measured = {"loss": measured.get("loss", 0.0) + loss.detach(), **values}
    return measured


def leave_untrained(task: Task, *, compute: Compute, folder: CellFolder) -> dict[str, Any]:
    """Keep ``task.network`` as it is, where nothing in it can be trained; its curve is one look at the val split."""
    network = compute.place(task.network).eval()
    with torch.no_grad():
        values = task.validate(network)[1]
    best = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    nothing = torch.optim.SGD([torch.zeros(1)])
    return _finish(_Run(network, None, nothing, best_step=0, best=best, curve=[{"step": 0.0, **values}]), folder)


def _look_at_val(task: Task, run: _Run) -> dict[str, float]:
    kept = run.kept
    training = kept.training
    kept.eval()
    most = None if task.parts == 1 else max(1, VAL_BATCH // task.parts)
    with timed("val"), torch.no_grad(), rows_at_most(most):
        score, values = task.validate(kept)
    kept.train(training)
    if score is not None and _broken(score):
        raise NotANumber(f"the val loss is not a finite number at step {run.step}; the last good checkpoint is kept")
    # Until something may be kept as best, the latest is.
    if score is None or score < run.best_score:
        run.best_score = math.inf if score is None else score
        run.best_step = run.step
        run.best = {
            name: tensor.detach().clone() for name, tensor in kept.state_dict().items() if not name.startswith(SCAFFOLD)
        }
    return values


def _finish(run: _Run, folder: CellFolder) -> dict[str, Any]:
    best = {name: tensor.cpu().contiguous() for name, tensor in run.best.items()}
    folder.write(WEIGHTS, tensor_bytes(best))
    folder.write(CURVE, csv_bytes(pd.DataFrame(run.curve)))
    parameters = sum(p.numel() for name, p in run.network.named_parameters() if not name.startswith(SCAFFOLD))
    at_best = next(row for row in reversed(run.curve) if row["step"] == run.best_step)
    return {"steps": run.step, "best_step": run.best_step, "parameters": parameters, "at_best": at_best}


def _broken(value: float) -> bool:
    return not math.isfinite(value)


def _means(window: list[dict[str, float]]) -> dict[str, float]:
    return {name: sum(row[name] for row in window) / len(window) for name in window[0]}
