"""How a part is called while cells run: in the sizes and batches that it takes, and held to what it promised.

Whatever a part does wrong ends in PartFailed, which names the part, its distribution and version, and stops its own
cell alone.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ftbench.errors import FailsAgain, FtbenchError, told
from ftbench.machine.calltime import SECONDS, CallTookTooLong, limited
from ftbench.machine.stopwatch import timed
from ftbench.parts.isolation import exit_raises
from ftbench.parts.surroundings import Surroundings

FIRST_CALLS, THEN_EVERY = 50, 100
"""In training a part's first calls are checked in full, and then every so many-th: what it does it mostly does at once,
and a look at the values waits for the device."""
SLACK = 0.01
"""How far a fake or damaged image may leave [0, 1]: two levels and a half, for bfloat16."""


class PartFailed(FailsAgain):
    """A part raised, or gave what its kind does not allow."""


_sampled: ContextVar[bool] = ContextVar("sampled", default=False)


@contextlib.contextmanager
def sampled() -> Iterator[None]:
    """While this lasts, in a step of training, parts are checked in full as often as ``FIRST_CALLS`` says."""
    token = _sampled.set(True)
    try:
        yield
    finally:
        _sampled.reset(token)


_most_rows: ContextVar[int | None] = ContextVar("most_rows", default=None)


@contextlib.contextmanager
def rows_at_most(count: int | None) -> Iterator[None]:
    """While this lasts no part gets more than ``count`` rows at once, but for those whose draws hang on the batch.

    None: as many as there are.
    """
    token = _most_rows.set(count)
    try:
        yield
    finally:
        _most_rows.reset(token)


@dataclass
class _Calls:
    """How often a part was called in training."""

    number: int = 0


@dataclass(frozen=True)
class Guard:
    """What a part is told apart by, and how it wants its images."""

    who: str = "a part"
    """``simulator 'x' of dist 1.0``."""
    size: int | None = None
    """Side in pixels that its images are resized to, and back; None: as they come."""
    max_batch: int | None = None
    draws: bool = False
    """What it draws hangs on the batch that it is handed."""
    calls: _Calls = field(default_factory=_Calls, repr=False, compare=False)

    def encode(self, encoder: Callable[..., Any], cover: Tensor, code: Tensor) -> Tensor:
        """Cover (b,3,h,w), code (b,n) -> marked image (b,3,h,w); at another size the residual alone is resized."""
        seen, full = self.resized(cover), self._in_full()
        # A network that diverges in training is no broken part: the loop says which loss broke, and keeps the rest.
        slack = math.inf if full and not _learning(encoder) else None
        marked = self._image(self._run(encoder, seen, code, full=full), seen, slack)
        if seen is cover:
            return marked
        return cover + functional.interpolate(marked - seen, cover.shape[-2:], mode="bilinear", align_corners=False)

    def decode(self, decoder: Callable[..., Any], image: Tensor, bits: int | None = None) -> Tensor:
        """Image (b,3,h,w) -> logits (b,n); ``bits``: the n that is expected, None for any."""
        seen, full = self.resized(image), self._in_full()
        logits = self._run(decoder, seen, full=full)
        if logits.dim() != 2 or len(logits) != len(image) or bits not in (None, logits.shape[1]):
            wanted = f"({len(image)}, {'n' if bits is None else bits})"
            raise PartFailed(f"{self.who} gave logits of shape {tuple(logits.shape)} where {wanted} was due")
        self._precise(logits, seen)
        if full and not _learning(decoder):
            self._within(logits, seen, math.inf)
        return logits

    def change(self, function: Callable[..., Any], image: Tensor, *more: Any) -> Tensor:
        """Image (b,3,h,w) in [0,1] -> what a simulator or distortion makes of it, of the same shape and range."""
        seen, full = self.resized(image), self._in_full()
        given = (self.all_resized(one) if isinstance(one, dict) else one for one in more)
        changed = self._image(self._run(function, seen, *given, full=full), seen, SLACK if full else None)
        if seen is image:
            return changed
        return functional.interpolate(changed, image.shape[-2:], mode="bilinear", align_corners=False)

    def built(self, make: Callable[..., Any], when: str = "while it was built", /, **arguments: Any) -> Any:
        """What the part's factory makes; raises PartFailed when it raises, and says ``when``."""
        return self._guarded(lambda: make(**arguments), when)

    def tensor(self, function: Callable[..., Any], *arguments: Any, shape: Sequence[int]) -> Tensor:
        """Call a codec or metric, whose answer is a tensor of ``shape``."""
        answer = self._run(function, *arguments)
        if tuple(answer.shape) != tuple(shape):
            raise PartFailed(f"{self.who} gave shape {tuple(answer.shape)} where {tuple(shape)} was due")
        return answer

    def scalar(self, function: Callable[..., Any], *arguments: Any) -> Tensor:
        """Call a part's own loss, whose answer is one number."""
        answer = self._called(function, *arguments)
        if answer.numel() != 1:
            raise PartFailed(f"{self.who} gave a loss of shape {tuple(answer.shape)} where one number was due")
        return answer.reshape(())

    def _in_full(self) -> bool:
        if not _sampled.get():
            return True
        self.calls.number += 1
        return self.calls.number <= FIRST_CALLS or self.calls.number % THEN_EVERY == 0

    def _run(self, function: Callable[..., Any], first: Tensor, *more: Any, full: bool = True) -> Tensor:
        given = _tensors((first, *more)) if full else []
        with timed("guard"):
            # A copy, because a write through numpy or .data leaves no trace in a tensor's own version.
            before = [value.detach().clone() for value in given]
        most = min(self.max_batch or len(first), (not self.draws and _most_rows.get()) or len(first))
        if len(first) <= most:
            answer = self._called(function, first, *more)
        else:
            starts = range(0, len(first), most)
            whole = (first, *more)
            pieces = [self._called(function, *(_piece(value, at, at + most) for value in whole)) for at in starts]
            answer = torch.cat(pieces)
        with timed("guard"):
            whole_still = all(_same(old, new) for old, new in zip(before, given, strict=True))
        if not whole_still:
            raise PartFailed(f"{self.who} changed its input in place; it must work on a copy")
        return answer

    def _called(self, function: Callable[..., Any], *arguments: Any) -> Tensor:
        answer = self._guarded(lambda: function(*arguments), "")
        if not isinstance(answer, Tensor):
            raise PartFailed(f"{self.who} gave {type(answer).__name__} where a tensor was due")
        if not answer.is_floating_point():
            raise PartFailed(f"{self.who} gave values of {answer.dtype} where floating point was due")
        return answer

    def _guarded(self, function: Callable[[], Any], when: str) -> Any:
        before = Surroundings.now()
        try:
            with exit_raises(), limited(self.who):
                return function()
        except (FtbenchError, KeyboardInterrupt):
            raise
        except CallTookTooLong as error:
            raise PartFailed(f"{error}; {SECONDS} sets how long it may take") from error
        except BaseException as error:
            # Some libraries' exceptions are no Exception, so that nobody catches them: here they end a cell, not a run.
            what = "called exit()" if isinstance(error, SystemExit) else f"raised {told(error)}"
            raise PartFailed(" ".join(filter(None, (self.who, what, when)))) from error
        finally:
            # Not worth a cell: what it set for everybody is set back.
            before.restored()

    def resized(self, image: Tensor) -> Tensor:
        """Image (b,3,h,w) at the size that the part takes."""
        if self.size is None or image.shape[-1] == self.size:
            return image
        size = (self.size, self.size)
        return functional.interpolate(image, size, mode="bilinear", antialias=True, align_corners=False)

    def all_resized(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A simulator's extra inputs, with the images among them at the size that the part takes."""
        return {name: self.resized(value) if value.dim() == 4 else value for name, value in inputs.items()}

    def _image(self, answer: Tensor, seen: Tensor, slack: float | None) -> Tensor:
        self._precise(answer, seen)
        if answer.shape != seen.shape:
            raise PartFailed(f"{self.who} gave shape {tuple(answer.shape)} for images of shape {tuple(seen.shape)}")
        if slack is not None:
            self._within(answer, seen, slack)
        return answer

    def _precise(self, answer: Tensor, seen: Tensor) -> None:
        # The next network would fail on it, and be blamed.
        if answer.dtype == torch.float64 != seen.dtype:
            raise PartFailed(f"{self.who} gave values of {answer.dtype} for images of {seen.dtype}")

    def _within(self, answer: Tensor, seen: Tensor, slack: float) -> None:
        with timed("guard"):
            low, high = (float(end) for end in torch.aminmax(answer.detach()))
        if not (math.isfinite(low) and math.isfinite(high)):
            # What was no number before it came here is another's affair.
            if bool(seen.isfinite().all()):
                raise PartFailed(f"{self.who} gave values that are no finite numbers")
        elif low < -slack or high > 1 + slack:
            raise PartFailed(f"{self.who} gave values from {low:.3g} to {high:.3g} where [0, 1] was due")


def _learning(network: Any) -> bool:
    return bool(getattr(network, "training", False))


def _piece(value: Any, start: int, stop: int) -> Any:
    if isinstance(value, Tensor):
        return value[start:stop]
    if isinstance(value, dict):
        return {name: inner[start:stop] for name, inner in value.items()}
    # A distortion's generator serves all pieces, one after the other.
    return value


def _tensors(values: Sequence[Any]) -> list[Tensor]:
    """The tensors among some arguments, those inside a dictionary included."""
    found = (list(value.values()) if isinstance(value, dict) else [value] for value in values)
    return [value for some in found for value in some if isinstance(value, Tensor)]


def _same(old: Tensor, new: Tensor) -> bool:
    # Not a number differs from itself, and what a diverging training hands over is full of it.
    if old.shape != new.shape:
        return False
    return torch.equal(old, new.detach()) or bool(((old == new) | (old.isnan() & new.isnan())).all())
