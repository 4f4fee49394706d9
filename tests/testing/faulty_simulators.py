"""Small simulators, some sound and many that break one promise."""

from __future__ import annotations

import os
import random
from typing import Any

import numpy as np
import torch
from faulty_parts import COUNTER
from torch import Tensor, nn


class Tint(nn.Module):
    """Sound: a learned colour shift."""

    def __init__(self, *, size: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.full((3, 1, 1), 0.02))

    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return (image * 0.9 + self.shift).clamp(0, 1)


class Half(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return super().forward(image, inputs)[..., ::2, ::2]


class Nan(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return super().forward(image, inputs).sqrt() * float("nan")


class TooBright(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return image * 2


class Double(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return super().forward(image, inputs).double()


class Mutates(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return image.mul_(0.9).clone()


class Detached(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return super().forward(image.round(decimals=2).detach(), inputs)


class DeadGradient(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return (image * 255).round() / 255 + self.shift * 0


class Forgets(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        fresh = torch.Generator().manual_seed(next(COUNTER))
        return (super().forward(image, inputs) + 0.05 * torch.rand(image.shape, generator=fresh).to(image)).clamp(0, 1)


class DrawsFromTorch(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return (super().forward(image, inputs) + 0.05 * torch.rand_like(image)).clamp(0, 1)


class DrawsFromNumpy(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return super().forward(image, inputs) * float(np.random.rand())  # noqa: NPY002


class DrawsFromPython(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return super().forward(image, inputs) * random.random()


class Unregistered(Tint):
    def __init__(self, *, size: int) -> None:
        super().__init__(size=size)
        self.mask = torch.linspace(0.5, 1, size)

    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return super().forward(image, inputs) * self.mask


class MovesItsMask(Unregistered):
    """Sound: what is no buffer is moved when it is needed."""

    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return Tint.forward(self, image, inputs) * self.mask.to(image.device)


class MakesOnProcessor(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return super().forward(image, inputs) * torch.full((3, 1, 1), 0.5)


class StaysOnProcessor(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return super().forward(image, inputs).cpu()


class LearnsInEval(Tint):
    def __init__(self, *, size: int) -> None:
        super().__init__(size=size)
        self.seen: Tensor
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        self.seen += 1
        return super().forward(image, inputs)


class EvalResets(LearnsInEval):
    def train(self, mode: bool = True) -> EvalResets:
        if not mode:
            self.seen -= 1
        return super().train(mode)

    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return Tint.forward(self, image, inputs)


class Hidden(Tint):
    """What it was drawn with is in no state_dict."""

    def __init__(self, *, size: int) -> None:
        super().__init__(size=size)
        self.register_buffer("secret", torch.rand(3, 1, 1), persistent=False)

    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return super().forward(image, inputs) * self.secret


class BatchMean(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return (image - image.mean(0) + 0.5).clamp(0, 1) + self.shift * 0


class OneImageFails(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        return super().forward(image.squeeze(), inputs)


class EvenOnly(Tint):
    """Objects to nothing and cannot halve an odd side."""

    def __init__(self, *, size: int) -> None:
        super().__init__(size=size)
        self.size = size

    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        blocks = image.reshape(len(image), 3, self.size // 2, 2, self.size // 2, 2)
        return super().forward(blocks.reshape(image.shape), inputs)


def object_to_odd(*, size: int) -> str | None:
    return f"{size} px is odd" if size % 2 else None


def object_always(**_: Any) -> str | None:
    return "no licence here"


def object_by_number(*, size: int) -> Any:
    return 3


class Prints(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        print("swapping")
        return super().forward(image, inputs)


class PrintsPastPython(Tint):
    def forward(self, image: Tensor, inputs: Any) -> Tensor:
        os.write(1, b"swapping\n")
        return super().forward(image, inputs)


class ChangesDtype(Tint):
    def __init__(self, *, size: int) -> None:
        super().__init__(size=size)
        torch.set_default_dtype(torch.float64)


class ChangesThreads(Tint):
    def __init__(self, *, size: int) -> None:
        super().__init__(size=size)
        torch.set_num_threads(torch.get_num_threads() + 1)


class ChangesEnvironment(Tint):
    def __init__(self, *, size: int) -> None:
        super().__init__(size=size)
        os.environ["FTBENCH_TEST_LEFT_BEHIND"] = "1"


class ChangesFolder(Tint):
    def __init__(self, *, size: int) -> None:
        super().__init__(size=size)
        os.chdir("/")


class Exits(Tint):
    def __init__(self, *, size: int) -> None:
        raise SystemExit(3)


class Learner(Tint):
    """Sound and trainable."""

    def fit_loss(self, image: Tensor, inputs: Any, generator: torch.Generator) -> Tensor:
        noise = torch.rand(image.shape, generator=generator)
        return ((self(image, inputs) - noise) ** 2).mean()


class VectorLoss(Learner):
    def fit_loss(self, image: Tensor, inputs: Any, generator: torch.Generator) -> Tensor:
        return ((self(image, inputs)) ** 2).mean((1, 2, 3))


class GlobalLoss(Learner):
    def fit_loss(self, image: Tensor, inputs: Any, generator: torch.Generator) -> Tensor:
        return ((self(image, inputs) - torch.rand_like(image)) ** 2).mean()


class Frozen(Learner):
    def __init__(self, *, size: int) -> None:
        super().__init__(size=size)
        self.requires_grad_(False)


class GivesTheSecondMark:
    """Sound: its gradient takes the way through what the harness makes of the image."""

    def __init__(self, *, size: int) -> None:
        pass

    def __call__(self, image: Tensor, inputs: Any) -> Tensor:
        return inputs["remarked"].clamp(0, 1)


not_callable = 3
