"""Evaluation against a pair whose errors are known beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import ftbench
from ftbench.benchfile.schema import EvaluateSection
from ftbench.data.images import Images
from ftbench.evaluate.evaluate import Findings, evaluate
from ftbench.evaluate.readings import AT_ONCE, GridDistortion
from ftbench.machine.randomness import generator, payload
from ftbench.pipeline.stages import DistortionStage, Pair, SimulatorStage
from ftbench.progress import Silent
from ftbench_metrics.quality import Psnr, Ssim

BITS = 8
COUNT = 70  # more than one batch


class Stripes(nn.Module):
    """Bit i lifts or lowers columns 2i and 2i+1 to a level that anyone can read."""

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        lift = (0.6 + 0.2 * (2 * code - 1)).repeat_interleave(2, dim=1)
        return lift[:, None, None, :].expand_as(cover).clone()


class Reader(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image.mean(dim=(1, 2)).unflatten(1, (BITS, 2)).mean(dim=2) - 0.6


class Bare:
    def encode(self, payload: Tensor) -> Tensor:
        return payload

    def decode(self, logits: Tensor) -> Tensor:
        return (logits > 0).float()


def faces() -> Images:
    pixels = torch.randint(0, 256, (COUNT, 3, 16, 16), generator=torch.Generator().manual_seed(0))
    return Images(
        keys=tuple(f"key{i:03d}" for i in range(COUNT)),
        names=tuple(f"{i}.png" for i in range(COUNT)),
        people=("ann", "bob"),
        identity=torch.arange(COUNT) % 2,
        pixels=pixels.to(torch.uint8),
    )


def half_inverted(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    """Inverts the first four bits' columns of every image of bob, so that exactly four bits are wrong."""
    changed = image.clone()
    bob = inputs["identity"] == 1
    changed[bob, :, :, :8] = (1.2 - changed[bob, :, :, :8]).clamp(0, 1)
    return changed


def found(
    draws: int = 2,
    psnr: float | None = None,
    attacks: Mapping[str, SimulatorStage] | None = None,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
    images: Images | None = None,
    known: Images | None = None,
    **more: Any,
) -> Findings:
    simulator = ftbench.Simulator(
        name="x", factory="x:x", summary="x", differentiable=True, trainable=False, needs=("identity",)
    )
    plain = ftbench.Distortion(name="identity", factory="x:x", summary="x", differentiable=True, category="none")
    noise = ftbench.Distortion(name="noise", factory="x:x", summary="x", differentiable=True, category="noise")

    def noisy(image: Tensor, randomness: torch.Generator) -> Tensor:
        return torch.rand(image.shape, generator=randomness)

    return evaluate(
        pair=Pair(encoder or Stripes(), decoder or Reader()),
        codec=Bare(),
        attacks=attacks or {"half": SimulatorStage(simulator, half_inverted)},
        conditions=[
            GridDistortion("identity", "none", None, DistortionStage(plain, lambda image, _: image), plain=True),
            GridDistortion("noise sigma=0.3", "noise", 0.3, DistortionStage(noise, noisy), plain=False),
        ],
        metrics={"psnr": Psnr(), "ssim": Ssim()},
        images=images or faces(),
        settings=EvaluateSection.model_validate({"simulators": [{"name": "none"}], "draws": draws, "seed": 5, **more}),
        bits=BITS,
        held=psnr,
        device="cpu",
        progress=Silent(),
        known=known,
    )


def rows_of(findings: Findings, simulator: str, distortion: str = "identity") -> pd.DataFrame:
    rows = findings.rows
    return rows[(rows.simulator == simulator) & (rows.distortion == distortion)]


def test_errors_are_counted_where_they_are() -> None:
    findings = found()
    marked = rows_of(findings, "none")
    assert len(marked) == COUNT * 2
    assert marked.code_errors.sum() == 0
    swapped = rows_of(findings, "half")
    assert set(swapped[swapped.identity == "ann"].code_errors) == {0}
    assert set(swapped[swapped.identity == "bob"].code_errors) == {4}
    assert (swapped.payload_errors == swapped.code_errors).all()


def test_the_unmarked_control_is_read_against_the_same_payloads() -> None:
    findings = found()
    control = rows_of(findings, "unmarked")
    assert set(findings.rows[findings.rows.simulator == "unmarked"].distortion) == {"identity"}
    covers = faces()
    # Written out: what the reader sees in each cover, against the payload of image, seed and draw.
    for row in control.iloc[[0, 50, 100]].itertuples():
        position = covers.keys.index(str(row.image))
        columns = covers.pixels[position].float().mean(dim=(0, 1)).reshape(BITS, 2).mean(dim=1) / 255
        expected = payload(str(row.image), 5, int(row.draw), BITS)
        assert int(((columns > 0.6).numpy() != expected.astype(bool)).sum()) == row.code_errors


def test_quality_is_measured_against_the_right_reference() -> None:
    findings = found(draws=1)
    covers = faces().pixels.numpy().astype(np.float64)
    marked = findings.quality[findings.quality.of == "marked"].reset_index()
    for position in (0, 33, 69):
        code = payload(f"key{position:03d}", 5, 0, BITS)
        picture = np.rint((0.6 + 0.2 * (2.0 * code - 1)).repeat(2) * 255)
        error = ((covers[position] - picture) ** 2).mean()
        assert abs(marked.psnr[position] - 10 * np.log10(255**2 / error)) < 1e-3
    fakes = findings.quality[findings.quality.of == "fake:half"]
    assert len(fakes) == COUNT


def test_the_same_evaluation_gives_the_same_rows_and_noise_of_its_own_each_draw() -> None:
    one, two = found(), found()
    pd.testing.assert_frame_equal(one.rows, two.rows)
    pd.testing.assert_frame_equal(one.quality, two.quality)
    noisy = rows_of(one, "none", "noise sigma=0.3")
    draws = [noisy[noisy.draw == draw].code_errors.tolist() for draw in (0, 1)]
    assert draws[0] != draws[1]
    # Nothing is left to read in pure noise.
    assert 0.4 < noisy.code_errors.mean() / BITS < 0.6
    assert set(noisy.strength) == {0.3}


def test_more_draws_leave_the_first_ones_as_they_were() -> None:
    one, three = found(1).rows, found(3).rows
    pd.testing.assert_frame_equal(one, three[three.draw == 0].reset_index(drop=True))


def test_samples_are_eight_bit_pictures_of_every_person() -> None:
    samples: dict[str, Any] = dict(found(1).samples)
    assert sorted(set(samples["names"])) == ["ann", "bob"]
    for name in ("cover", "marked", "fake of cover:half", "fake of marked:half"):
        assert samples[name].shape == (6, 16, 16, 3)
        assert samples[name].dtype == np.uint8
    first = faces().pixels[0].permute(1, 2, 0).numpy()
    assert (samples["cover"][0] == first).all()


def test_any_pair_can_be_tested_at_a_chosen_psnr() -> None:
    quality = found(1, psnr=25.0).quality
    marked = quality[quality.of == "marked"].psnr
    # Stripes of one value each: rounding moves them all at once, so the steps are coarse.
    assert marked.between(25.0, 25.1).all()
    own = found(1).quality
    assert not own[own.of == "marked"].psnr.between(24.9, 25.1).any()


class Untouched(nn.Module):
    """An encoder that paints nothing."""

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        return cover.clone()


def redrawn(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    """As a generator with a latent of its own draws: from torch's global generator."""
    return (image + 0.1 * torch.randn_like(image)).clamp(0, 1)


def test_cover_and_marked_image_meet_the_same_draw_of_a_simulator() -> None:
    simulator = ftbench.Simulator(name="x", factory="x:x", summary="x", differentiable=True, trainable=False)
    attacks = {name: SimulatorStage(simulator, redrawn) for name in ("first", "second")}
    quality = found(attacks=attacks, encoder=Untouched()).quality
    fakes = quality[quality["of"].str.startswith("fake:")]
    # No mark, so no difference: the simulator's own dice are not counted.
    assert len(fakes) == 2 * 2 * COUNT
    assert np.isinf(fakes["psnr"]).all()


def test_the_fake_of_a_cover_is_made_once_for_all_distortions() -> None:
    shown: list[Tensor] = []

    def watched(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        shown.append(image.clone())
        return image

    record = ftbench.Simulator(name="x", factory="x:x", summary="x", differentiable=True, trainable=False)
    findings = found(draws=2, attacks={"one": SimulatorStage(record, watched)}, quality_after=True)
    assert set(findings.rows[findings.rows.simulator == "one"].distortion) == {"identity", "noise sigma=0.3"}
    covers = faces().pixels.float() / 255
    # Two batches, two draws: each marked image and each cover passes once, whatever comes after.
    assert [len(image) for image in shown] == [64, 64, 6, 6] * 2
    assert torch.equal(torch.cat([shown[1], shown[3]]), covers)
    assert torch.equal(torch.cat([shown[5], shown[7]]), covers)


def test_each_simulator_draw_and_batch_has_dice_of_its_own() -> None:
    simulator = ftbench.Simulator(name="x", factory="x:x", summary="x", differentiable=True, trainable=False)
    seen: list[Tensor] = []

    def recorded(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        seen.append(torch.rand(4))
        return image

    found(attacks={name: SimulatorStage(simulator, recorded) for name in ("first", "second")})
    # Two simulators, two draws, two batches, each for the marked image and for its cover.
    assert len(seen) == 16
    assert len({tuple(drawn.tolist()) for drawn in seen}) == 8


def test_quality_after_a_distortion_is_against_the_image_without_it() -> None:
    findings, plain = found(1, quality_after=True), found(1)
    pd.testing.assert_frame_equal(findings.rows, plain.rows)
    quality = findings.quality
    before = quality[quality["of"] != "after"]
    pd.testing.assert_frame_equal(before[plain.quality.columns].reset_index(drop=True), plain.quality)
    assert set(before["simulator"]) == set(before["distortion"]) == {""}
    assert (quality["of"] == "after").sum() == 2 * 2 * COUNT

    def after(simulator: str, distortion: str) -> pd.DataFrame:
        chosen = (quality["simulator"] == simulator) & (quality["distortion"] == distortion)
        return quality[chosen].set_index("image")

    for simulator, of in (("none", "marked"), ("half", "fake:half")):
        undamaged = quality[quality["of"] == of].set_index("image")
        # Identity changes nothing; of noise nothing is left but noise.
        pd.testing.assert_series_equal(after(simulator, "identity")["psnr"], undamaged["psnr"])
        assert (after(simulator, "noise sigma=0.3")["ssim"] < 0.5).all()
    # Written out: uniform noise against the cover itself, not against the marked image.
    cover = faces().pixels[0].double() / 255
    drawn = generator(5, "distortion", "noise sigma=0.3", 0, 0)
    noise = (torch.rand(64, 3, 16, 16, generator=drawn)[0] * 255).round().double() / 255
    error = float((noise - cover).square().mean())
    assert abs(after("none", "noise sigma=0.3")["psnr"]["key000"] + 10 * np.log10(error)) < 1e-3


def test_how_many_are_read_at_once_changes_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    one = found()
    sizes: list[int] = []
    read = Reader.forward

    def seen(self: Reader, image: Tensor) -> Tensor:
        sizes.append(len(image))
        return read(self, image)

    monkeypatch.setattr(Reader, "forward", seen)
    monkeypatch.setitem(AT_ONCE, "cpu", 3 * 64 * 3 * 16 * 16)
    pd.testing.assert_frame_equal(found().rows, one.rows)
    # Two batches of 64 and 6 in two draws; two conditions of two views and one of the control.
    assert sizes == [192, 128, 30] * 2
