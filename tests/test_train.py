"""Training: the loss as the source states it, the ramp, balanced batches, and a loop that resumes exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from kornia.losses import ssim_loss
from safetensors.torch import load_file
from skimage.metrics import structural_similarity
from torch import Tensor, nn

import ftbench
from ftbench import loop
from ftbench.augment import augment
from ftbench.compute import Compute
from ftbench.config import Augmentation, Curriculum, Loss, Optimiser, TrainSection
from ftbench.critic import Critic, adversarial_losses
from ftbench.data import Images
from ftbench.errors import CellFailed
from ftbench.pipeline import Attack, Pair
from ftbench.pool import Pool, Ranged
from ftbench.progress import Silent
from ftbench.randomness import generator
from ftbench.store import CellFolder
from ftbench.train import PairTask, draw_batch, image_share, message_share, psnr_at

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
        made = task(
            Loss(message=message, image=image, stated_at=16), curriculum=Curriculum(kind="none"), complement=False
        )
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


def test_every_cover_is_shown_with_a_code_and_its_complement() -> None:
    covers, identity, code = task(complement=True)._draw(generator("x"))
    assert torch.equal(covers[:4], covers[4:])
    assert torch.equal(identity[:4], identity[4:])
    assert torch.equal(code[:4], 1 - code[4:])
    assert len({tuple(row) for row in code.tolist()}) > 2
    apart, _, codes = task(complement=False)._draw(generator("x"))
    assert len(apart) == len(codes) == 8
    assert not torch.equal(apart[:4], apart[4:])


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


def test_the_target_psnr_is_reached_in_a_straight_line_once_bits_are_read() -> None:
    curriculum = Curriculum(ramp=0.5, start_psnr=16)
    assert psnr_at(70, 100, None, curriculum, 30) == 16
    held = [psnr_at(step, 100, 20, curriculum, 30) for step in range(20, 100)]
    assert held[0] == 16
    assert held[25] == pytest.approx(23)
    assert set(held[50:]) == {30}
    assert np.allclose(np.diff(held[:51]), 14 / 50)
    assert psnr_at(0, 100, None, Curriculum(kind="none"), 30) == 30
    # A target below the start is the start.
    assert psnr_at(0, 100, None, curriculum, 12) == 12


def test_image_first_hears_no_message_at_the_beginning() -> None:
    curriculum = Curriculum(kind="image-first", ramp=0.03)
    assert [message_share(step, 100, curriculum) for step in (0, 2, 3, 99)] == [0, 0, 1, 1]
    assert image_share(0, 100, None, curriculum) == 1
    assert message_share(0, 100, Curriculum()) == 1


def test_training_at_a_target_psnr_holds_it_and_has_no_image_term() -> None:
    made = task(Loss(target_psnr=30), curriculum=Curriculum(kind="none"))
    total, values = made.loss(made.network, 0)
    assert values["psnr"] == pytest.approx(30, abs=0.3)
    assert total.item() == pytest.approx(values["message_loss"], rel=1e-5)
    _, looked = made.validate(made.network)
    # One constant a colour: rounding moves all pixels of it at once.
    assert 30 <= looked["val_psnr"] < 30.5


def test_weights_may_only_be_kept_once_the_target_is_reached(tmp_path: Path) -> None:
    # Read almost from the start, so that the ramp begins at once and ends after half of the steps.
    made = task(Loss(target_psnr=25), curriculum=Curriculum(read_at=0.51, ramp=0.5))
    summary = run(tmp_path, made=made)
    assert made.read_step is not None
    assert summary["best_step"] >= made.read_step + 30
    assert 25 <= summary["at_best"]["val_psnr"] < 25.5


def test_an_image_weight_and_a_target_psnr_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="image has nothing to weigh"):
        Loss(image=0.1, target_psnr=30)
    assert Loss().alpha == 0.1
    assert Loss(target_psnr=30).image_weight() == 0


def test_the_perceptual_term_is_one_minus_ssim() -> None:
    made = task(Loss(image=0.1, structure=2.0), curriculum=Curriculum(kind="none"))
    total, values = made.loss(made.network, 0)
    plain, _ = task(Loss(image=0.1), curriculum=Curriculum(kind="none")).loss(made.network, 0)
    assert total.item() - plain.item() == pytest.approx(values["structure_loss"], rel=1e-3)
    covers = made.images.covers(torch.arange(4), "cpu")
    ours = float(2 * ssim_loss(0.9 * covers, covers, window_size=11))
    theirs = np.mean(
        [
            structural_similarity(
                0.9 * x, x, channel_axis=0, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
            )
            for x in covers.double().numpy()
        ]
    )
    # kornia pads where scikit-image crops, which shows at 16 px.
    assert ours == pytest.approx(1 - theirs, abs=0.02)


def test_the_critic_and_the_encoder_each_learn_from_their_own_term_alone() -> None:
    torch.manual_seed(0)
    critic, covers = Critic(), torch.rand(4, 3, 16, 16)
    marked = (covers + 0.1).requires_grad_()
    fooled, own = adversarial_losses(critic, covers, marked)
    (to_marked,) = torch.autograd.grad(fooled, marked, retain_graph=True)
    assert to_marked.abs().sum() > 0
    parameters = list(critic.parameters())
    assert all(grad is None for grad in torch.autograd.grad(fooled, parameters, allow_unused=True))
    assert torch.autograd.grad(own, marked, allow_unused=True, retain_graph=True) == (None,)
    assert all(grad.abs().sum() > 0 for grad in torch.autograd.grad(own, parameters))
    # At a critic that knows nothing both losses are ln 2.
    with torch.no_grad():
        for parameter in parameters[-2:]:
            parameter.zero_()
    losses = adversarial_losses(critic, covers, marked)
    assert [value.item() for value in losses] == pytest.approx([math.log(2)] * 2)


def test_the_critic_is_not_among_the_kept_weights(tmp_path: Path) -> None:
    made = task(Loss(adversarial=0.1), curriculum=Curriculum(kind="none"))
    made.network.critic = Critic()
    before = [parameter.clone() for parameter in made.network.critic.parameters()]
    run(tmp_path, made=made)
    assert any(not torch.equal(a, b) for a, b in zip(before, made.network.critic.parameters(), strict=True))
    loop.load_weights(CellFolder(tmp_path), Pair(Writes(4), Reads(4)))


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
