"""Training: the loss as the source states it, the ramp, balanced batches, and a loop that resumes exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import ftbench
from ftbench import loop
from ftbench.augment import augment
from ftbench.compute import Compute
from ftbench.config import Augmentation, Curriculum, Loss, Optimiser, TrainSection
from ftbench.data import Images
from ftbench.errors import CellFailed
from ftbench.pipeline import Attack, Pair
from ftbench.pool import Pool, Ranged
from ftbench.progress import Silent
from ftbench.randomness import generator
from ftbench.store import CellFolder
from ftbench.train import PairTask, draw_batch, image_share

COMPUTE = Compute("cpu", "float32", 1, "none")


def images(first: int = 12, second: int = 30, size: int = 16) -> Images:
    count = first + second
    pixels = torch.randint(0, 256, (count, 3, size, size), generator=torch.Generator().manual_seed(0))
    return Images(
        keys=tuple(f"{i:04d}" for i in range(count)),
        names=tuple(f"{i}.png" for i in range(count)),
        people=("a", "b"),
        identity=torch.tensor([0] * first + [1] * second),
        pixels=pixels.to(torch.uint8),
    )


class Writes(nn.Module):
    def __init__(self, bits: int) -> None:
        super().__init__()
        self.planes = nn.Linear(bits, 3)

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        return cover + 0.1 * torch.tanh(self.planes(2 * code - 1))[:, :, None, None]


class Reads(nn.Module):
    def __init__(self, bits: int) -> None:
        super().__init__()
        self.read = nn.Sequential(nn.Linear(3, 16), nn.Dropout(0.1), nn.Linear(16, bits))

    def forward(self, image: Tensor) -> Tensor:
        return self.read(image.mean(dim=(2, 3)))  # type: ignore[no-any-return]


class Bare:
    def encode(self, payload: Tensor) -> Tensor:
        return payload

    def decode(self, logits: Tensor) -> Tensor:
        return (logits > 0).float()


def darker(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    return image * 0.5


SIMULATOR = ftbench.Simulator(name="darker", factory="x:x", summary="x", differentiable=True, trainable=False)
IDENTITY = ftbench.Distortion(
    name="identity",
    factory="ftbench_distortions.compression:Identity",
    summary="x",
    differentiable=True,
    category="none",
)


def task(loss: Loss | None = None, **settings: Any) -> PairTask:
    torch.manual_seed(0)
    return PairTask(
        network=Pair(Writes(4), Reads(4)),
        codec=Bare(),
        attacks=[Attack(SIMULATOR, darker)],
        pool=Pool([Ranged(IDENTITY, {})]),
        loss_weights=loss or Loss(),
        settings=TrainSection(steps=60, batch_size=8, **settings),
        size=16,
        bits=4,
        code_bits=4,
        seed=0,
        images=images(),
        val=images(4, 4),
        compute=COMPUTE,
    )


def test_the_loss_is_the_sources_sum_up_to_a_constant() -> None:
    """α Σ(marked − cover)² + λ Σ BCE over both readings, written out in NumPy for the batch of step 3."""
    for message, image in ((1.0, 0.1), (10.0, 0.1), (1.0, 0.5)):
        made = task(Loss(message=message, image=image, stated_at=16), curriculum=Curriculum(kind="none"))
        made.network.eval()
        total, _ = made.loss(made.network, 3)
        randomness = generator(0, "train", 3)
        index = draw_batch(made.images, 8, randomness)
        covers = augment(made.images.covers(index, "cpu"), made.settings.augment, randomness)
        covers = (covers * 255).round() / 255
        code = torch.randint(0, 2, (8, 4), generator=randomness).float()
        with torch.no_grad():
            marked = (made.network.encoder(covers, code).clamp(0, 1) * 255).round() / 255
            swapped = (marked * 0.5 * 255).round() / 255
            readings = [made.network.decoder(picture).numpy().astype(np.float64) for picture in (marked, swapped)]
        entropy = sum((np.logaddexp(0, logits) - logits * code.numpy()).sum() for logits in readings)
        squared = ((marked - covers).numpy().astype(np.float64) ** 2).sum()
        source = (image * squared + message * entropy) / 8
        assert total.item() * message * 4 == pytest.approx(source, rel=1e-4)


def test_alpha_means_the_same_per_pixel_at_another_size() -> None:
    loss = Loss(message=1, image=0.1, stated_at=64)
    # A change of 0.01 everywhere weighs the same at 32 px as at 64 px, where the sum runs over 12,288 values.
    assert loss.image_weight() * 0.01**2 == pytest.approx(0.1 * 12288 * 0.01**2)
    assert Loss(reduction="mean", image=0.1).image_weight() == 0.1


def test_the_image_term_waits_until_bits_are_read() -> None:
    curriculum = Curriculum(ramp=0.5, floor=0.01)
    assert image_share(50, 100, None, curriculum) == 0.01
    shares = [image_share(step, 100, 20, curriculum) for step in range(20, 100)]
    assert shares[0] == pytest.approx(0.01)
    assert shares[25] == pytest.approx(math.sqrt(0.01))
    assert all(share == 1 for share in shares[50:])
    assert shares == sorted(shares)
    assert image_share(0, 100, None, Curriculum(kind="none")) == 1


@pytest.mark.parametrize("size", [2, 8, 50])
def test_batches_show_both_people_equally_often(size: int) -> None:
    data = images(first=12, second=30)
    seen = torch.zeros(42)
    for step in range(60):
        index = draw_batch(data, size, generator("batch", step))
        assert len(index) == size
        assert int((data.identity[index] == 0).sum()) == size // 2
        seen[index] += 1
    assert (seen > 0).all() or size == 2


def test_augmentation_repeats_and_stays_in_range() -> None:
    cover = torch.rand(6, 3, 16, 16)
    once = augment(cover, Augmentation(), generator("x"))
    assert torch.equal(once, augment(cover, Augmentation(), generator("x")))
    assert not torch.equal(once, augment(cover, Augmentation(), generator("y")))
    assert once.min() >= 0
    assert once.max() <= 1
    still = Augmentation(rotate=0, scale=0, shift=0, flip=0, gain=0, colour=0)
    assert torch.equal(augment(cover, still, generator("x")), cover)
    flipped = Augmentation(rotate=0, scale=0, shift=0, flip=1, gain=0, colour=0)
    assert torch.allclose(augment(cover, flipped, generator("x")), cover.flip(-1), atol=1e-5)


class Stopped(Exception):
    """Stands for a kill."""


class Stops(Silent):
    """Progress that stops the training, as a kill would, once a step is reached."""

    def __init__(self, at: int) -> None:
        self.at = at

    def advance(self, done: int, values: Mapping[str, float]) -> None:
        if done >= self.at:
            raise Stopped


def run(folder: Path, progress: Silent | None = None, made: PairTask | None = None) -> dict[str, Any]:
    return loop.train(
        made or task(),
        steps=60,
        optimiser=Optimiser(learning_rate=1e-2),
        ema=0.9,
        validate_every=15,
        compute=COMPUTE,
        folder=CellFolder(folder),
        progress=progress or Silent(),
    )


@pytest.mark.parametrize("at", [20, 30, 45])
def test_a_training_that_was_stopped_ends_in_the_same_weights(
    tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    whole = run(tmp_path / "whole")
    with pytest.raises(Stopped):
        run(tmp_path / "stopped", Stops(at))
    assert (tmp_path / "stopped" / loop.CHECKPOINT).exists()
    resumed = run(tmp_path / "stopped")
    assert resumed == whole
    for name in (loop.WEIGHTS, loop.CURVE):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_the_kept_weights_are_those_of_the_best_look_at_val(tmp_path: Path) -> None:
    class Scored:
        network = nn.Linear(2, 1)
        scores = iter([3.0, 1.0, 2.0, 5.0])

        def loss(self, network: nn.Module, step: int) -> tuple[Tensor, dict[str, float]]:
            return network(torch.ones(1, 2)).sum() ** 2, {}

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
    honest = made.loss

    def broken(network: nn.Module, step: int) -> tuple[Tensor, dict[str, float]]:
        total, values = honest(network, step)
        return total, {**values, "message_loss": math.nan} if step == 37 else values

    monkeypatch.setattr(made, "loss", broken)
    with pytest.raises(CellFailed, match="message_loss is not a finite number at step 37"):
        run(tmp_path, made=made)
    held = torch.load(tmp_path / loop.CHECKPOINT, weights_only=True)
    assert held["step"] == 30
    assert all(torch.isfinite(value).all() for value in held["network"].values())


@pytest.mark.parametrize("damage", ["cut", "other shape"])
def test_a_checkpoint_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(Stopped):
        run(tmp_path, Stops(30))
    file = tmp_path / loop.CHECKPOINT
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:500])
    else:
        held = torch.load(file, weights_only=True)
        held["network"] = {name: value[..., :1] for name, value in held["network"].items()}
        torch.save(held, file)
    with pytest.raises(CellFailed, match="delete the file to train the cell anew"):
        run(tmp_path)
    assert file.exists()


def test_a_pair_learns_to_write_and_read(tmp_path: Path) -> None:
    made = task(Loss(message=1, image=0.001))
    summary = run(tmp_path, made=made)
    assert summary["at_best"]["val_accuracy_marked"] > 0.6


def test_the_rate_warms_up_and_falls() -> None:
    settings = Optimiser(warmup=0.1)
    factors = [loop.rate_factor(step, 100, settings) for step in range(100)]
    assert max(factors) == factors[10] == 1
    assert factors[:10] == sorted(factors[:10])
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[-1] < 0.01
    stable = Optimiser(warmup=0, schedule="stable-decay", decay=0.5)
    assert [loop.rate_factor(step, 100, stable) for step in (0, 49, 50, 75, 99)] == [1, 1, 1, 0.5, 0.02]
    constant = Optimiser(warmup=0, schedule="constant")
    assert {loop.rate_factor(step, 100, constant) for step in range(100)} == {1.0}
