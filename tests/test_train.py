"""Training: the loss as the source states it, the ramp and the terms beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from kornia.losses import ssim_loss
from skimage.metrics import structural_similarity
from torch import Tensor, nn
from torch.nn import functional

from ftbench.benchfile.loss import Loss
from ftbench.benchfile.schema import Curriculum
from ftbench.machine.randomness import generator
from ftbench.pipeline.stages import Pair, SimulatorStage
from ftbench.storage.store import CellFolder
from ftbench.train.again import CoverStatistics, by_itself, marks_again
from ftbench.train.augment import augment
from ftbench.train.batches import draw_batch
from ftbench.train.critic import Critic, adversarial_losses
from ftbench.train.distortion_pool import Pool, Ranged
from ftbench.train.mates import Mates
from ftbench.train.parts import Rows
from ftbench.train.schedules import image_share, message_share, psnr_at
from ftbench.train.weights import load_weights
from tests.small_pair import IDENTITY, SIMULATOR, Reads, Writes, run, task


def test_the_loss_is_the_sources_sum_up_to_a_constant() -> None:
    """α Σ(marked − cover)² + λ Σ BCE over both readings, written out in NumPy for the batch of step 3."""
    for message, image in ((1.0, 0.1), (10.0, 0.1), (1.0, 0.5)):
        made = task(
            Loss(message=message, image=image, stated_at=16), curriculum=Curriculum(kind="none"), complement=False
        )
        made.network.eval()
        [(total, _)] = made.losses(made.network, 3)
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


def test_a_ramp_of_no_steps_is_over_at_once_and_for_ever() -> None:
    at_once = Curriculum(ramp=0)
    assert image_share(5, 10**6, 5, at_once) == pytest.approx(0.003)
    assert [image_share(step, 10**6, 5, at_once) for step in (6, 10_000, 999_999)] == [1.0] * 3
    assert psnr_at(6, 10**6, 5, at_once, 40.0) == 40.0


def test_every_cover_is_shown_with_a_code_and_its_complement() -> None:
    covers, identity, code = task(complement=True)._draw(generator("x"))
    assert torch.equal(covers[:4], covers[4:])
    assert torch.equal(identity[:4], identity[4:])
    assert torch.equal(code[:4], 1 - code[4:])
    assert len({tuple(row) for row in code.tolist()}) > 2
    apart, _, codes = task(complement=False)._draw(generator("x"))
    assert len(apart) == len(codes) == 8
    assert not torch.equal(apart[:4], apart[4:])


def test_each_step_meets_one_of_several_simulators_and_val_all_of_them() -> None:
    met: list[str] = []

    def named(name: str) -> SimulatorStage:
        def change(image: torch.Tensor, inputs: object) -> torch.Tensor:
            met.append(name)
            return image * 0.5

        return SimulatorStage(SIMULATOR, change)

    made = task(pieces=1)
    made.attacks = [named("a"), named("b"), named("c")]
    for step in range(30):
        list(made.losses(made.network, step))
    assert len(met) == 30
    assert all(5 <= met.count(name) <= 18 for name in "abc")
    again = list(met)
    met.clear()
    for step in range(30):
        list(made.losses(made.network, step))
    assert met == again
    met.clear()
    alone = task()
    score, values = made.validate(made.network.eval())
    assert met == ["a", "b", "c"]
    # Three that do the same count as one does.
    only, one = alone.validate(alone.network.eval())
    assert values == pytest.approx(one)
    assert score == pytest.approx(only)


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
    [(total, values)] = made.losses(made.network, 0)
    assert float(values["psnr"]) == pytest.approx(30, abs=0.3)
    assert total.item() == pytest.approx(float(values["message_loss"]), rel=1e-5)
    _, looked = made.validate(made.network)
    # One constant a colour: rounding moves all pixels of it at once.
    assert 30 <= looked["val_psnr"] < 30.5


def test_weights_may_only_be_kept_once_the_target_is_reached(tmp_path: Path) -> None:
    # Read almost from the start, so that the ramp begins at once and ends after half of the steps.
    made = task(Loss(target_psnr=25), curriculum=Curriculum(read_at=0.51, ramp=0.5))
    summary = run(tmp_path, made=made)
    assert made.ramp.read_step is not None
    assert summary["best_step"] >= made.ramp.read_step + 30
    assert 25 <= summary["at_best"]["val_psnr"] < 25.5


def test_no_look_before_the_last_tenth_gives_the_kept_weights() -> None:
    made = task(Loss(image=0.1), curriculum=Curriculum(kind="none"))
    scores = {}
    for step in (0, 30, 52, 53, 59):
        list(made.losses(made.network, step))
        scores[step], _ = made.validate(made.network)
    # Sixty steps: the fifty-fourth is the first whose look counts.
    assert [step for step, score in scores.items() if score is not None] == [53, 59]


def test_two_looks_at_one_network_give_one_score_where_a_simulator_draws() -> None:
    def redrawn(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        return (image + 0.2 * torch.randn_like(image)).clamp(0, 1)

    made = task(Loss(image=0.1), curriculum=Curriculum(kind="none"))
    made.attacks = [SimulatorStage(SIMULATOR, redrawn)]
    list(made.losses(made.network, 59))
    made.network.eval()
    looks = [made.validate(made.network) for _ in range(2)]
    assert looks[0] == looks[1]
    assert looks[0][0] is not None


def test_an_image_weight_and_a_target_psnr_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="image has nothing to weigh"):
        Loss(image=0.1, target_psnr=30)
    assert Loss().alpha == 0.1
    assert Loss(target_psnr=30).image_weight() == 0


def test_the_perceptual_term_is_one_minus_ssim() -> None:
    made = task(Loss(image=0.1, structure=2.0), curriculum=Curriculum(kind="none"))
    [(total, values)] = made.losses(made.network, 0)
    [(plain, _)] = task(Loss(image=0.1), curriculum=Curriculum(kind="none")).losses(made.network, 0)
    assert total.item() - plain.item() == pytest.approx(float(values["structure_loss"]), rel=1e-3)
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
    load_weights(CellFolder(tmp_path), Pair(Writes(4), Reads(4)))


def test_each_piece_of_a_batch_meets_a_distortion_of_its_own() -> None:
    def named(name: str) -> Ranged:
        record = replace(IDENTITY, name=name.lower(), factory=f"tests.test_train:{name}")
        return Ranged(record, {})

    pool = Pool([named("Darker"), named("Lighter"), named("Same")])
    image = torch.full((8, 3, 2, 2), 0.4).contiguous(memory_format=torch.channels_last)
    image += torch.arange(8).view(-1, 1, 1, 1) / 255
    image.requires_grad_()
    damaged = pool.draw(torch.Generator().manual_seed(0), pieces=4)(image, torch.Generator())
    change = (damaged - image).detach().mean(dim=(1, 2, 3))
    kinds = [round(float(value), 1) for value in change]
    # Row modulo pieces says which; three kinds all come before one comes again.
    assert kinds[:4] == kinds[4:]
    assert {-0.2, 0.2, 0.0} == set(kinds)
    damaged.sum().backward()
    assert image.grad is not None
    assert image.grad.min() == image.grad.max() == 1


def test_pieces_meet_simulators_of_their_own_and_rows_stay_in_place() -> None:
    def scaled(by: float) -> SimulatorStage:
        return SimulatorStage(SIMULATOR, lambda image, inputs: image * by)

    made = task(pieces=3)
    made.attacks = [scaled(0.25), scaled(0.5), scaled(1.0)]
    covers, identity, code = made._draw(torch.Generator().manual_seed(0))
    mates = Mates(covers, code, Rows(len(covers)), covers, made.network.marking)
    (fake,) = made._fakes(covers, code, identity, 5, mates)
    ratios = (fake.sum(dim=(1, 2, 3)) / covers.sum(dim=(1, 2, 3))).tolist()
    assert ratios[:3] == pytest.approx(ratios[3:6], rel=0.02)
    assert sorted(round(4 * ratio) for ratio in ratios[:3]) == [1, 2, 4]


class Darker:
    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        return image - 0.2


class Lighter:
    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        return image + 0.2


class Same:
    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        return image * 1


class Normalises(Writes):
    def __init__(self, bits: int) -> None:
        super().__init__(bits)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        return super().forward(cover, code) + 0.01 * self.norm(cover)


@pytest.mark.parametrize("step", [0, 1])
def test_marking_again_in_training_changes_no_running_statistics_and_has_a_gradient(step: int) -> None:
    def again(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        return inputs["remarked"]

    seen = {}
    second = SimulatorStage(replace(SIMULATOR, name="again", needs=("remarked",)), again)
    for name, attacks in (("none", []), ("again", [second])):
        made = task(pieces=1)
        torch.manual_seed(3)
        made.network = Pair(Normalises(4), Reads(4))
        made.attacks = attacks
        made.network.train()
        [(total, _)] = made.losses(made.network, step)
        total.backward()
        encoder = made.network.encoder
        assert isinstance(encoder, Normalises)
        assert all(module.training for module in made.network.modules())
        assert encoder.norm.num_batches_tracked == 1
        seen[name] = encoder.norm.running_mean
        assert encoder.planes.weight.grad is not None
        assert bool(encoder.planes.weight.grad.abs().sum() > 0)
    assert torch.equal(seen["none"], seen["again"])


def test_normalisations_that_are_frozen_or_saw_no_cover_stay_as_they_are_and_calls_in_pieces_count_as_one() -> None:
    encoder = nn.ModuleList(nn.BatchNorm2d(3) for _ in range(3)).train()
    met, frozen, spare = encoder
    frozen.eval()
    first, second, given = torch.rand(4, 3, 5, 5), 3 + torch.rand(2, 3, 5, 5), torch.rand(3, 3, 5, 5)
    statistics = CoverStatistics(encoder)
    with statistics.gathered():
        for images in (first, second):
            frozen(met(input=images))
    kept = [norm.running_mean.clone() for norm in (met, frozen, spare)]
    with statistics.used():
        found, alone = met(given), frozen(given)
        assert spare.training
    assert torch.allclose(alone, frozen(given))
    assert all(torch.equal(norm.running_mean, mean) for norm, mean in zip((met, frozen, spare), kept, strict=True))
    assert met.training
    assert not frozen.training
    mean = (4 * first.mean((0, 2, 3)) + 2 * second.mean((0, 2, 3))) / 6
    var = (4 * first.var((0, 2, 3)) + 2 * second.var((0, 2, 3))) / 6
    expected = functional.batch_norm(given, mean, var, eps=met.eps)
    assert torch.allclose(found, expected, atol=1e-5)


def test_marking_again_in_training_normalises_as_the_covers_were() -> None:
    network = Pair(Normalises(4), Reads(4)).train()
    covers, image, code = torch.rand(6, 3, 16, 16), 0.5 * torch.rand(2, 3, 16, 16), torch.ones(2, 4)
    assert isinstance(network.encoder, Normalises)
    statistics, norm = CoverStatistics(network.encoder), network.encoder.norm
    norm.weight.data.fill_(10.0)
    with statistics.gathered():
        network.mark(covers, torch.ones(6, 4), None, exact=False)
    gathered = norm.running_mean
    found = marks_again(network, statistics.used, code, None)(image)
    apart = marks_again(network, partial(by_itself, network.encoder), code, None)(image)
    assert norm.training
    assert norm.running_mean is gathered
    # As in evaluation, had the running statistics been those of this very step.
    norm.momentum = 1.0
    network.mark(covers, torch.ones(6, 4), None, exact=False)
    assert torch.allclose(found, network.eval().mark(image, code, None, exact=False), atol=1.01 / 255)
    assert not torch.allclose(found, apart, atol=3 / 255)
    assert torch.equal(apart, network.train().mark(image, code, None, exact=False))
