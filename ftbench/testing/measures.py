"""What distortions and metrics promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ftbench.testing import networks
from ftbench.testing.exam import ODD_SIZES, Exam, settle_size
from ftbench.testing.material import pictures, weights
from ftbench.testing.networks import RANGE_SLACK, Use

BATCH = 2
NOISE = 0.1


def examine_distortion(exam: Exam) -> None:
    """Images of the same shape in [0, 1] at every size, from nothing but the generator."""
    part = _built(exam)
    if part is None:
        return
    strength = exam.record.strength
    if strength and not isinstance(getattr(exam.parameters, strength, None), (int, float)):
        exam.broken("strength", "strength names a parameter that is a number", f"there is no such {strength!r}")
    use = _distortion_use(exam.size, exam.size)
    if exam.group(networks.check_output, exam, part, use):
        if isinstance(part, nn.Module):
            exam.group(networks.check_eval, exam, part, use)
        exam.group(networks.check_batch_of_one, exam, part, use)
        for height, width in ((ODD_SIZES[0], ODD_SIZES[0]), ODD_SIZES):
            exam.group(_distortion_use(height, width), exam, part, "odd sizes")
        if exam.record.differentiable:
            exam.group(networks.check_gradient_to_image, exam, part, use)
        exam.group(networks.check_device, exam, part, use)


def examine_metric(exam: Exam) -> None:
    """One finite value an image, better for an image than for a damaged copy of it."""
    settle_size(exam)
    part = _built(exam)
    if part is None:
        return
    use = _metric_use(exam.size)
    if exam.group(networks.check_output, exam, part, use):
        if isinstance(part, nn.Module):
            exam.group(networks.check_eval, exam, part, use)
        exam.group(networks.check_batch_of_one, exam, part, use)
        exam.group(_check_order, exam, part, use)
        for size in ODD_SIZES:
            exam.group(_check_metric_at, exam, part, size)
        exam.group(networks.check_device, exam, part, use)


def _built(exam: Exam) -> Any:
    made: list[Any] = []

    def build() -> None:
        part = exam.build()
        exam.require(callable(part), "build", "an object that can be called", f"it is a {type(part).__name__}")
        made.append(part)

    return made[0] if exam.group(build) else None


def _distortion_use(height: int, width: int) -> Use:
    images = pictures(BATCH, height, width)
    return Use(
        arguments=lambda rows: (images[rows].clone(), torch.Generator().manual_seed(5)),
        expected=lambda count: (count, 3, height, width),
        batch=BATCH,
        low=-RANGE_SLACK,
        high=1 + RANGE_SLACK,
        # Rows after the first draw later numbers when others come before them.
        by_row=False,
    )


def _metric_use(size: int) -> Use:
    images = pictures(BATCH, size)
    damaged = (images + NOISE * weights(images)).clamp(0, 1).mul(255).round() / 255
    return Use(
        arguments=lambda rows: (images[rows].clone(), damaged[rows].clone()),
        expected=lambda count: (count,),
        batch=BATCH,
        dtypes=(torch.float32, torch.float64),
    )


def _check_order(exam: Exam, part: Callable[..., Tensor], use: Use) -> None:
    damaged = use(exam, part, "output")
    image, _ = use.arguments(slice(0, use.batch))
    same = exam.call("order", "a value for identical images", part, image, image.clone())
    better = "higher" if exam.record.higher_is_better else "lower"
    sign = 1 if exam.record.higher_is_better else -1
    # Infinity is a value here: identical images have no error to divide by.
    kept = bool((sign * same.double() >= sign * damaged.double()).all())
    promised = f"{better} is better, and identical images are at least as good as noisy ones"
    happened = f"identical images have {same.tolist()}, noisy ones {damaged.tolist()}"
    exam.require(kept, "order", promised, happened)


def _check_metric_at(exam: Exam, part: Any, size: int) -> None:
    if exam.objection(size=size) is None:
        _metric_use(size)(exam, part, "odd sizes")
