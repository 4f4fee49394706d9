"""What encoders, decoders, simulators, distortions and metrics have in common: images in, a tensor out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from ftbench.testing import places
from ftbench.testing.device import DEVICE, WrongDevice, brought_back, elsewhere, is_elsewhere
from ftbench.testing.exam import ODD_SIZES, Ended, Exam, build_arguments
from ftbench.testing.material import weights
from ftbench.testing.world import watched

RANGE_SLACK = 1e-3
"""How far outside [0, 1] rounding may put a value."""
ALIKE = 1e-3
"""Largest difference that counts as the same output, as a share of the values' deviation or of 1: kernels differ."""


@dataclass(frozen=True)
class Use:
    """How a part is called, and what must come out.

    ``arguments(rows)`` makes new arguments for some rows of a fixed batch; ``expected(rows)`` is the output's shape.
    """

    arguments: Callable[[slice], tuple[Any, ...]]
    expected: Callable[[int], tuple[int, ...]]
    batch: int
    low: float = -float("inf")
    high: float = float("inf")
    dtypes: tuple[torch.dtype, ...] = (torch.float32,)
    repeatable: bool = True
    """False: it draws from torch's global generator, seeded before every call."""
    by_row: bool = True
    """Each row of the output depends on that row of the input alone."""

    def __call__(self, exam: Exam, part: Any, check: str, rows: slice | None = None) -> Tensor:
        """The output for some rows, after the checks that need nothing but it."""
        rows = rows or slice(0, self.batch)
        arguments = self.arguments(rows)
        told = ", ".join(str(tuple(a.shape)) for a in arguments if isinstance(a, Tensor))
        if not self.repeatable:
            torch.manual_seed(7)
        with torch.no_grad():
            out = exam.call(check, f"an output for {told}", part, *arguments, torch_draws=not self.repeatable)
        shape = self.expected(rows.stop - rows.start)
        exam.require(isinstance(out, Tensor), check, "a tensor", f"it returned a {type(out).__name__}")
        exam.require(tuple(out.shape) == shape, check, f"shape {shape} for {told}", f"it has shape {tuple(out.shape)}")
        bare: Tensor = out.detach()
        return bare


def check_output(exam: Exam, part: Any, use: Use) -> None:
    """Shape, dtype, device, range, and the same again; then a batch of one."""
    out = use(exam, part, "output")
    dtypes = " or ".join(str(dtype).removeprefix("torch.") for dtype in use.dtypes)
    if out.dtype not in use.dtypes:
        exam.broken("dtype", dtypes, f"its output is {str(out.dtype).removeprefix('torch.')}")
    if out.device.type != "cpu":
        exam.broken("device", "an output on its image's device, the processor", f"it is on {out.device}")
    bad = int((~out.isfinite()).sum())
    exam.require(not bad, "finite", "finite values", f"{bad} of {out.numel()} values are NaN or infinite")
    low, high = float(out.min()), float(out.max())
    if low < use.low or high > use.high:
        exam.broken("range", f"values in [{use.low:g}, {use.high:g}]", f"they run from {low:.4g} to {high:.4g}")
    again = use(exam, part, "output")
    if not torch.equal(out, again):
        condition = "for the same input" if use.repeatable else "from the same state of torch's global generator"
        happened = f"two outputs differ by up to {_apart(out, again):.3g}"
        exam.broken("same output", f"the same output {condition}", happened)


def check_batch_of_one(exam: Exam, part: Any, use: Use) -> None:
    """One image works, and gives what it gives inside a batch."""
    whole = use(exam, part, "output") if comparable(exam, use) else None
    for row in range(use.batch):
        alone = use(exam, part, "batch of one", slice(row, row + 1))
        if whole is None or not use.by_row:
            continue
        difference = _apart(alone, whole[row : row + 1])
        exam.require(
            difference <= ALIKE * scale(whole),
            "batch of one",
            "the same output for an image alone and inside a batch, in eval()",
            f"they differ by up to {difference:.3g}",
        )


def check_eval(exam: Exam, part: nn.Module, use: Use) -> None:
    """``eval()`` and a call in it change no parameter and no buffer."""
    exam.run("eval", "a train() that works", part.train, torch_draws=True)
    before = _state(part)
    exam.run("eval", "an eval() that works", part.eval)
    changed = changed_state(part, before)
    exam.require(not changed, "eval", "parameters and buffers left alone by eval()", f"it changed {changed}")
    exam.require(not part.training, "eval", "eval() ends training mode", "the network still says that it is training")
    use(exam, part, "output")
    changed = changed_state(part, before)
    exam.require(not changed, "eval", "parameters and buffers left alone by a call in eval()", f"it changed {changed}")


def check_gradient_to_image(exam: Exam, part: Any, use: Use) -> None:
    """The promise ``differentiable``: a gradient for its image, or for what the harness made of it.

    A part that is still to be trained is looked at in train(): fitted to nothing, it may well be dead in eval().
    """
    promised = "differentiable: a gradient for its image"
    training = isinstance(part, nn.Module) and getattr(exam.record, "trainable", False)
    leaves: list[Tensor] = []

    def tracked(value: Any) -> Any:
        if not (isinstance(value, Tensor) and value.is_floating_point() and value.ndim == 4):
            return value
        leaves.append(value.detach().requires_grad_())
        # Not the leaf itself: an operation in place on that would raise, and is found elsewhere.
        return leaves[-1] * 1.0

    arguments = tree_map(tracked, use.arguments(slice(0, use.batch)))
    if training:
        exam.run("gradient", "a train() that works", part.train, torch_draws=True)
    torch.manual_seed(7)
    try:
        out = exam.call("gradient", promised, part, *arguments, torch_draws=training or not use.repeatable)
    finally:
        if training:
            part.eval()
    exam.require(bool(out.requires_grad), "gradient", promised, "its output hangs on no input")
    exam.run("gradient", promised, lambda: (out * weights(out)).sum().backward(), torch_draws=True)
    gradients = [leaf.grad for leaf in leaves if leaf.grad is not None]
    exam.require(bool(gradients), "gradient", promised, "none reaches it")
    exam.require(all(bool(g.isfinite().all()) for g in gradients), "gradient", promised, "the gradient is not finite")
    largest = torch.stack([g.flatten(1).abs().amax(1) for g in gradients]).amax(0)
    dead = int((largest == 0).sum())
    exam.require(not dead, "gradient", promised, f"it is zero everywhere for {dead} of {len(largest)} images")


def check_gradient_to_parameters(exam: Exam, part: nn.Module, loss: Callable[[], Tensor], check: str) -> None:
    """The promise ``trainable``: ``loss`` moves the part's parameters."""
    promised = "trainable: a finite gradient for its parameters"
    learned = [p for p in part.parameters() if p.requires_grad]
    exam.require(bool(learned), check, promised, f"none of {len(list(part.parameters()))} parameters requires one")
    part.zero_grad(set_to_none=True)
    value = loss()
    exam.require(value.requires_grad, check, promised, "the loss hangs on no parameter")
    exam.run(check, promised, value.backward, torch_draws=True)
    gradients = [p.grad for p in learned if p.grad is not None]
    part.zero_grad(set_to_none=True)
    exam.require(any(bool(g.any()) for g in gradients), check, promised, "it is missing or zero for all of them")
    finite = all(bool(g.isfinite().all()) for g in gradients)
    exam.require(finite, check, promised, "it holds NaN or infinite values")


def check_state(exam: Exam, part: nn.Module, use: Use) -> None:
    """A new object with this one's ``state_dict`` gives the same output: all that is learned is kept."""
    expected = use(exam, part, "output")
    kept = exam.run("state_dict", "a state_dict", part.state_dict)
    strange = [key for key, value in kept.items() if not isinstance(value, Tensor)]
    exam.require(not strange, "state_dict", "tensors alone, for a safetensors file", f"{strange} are none")
    fresh = exam.build("state_dict", 1, **build_arguments(exam, exam.size))
    promised = "a new object that takes the weights and gives the same output"
    exam.run("state_dict", promised, lambda: fresh.load_state_dict({k: v.clone() for k, v in kept.items()}))
    difference = _apart(use(exam, fresh, "state_dict"), expected)
    exam.require(difference <= ALIKE * scale(expected), "state_dict", promised, f"it differs by up to {difference:.3g}")


def check_odd_sizes(exam: Exam, use_at: Callable[[int], Use], **build: Any) -> None:
    """A size that the part has nothing against works."""
    for size in exam.record.resolutions or ODD_SIZES:
        if size == exam.size or exam.objection(size=size, **build) is not None:
            continue
        part = exam.build("odd sizes", **build_arguments(exam, size))
        use_at(size)(exam, part, "odd sizes")


def check_device(exam: Exam, part: Any, use: Use) -> None:
    """Moved to another device, the part works there; see ``ftbench.testing.device``. The part stays there."""
    expected = use(exam, part, "output") if comparable(exam, use) else None
    promised = "it computes on its image's device, with nothing left on the processor"
    arguments = use.arguments(slice(0, use.batch))
    torch.manual_seed(7)

    def moved() -> Any:
        # What it prints and draws was noted where it was called first.
        with watched(torch_draws=True), elsewhere():
            if isinstance(part, nn.Module):
                part.to(DEVICE)
            there = tree_map(lambda leaf: leaf.to(DEVICE) if isinstance(leaf, Tensor) else leaf, arguments)
            return part(*there)

    try:
        out = moved()
    except WrongDevice as error:
        exam.broken("device", promised, str(error), places.raised(error, exam.folders))
        raise Ended from error
    # The stand-in is no real device: what else fails on it says nothing about the part.
    except Exception as error:
        exam.notes.append(f"moving to another device could not be tried: {places.sentence(error)}")
        return
    exam.require(is_elsewhere(out), "device", promised, "its output is on the processor")
    if expected is not None:
        difference = _apart(brought_back(out), expected)
        exam.require(difference <= ALIKE * scale(expected), "device", promised, f"there it differs by {difference:.3g}")


def comparable(exam: Exam, use: Use) -> bool:
    """Whether two outputs of the part can be compared at all."""
    return use.repeatable and not exam.found("same output", "random state", "input", "finite", "eval")


def scale(out: Tensor) -> float:
    """The size of an output's values, at least 1."""
    return max(1.0, float(out.double().std())) if out.numel() > 1 else 1.0


def _apart(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other.double()).abs().max())


def _state(part: nn.Module) -> dict[str, Tensor]:
    named = [*part.named_parameters(), *part.named_buffers()]
    return {name: tensor.detach().clone() for name, tensor in named}


def changed_state(part: nn.Module, before: dict[str, Tensor]) -> str:
    """Names of parameters and buffers that are not what they were; at most three."""
    now = {name: tensor.detach() for name, tensor in [*part.named_parameters(), *part.named_buffers()]}
    changed = [
        name
        for name in sorted(before.keys() | now.keys())
        if name not in now or name not in before or not torch.equal(now[name], before[name])
    ]
    return ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
