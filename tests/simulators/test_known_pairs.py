"""Attackers who know pictures before and after marking: what they take off, what they forge, what it costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch
from pydantic import ValidationError
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor, nn

from ftbench.data.images import Images
from ftbench.evaluate.evaluate import Findings
from ftbench.parts.catalogue import Plugins
from ftbench.pipeline.known import Known
from ftbench.pipeline.stages import SimulatorStage
from ftbench.plan.part import ResolvedPart
from ftbench.testing import check
from ftbench_simulators.remove_by_pairs import RemoveByPairs
from ftbench_simulators.subspace import Subspace
from tests.test_evaluate import BITS, Reader, found, rows_of

LIFT = 20 / 255


class Lift(nn.Module):
    """Bit i lifts or lowers columns 2i and 2i+1 by 20 levels, in every cover alike."""

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        return cover + LIFT * (2 * code - 1).repeat_interleave(2, dim=1)[:, None, None, :]


class Own(Lift):
    """As the cover's mean has it, it lifts or lowers."""

    def forward(self, cover: Tensor, code: Tensor) -> Tensor:
        way = 2 * ((cover.mean(dim=(1, 2, 3)) * 2550).floor() % 2) - 1
        return cover + way[:, None, None, None] * (super().forward(cover, code) - cover)


class Middle(Reader):
    """Reads what ``Lift`` writes on pictures of a mean of one half."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image) + 0.1


def grey(count: int, seed: int) -> Images:
    """Pictures of noise around one half, too faint to be read as a bit."""
    pixels = torch.randint(108, 149, (count, 3, 16, 16), generator=torch.Generator().manual_seed(seed))
    names = tuple(f"{seed}-{number:03d}" for number in range(count))
    return Images(names, names, ("ann", "bob"), torch.arange(count) % 2, pixels.to(torch.uint8))


def after(plugins: Plugins, name: str, encoder: nn.Module | None = None, **parameters: Any) -> Findings:
    record: Any = plugins.find("simulator", name).record
    settled = record.parameters(**parameters)
    network = record.load()(size=16, **dict(settled))
    known = Known(settled.pairs, settled.flat)
    attack = SimulatorStage(record, network, known=known)
    return found(
        draws=1, attacks={name: attack}, encoder=encoder or Lift(), decoder=Middle(), images=grey(12, 0),
        known=grey(40, 1),
    )  # fmt: skip


def errors(findings: Findings, name: str) -> list[int]:
    return [int(value) for value in rows_of(findings, name).code_errors]


def psnr(findings: Findings, of: str) -> list[float]:
    return [float(value) for value in findings.quality[findings.quality.of == of].psnr]


@pytest.mark.parametrize("name", ["copy", "subspace", "remove-by-pairs"])
def test_the_parts_keep_their_promises(plugins: Plugins, name: str) -> None:
    check(plugins.find("simulator", name).record, size=32)


@pytest.mark.parametrize("flat", [False, True])
def test_what_is_taken_off_twice_reads_as_the_complement(plugins: Plugins, flat: bool) -> None:
    findings = after(plugins, "averaging", pairs=3, strength=2.0, flat=flat)
    assert errors(findings, "none") == [0] * 12
    assert errors(findings, "averaging") == [BITS] * 12


def test_a_mark_of_its_own_cover_survives_the_mean_of_many(plugins: Plugins) -> None:
    findings = after(plugins, "averaging", encoder=Own(), pairs=40)
    # What is read of an image is its payload or the complement, as its cover has it: the same before and after.
    assert errors(findings, "averaging") == errors(findings, "none")
    assert set(errors(findings, "none")) == {0, BITS}


def test_quality_is_that_of_what_is_left(plugins: Plugins) -> None:
    findings = after(plugins, "averaging", pairs=2, strength=0.5)
    assert set(findings.quality.of) == {"marked", "left:averaging", "changed:averaging"}
    # Half of the mark is left, and half of it was changed.
    half = -20 * np.log10(LIFT / 2)
    assert psnr(findings, "left:averaging") == pytest.approx([half] * 12, abs=0.2)
    assert psnr(findings, "changed:averaging") == pytest.approx([half] * 12, abs=0.2)


def test_a_copied_mark_is_read_on_covers_that_never_had_one(plugins: Plugins) -> None:
    findings = after(plugins, "copy")
    assert errors(findings, "copy") == [0] * 12
    assert all(errors(findings, "unmarked"))
    assert set(findings.quality.of) == {"marked", "forged:copy"}
    assert psnr(findings, "forged:copy") == pytest.approx([-20 * np.log10(LIFT)] * 12, abs=0.2)


def test_a_mark_of_its_own_cover_is_copied_for_half_of_the_others(plugins: Plugins) -> None:
    findings = after(plugins, "copy", encoder=Own())
    # One known picture a batch: the residual is its own, whichever cover it is laid on.
    assert set(errors(findings, "copy")) in ({0}, {BITS})


def test_the_components_are_those_of_the_second_moment() -> None:
    drawn = torch.Generator().manual_seed(0)
    covers = 0.3 + 0.4 * torch.rand(30, 3, 8, 8, generator=drawn)
    patterns = torch.randn(5, 192, generator=drawn)
    marked = covers + (0.02 * torch.randn(30, 5, generator=drawn) @ patterns).view_as(covers)
    attack = Subspace(size=8, components=3)
    attack.study(marked=marked, covers=covers, generator=torch.Generator())
    residuals = (marked - covers).flatten(1).double().numpy()
    _, vectors = scipy.linalg.eigh(residuals.T @ residuals)
    leading = vectors[:, ::-1][:, :3]
    image = torch.rand(4, 3, 8, 8, generator=drawn) * 0.4 + 0.3
    centred = image.flatten(1).double().numpy() - covers.flatten(1).double().numpy().mean(0)
    expected = np.clip(image.flatten(1).double().numpy() - centred @ leading @ leading.T, 0, 1)
    assert np.allclose(attack(image, {}).flatten(1).numpy(), expected, atol=1e-4)


def test_components_that_residuals_do_not_span_change_nothing() -> None:
    covers = torch.rand(6, 3, 8, 8)
    attack = Subspace(size=8, components=4)
    attack.study(marked=covers, covers=covers, generator=torch.Generator())
    image = torch.rand(2, 3, 8, 8)
    assert torch.equal(attack(image, {}), image)


def test_a_subspace_holds_marks_that_lie_in_few_directions(plugins: Plugins) -> None:
    findings = after(plugins, "subspace", pairs=30, components=BITS)
    wrong = np.mean(errors(findings, "subspace")) / BITS
    assert 0.25 < wrong < 0.75
    assert min(psnr(findings, "left:subspace")) > 25


def test_a_remover_brings_unseen_pictures_nearer_to_their_covers(plugins: Plugins) -> None:
    findings = after(plugins, "remove-by-pairs", pairs=40, steps=60)
    marked, left = np.mean(psnr(findings, "marked")), np.mean(psnr(findings, "left:remove-by-pairs"))
    assert left > marked + 3
    again = after(plugins, "remove-by-pairs", pairs=40, steps=60)
    assert psnr(again, "left:remove-by-pairs") == psnr(findings, "left:remove-by-pairs")


def test_a_remover_leaves_pictures_alone_until_it_is_fitted() -> None:
    image = torch.rand(2, 3, 16, 16)
    assert torch.equal(RemoveByPairs(size=16).eval()(image, {}), image)


def test_the_quality_that_is_told_is_scikit_images(plugins: Plugins) -> None:
    findings = after(plugins, "subspace", pairs=30, components=4)
    left, covers = findings.samples["fake of marked:subspace"], findings.samples["cover"]
    told = psnr(findings, "left:subspace")
    for cover, changed in zip(covers, left, strict=True):
        value = peak_signal_noise_ratio(cover, changed, data_range=255)
        assert min(abs(value - one) for one in told) < 1e-3


def test_known_pictures_are_different_ones() -> None:
    images = grey(9, 3)
    chosen = Known(5).covers(images, torch.Generator().manual_seed(0), "cpu")
    assert len({one.numpy().tobytes() for one in chosen}) == 5
    flat = Known(4, flat=True).covers(images, torch.Generator().manual_seed(0), "cpu")
    assert flat.shape == (4, 3, 16, 16)
    assert bool((flat == flat[:, :, :1, :1]).all())


def test_keys_of_before_pairs_could_be_chosen_are_what_they_were(plugins: Plugins) -> None:
    provided = plugins.find("simulator", "averaging")
    record: Any = provided.record

    def key(**parameters: Any) -> Any:
        return ResolvedPart(provided, record.parameters(**parameters)).key["parameters"]

    assert key() == {"strength": 1.0}
    assert key(strength=2.0, pairs=8, flat=True) == {"strength": 2.0, "pairs": 8, "flat": True}


def test_flat_covers_have_to_be_counted(plugins: Plugins) -> None:
    record: Any = plugins.find("simulator", "averaging").record
    with pytest.raises(ValidationError, match="say how many: give pairs"):
        record.parameters(flat=True)
