"""The family's records and code lengths."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

import ftbench


class RepetitionParameters(ftbench.Parameters):
    """Parameters of ``repetition``."""

    times: int = Field(3, ge=1, description="copies of the payload; the code is this many times as long")


def _checked(bits: int) -> int:
    if bits < 1:
        raise ValueError(f"a payload of {bits} bits cannot be coded: give at least 1")
    return bits


def bare_length(bits: int, parameters: ftbench.Parameters) -> int:
    """n = k. Raises ValueError below one bit."""
    return _checked(bits)


def repetition_length(bits: int, parameters: RepetitionParameters) -> int:
    """n = k · times. Raises ValueError below one bit."""
    return _checked(bits) * parameters.times


@ftbench.hookimpl
def ftbench_codecs() -> Iterable[ftbench.Codec]:
    """The two codes to which every other is compared."""
    yield ftbench.Codec(
        name="none",
        factory="ftbench_codecs.repetition:bare",
        summary="The payload itself, each bit read by its sign",
        length=bare_length,
    )
    yield ftbench.Codec(
        name="repetition",
        factory="ftbench_codecs.repetition:Repetition",
        summary="The whole payload several times over, a bit's logits summed",
        parameters=RepetitionParameters,
        length=repetition_length,
    )
