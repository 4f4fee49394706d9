"""What channel codes promise."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ftbench.testing import images, networks
from ftbench.testing.exam import Ended, Exam
from ftbench.testing.finding import CannotExamine
from ftbench.testing.material import bits, weights

WORDS = 32
SURE = 4.0
"""Magnitude of a clean logit."""
LENGTHS = (1, 7, 30)
"""Payloads tried beside the one asked for, in bits."""


def examine_codec(exam: Exam) -> None:
    """Codes of the length that the record says, of {0, 1}; a learned one is examined before it is fitted."""
    made: list[tuple[Any, int]] = []

    def build() -> None:
        length = _length(exam, exam.bits)
        if isinstance(length, str):
            raise CannotExamine(f"codec {exam.record.name} has no code for {exam.bits} bits: {length}")
        made.append((exam.build(bits=exam.bits), length))

    if not exam.group(build):
        return
    code, length = made[0]
    if exam.record.randomised:
        exam.group(_check_draws, exam, code)
        code = _OneDraw(code)
    if exam.record.trainable:
        exam.group(_check_fit, exam, code)
        exam.group(_check_state_alone, exam, code)
    if exam.group(_check_words, exam, code, length):
        exam.group(_check_noise, exam, code, length)
        exam.group(_check_other_lengths, exam)
        if exam.record.trainable:
            exam.group(_check_state, exam, code)


def _length(exam: Exam, count: int) -> int | str:
    """The code's length, or the sentence why there is no code."""
    promised = "length(bits, parameters) gives a whole number, or raises ValueError with a sentence"

    def ask() -> Any:
        try:
            return exam.record.length(count, exam.parameters)
        except ValueError as error:
            return str(error)

    length: int | str = exam.run("length", promised, ask)
    fits = bool(length.strip()) if isinstance(length, str) else isinstance(length, int) and length >= 1
    exam.require(fits, "length", promised, f"for {count} bits it gave {length!r}")
    return length


def _bits(exam: Exam, check: str, function: Any, given: Tensor, shape: tuple[int, int]) -> Tensor:
    """What encode or decode makes of ``given``: bits of this shape, the same every time."""
    promised = f"{function.__name__}: {tuple(given.shape)} to {shape}, of 0 and 1 alone"
    out = exam.call(check, promised, function, given)
    exam.require(isinstance(out, Tensor), check, promised, f"it returned a {type(out).__name__}")
    exam.require(tuple(out.shape) == shape, check, promised, f"it has shape {tuple(out.shape)}")
    exam.require(out.is_floating_point(), check, "bits as a float tensor", f"it is {out.dtype}")
    strange = out[(out != 0) & (out != 1)]
    told = f"{strange.numel()} of {out.numel()} values are something else, such as {strange[:1].tolist()}"
    exam.require(not strange.numel(), check, promised, told)
    again = exam.call(check, promised, function, given)
    exam.require(torch.equal(out, again), "same output", f"{function.__name__} does the same every time", "it did not")
    bare: Tensor = out.detach()
    return bare


def _check_words(exam: Exam, code: Any, length: int) -> None:
    payload = bits(WORDS, exam.bits)
    words = _bits(exam, "encode", code.encode, payload, (WORDS, length))
    read = _bits(exam, "decode", code.decode, SURE * (2 * words - 1), (WORDS, exam.bits))
    if not exam.record.trainable:
        wrong = int((read != payload).sum())
        happened = f"{wrong} of {payload.numel()} bits are misread"
        exam.require(not wrong, "decode", "decode(encode(payload)) is the payload, of clean logits", happened)
    for row in (0, WORDS - 1):
        alone = _bits(exam, "batch of one", code.encode, payload[row : row + 1], (1, length))
        back = _bits(exam, "batch of one", code.decode, SURE * (2 * alone - 1), (1, exam.bits))
        same = exam.record.randomised or torch.equal(alone, words[row : row + 1])
        same = same and torch.equal(back, read[row : row + 1])
        exam.require(same, "batch of one", "a word alone is what it is inside a batch", "it is another")


class _OneDraw:
    """A randomised code that always draws the same."""

    def __init__(self, code: Any) -> None:
        self.code, self.decode = code, code.decode

    def encode(self, payload: Tensor) -> Any:
        return self.code.encode(payload, torch.Generator().manual_seed(3))


def _check_draws(exam: Exam, code: Any) -> None:
    promised = "encode(payload, generator): the draw of its generator, and another one with another"
    payload, drawn = bits(WORDS, exam.bits), []
    for seed in (1, 1, 2):
        randomness = torch.Generator().manual_seed(seed)
        drawn.append(exam.run("draws", promised, partial(code.encode, payload.clone(), randomness)))
    exam.require(torch.equal(drawn[0], drawn[1]), "draws", promised, "one generator gave two codes")
    exam.require(not torch.equal(drawn[0], drawn[2]), "draws", promised, "two generators gave one code")


def _check_noise(exam: Exam, code: Any, length: int) -> None:
    _bits(exam, "decode", code.decode, weights(torch.empty(WORDS, length)), (WORDS, exam.bits))


def _check_other_lengths(exam: Exam) -> None:
    for count in LENGTHS:
        length = _length(exam, count)
        if count != exam.bits and isinstance(length, int):
            code = exam.build("length", bits=count)
            words = exam.call("length", f"a code for {count} bits", code.encode, bits(4, count))
            happened = f"encode makes {tuple(words.shape)}"
            exam.require(tuple(words.shape) == (4, length), "length", f"{length} code bits for {count} bits", happened)


def _check_fit(exam: Exam, code: nn.Module) -> None:
    images.fit_loss(exam, code, lambda random: (WORDS, random))


def _check_state_alone(exam: Exam, code: Any) -> None:
    """``eval()`` changes nothing."""
    exam.run("eval", "a train() that works", code.train)
    before = {name: tensor.detach().clone() for name, tensor in [*code.named_parameters(), *code.named_buffers()]}
    exam.run("eval", "an eval() that works", code.eval)
    exam.call("eval", "an encode in eval()", code.encode, bits(WORDS, exam.bits))
    changed = networks.changed_state(code, before)
    exam.require(not changed, "eval", "parameters and buffers left alone in eval()", f"it changed {changed}")


def _check_state(exam: Exam, code: Any) -> None:
    payload = bits(WORDS, exam.bits)
    expected = code.encode(payload)
    fresh = exam.build("state_dict", 1, bits=exam.bits)
    promised = "a new object that takes the weights and writes the same code"
    exam.run("state_dict", promised, lambda: fresh.load_state_dict(code.state_dict()))
    wrong = int((fresh.encode(payload) != expected).sum())
    if wrong:
        exam.broken("state_dict", promised, f"{wrong} of {expected.numel()} bits differ")
        raise Ended
