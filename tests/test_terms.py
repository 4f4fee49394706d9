"""Parts called in the sizes and batches that they take, and held to their promises."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from ftbench.pipeline.guard import FIRST_CALLS, THEN_EVERY, Guard, PartFailed, sampled
from ftbench.pipeline.stages import Pair


def images(count: int = 5, size: int = 16) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1))


def test_a_large_batch_is_handed_over_in_pieces_with_its_inputs() -> None:
    seen: list[tuple[int, list[int]]] = []

    def swap(image: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        seen.append((len(image), inputs["identity"].tolist()))
        return image * (1 - inputs["identity"][:, None, None, None] / 10)

    whole = images()
    identity = torch.arange(5)
    fake = Guard(max_batch=2).change(swap, whole, {"identity": identity})
    assert seen == [(2, [0, 1]), (2, [2, 3]), (1, [4])]
    torch.testing.assert_close(fake, whole * (1 - identity[:, None, None, None] / 10))


def test_a_generator_serves_all_pieces_one_after_the_other() -> None:
    def noise(image: Tensor, generator: torch.Generator) -> Tensor:
        return torch.rand(image.shape, generator=generator)

    pieces = Guard(max_batch=2).change(noise, images(4), torch.Generator().manual_seed(3))
    assert len({float(piece.sum()) for piece in pieces}) == 4


def test_a_simulator_of_another_size_gets_that_size_and_gives_back_ours() -> None:
    sizes = []

    def same(image: Tensor) -> Tensor:
        sizes.append(image.shape[-1])
        return image

    smooth = torch.from_numpy(ndimage.gaussian_filter(np.random.default_rng(0).random((2, 3, 32, 32)), (0, 0, 4, 4)))
    fake = Guard(size=64).change(same, smooth.float())
    assert sizes == [64]
    assert fake.shape == smooth.shape
    # What has no detail survives being enlarged and reduced.
    assert float((fake - smooth).abs().max()) < 0.01


def test_an_encoder_of_another_size_leaves_the_cover_sharp() -> None:
    cover = images(2, 32)
    marked = Guard(size=8).encode(lambda seen, code: seen + 0.1, cover, torch.ones(2, 4))
    torch.testing.assert_close(marked, cover + 0.1)


def test_gradient_passes_through_resizing_and_pieces() -> None:
    image = images(4, 32).requires_grad_()
    Guard(size=16, max_batch=3).change(lambda seen: seen**2, image).sum().backward()
    assert image.grad is not None
    assert bool((image.grad != 0).all())


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (lambda x: x[:, :1], r"shape \(5, 1, 16, 16\) for images of shape \(5, 3, 16, 16\)"),
        (lambda x: x * float("nan"), "no finite numbers"),
        (lambda x: x * 2, "where \\[0, 1\\] was due"),
        (lambda x: x - 0.5, "where \\[0, 1\\] was due"),
        (lambda x: x.mul_(0.5), "changed its input in place"),
        (lambda x: x.numpy(), "gave ndarray where a tensor was due"),
        (lambda x: x > 0.5, "torch.bool"),
        (lambda x: x @ torch.ones(3, 3), "raised RuntimeError: "),
    ],
)
def test_a_broken_promise_names_the_part(part: Any, said: str) -> None:
    with pytest.raises(PartFailed, match=f"simulator 'x' of there 2.0 .*{said}"):
        Guard("simulator 'x' of there 2.0").change(part, images())


@pytest.mark.parametrize("write", [lambda x: x.numpy().fill(0), lambda x: x.data.zero_(), lambda x: x.detach().add_(1)])
@pytest.mark.parametrize("of", ["image", "input"])
def test_a_write_behind_torchs_back_is_seen(write: Any, of: str) -> None:
    def part(image: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        write(image if of == "image" else inputs["donor"])
        return torch.full_like(image, 0.5)

    with pytest.raises(PartFailed, match="changed its input in place"):
        Guard().change(part, images(), {"donor": images()})


def test_gradient_mode_and_working_folder_are_set_back(tmp_path: Path) -> None:
    here = Path.cwd()

    def careless(image: Tensor) -> Tensor:
        torch.set_grad_enabled(False)
        os.chdir(tmp_path)
        return image

    Guard().change(careless, images())
    assert torch.is_grad_enabled()
    assert Path.cwd() == here


def test_exit_is_no_way_out() -> None:
    with pytest.raises(PartFailed, match=r"called exit\(\)"):
        Guard().change(lambda image: sys.exit(), images())


def test_what_came_in_broken_is_not_the_parts_fault() -> None:
    broken = images() * float("nan")
    assert bool(Guard().change(lambda x: x, broken).isnan().all())


def test_what_a_part_sets_for_everybody_is_set_back() -> None:
    threads = torch.get_num_threads()

    def careless(image: Tensor) -> Tensor:
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(threads + 3)
        return image

    Guard().change(careless, images())
    assert torch.get_default_dtype() == torch.float32
    assert torch.get_num_threads() == threads


def test_a_diverging_training_is_left_to_the_loop_and_a_finished_one_is_not() -> None:
    class Diverged(torch.nn.Module):
        def forward(self, cover: Tensor, code: Tensor) -> Tensor:
            return cover * float("nan")

    encoder = Diverged()
    assert bool(Guard().encode(encoder, images(), torch.ones(5, 2)).isnan().all())
    with pytest.raises(PartFailed, match="no finite numbers"):
        Guard().encode(encoder.eval(), images(), torch.ones(5, 2))


@pytest.mark.parametrize("shape", [(5,), (4, 8), (5, 8, 1)])
def test_logits_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(PartFailed, match="logits of shape"):
        Guard("decoder 'd'").decode(lambda image: torch.zeros(shape), images())


def test_logits_of_another_number_of_bits_are_refused() -> None:
    pair = Pair(torch.nn.Identity(), torch.nn.Flatten(), bits=8)
    with pytest.raises(PartFailed, match=r"shape \(5, 768\) where \(5, 8\) was due"):
        pair.read(images())


def test_a_code_is_held_to_its_shape() -> None:
    with pytest.raises(PartFailed, match=r"codec 'c' gave shape \(2, 3\) where \(2, 7\) was due"):
        Guard("codec 'c'").tensor(lambda payload: payload[:, :3], torch.ones(2, 4), shape=(2, 7))


def test_in_training_the_first_calls_are_checked_and_then_every_hundredth() -> None:
    looked = 0

    def late(image: Tensor) -> Tensor:
        nonlocal looked
        looked += 1
        return image + (5 if looked > FIRST_CALLS else 0)

    guard = Guard("distortion 'late'")
    with sampled():
        for _ in range(THEN_EVERY - 1):
            guard.change(late, images())
        with pytest.raises(PartFailed, match="values from"):
            guard.change(late, images())
    # Elsewhere, as in an evaluation, at every call.
    with pytest.raises(PartFailed):
        guard.change(late, images())
