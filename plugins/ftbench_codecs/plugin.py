"""The family's records and code lengths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

import ftbench
from ftbench_codecs.bch import at_least_one, choose
from ftbench_codecs.keyfile import read_key


class RepetitionParameters(ftbench.Parameters):
    """Parameters of ``repetition``."""

    times: int = Field(3, ge=1, description="copies of the payload; the code is this many times as long")


class SoftBCHParameters(ftbench.Parameters):
    """Parameters of ``soft-bch``."""

    length: Literal[15, 31, 63, 127] = Field(
        127, description="bits of the full code; a payload shorter than the code's shortens it by as much"
    )


class LearnedParameters(ftbench.Parameters):
    """Parameters of ``learned``."""

    length: int | None = Field(None, ge=1, description="bits of the code; default: four times the payload")
    group: int = Field(8, ge=1, le=12, description="most payload bits that are coded together")
    width: int = Field(256, ge=8, le=8192, description="hidden units of either network")


class FreshParameters(ftbench.Parameters):
    """Parameters of ``fresh``."""

    nonce: int = Field(14, ge=1, le=63, description="random bits that go with every payload")
    tag: int = Field(0, ge=0, le=63, description="bits of a tag over nonce and payload; 0: none")
    length: Literal[15, 31, 63, 127] = Field(127, description="bits of the full BCH code, as in soft-bch")
    key: ftbench.InputPath = Field(
        "", description="file of 16 to 64 random bytes that only the owner has; none: a key that everybody knows"
    )


def bare_length(bits: int, parameters: ftbench.Parameters) -> int:
    """n = k. Raises ValueError below one bit."""
    return at_least_one(bits)


def repetition_length(bits: int, parameters: RepetitionParameters) -> int:
    """n = k · times. Raises ValueError below one bit."""
    return at_least_one(bits) * parameters.times


def bch_length(bits: int, parameters: SoftBCHParameters) -> int:
    """n of the smallest listed code that holds k bits, less what shortening saves. Raises ValueError without one."""
    return choose(bits, parameters.length).length


def fresh_length(bits: int, parameters: FreshParameters) -> int:
    """n of the BCH code that holds payload, nonce and tag. Raises ValueError without one, and for an unfit key."""
    read_key(parameters.key)
    total = at_least_one(bits) + parameters.nonce + parameters.tag
    try:
        return choose(total, parameters.length).length
    except ValueError as error:
        raise ValueError(
            f"{bits} bits of payload, {parameters.nonce} of nonce and {parameters.tag} of tag are {total}: {error}"
        ) from error


def learned_length(bits: int, parameters: LearnedParameters) -> int:
    """n as given, else 4k. Raises ValueError below one bit and when the code would be shorter than the payload."""
    length = 4 * at_least_one(bits) if parameters.length is None else parameters.length
    if length < bits:
        raise ValueError(f"a code of {length} bits cannot hold a payload of {bits}: give a length of at least {bits}")
    return length


@ftbench.hookimpl
def ftbench_codecs() -> Iterable[ftbench.Codec]:
    """The two codes to which every other is compared, an algebraic one and a learned one."""
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
    yield ftbench.Codec(
        name="soft-bch",
        factory="ftbench_codecs.soft_bch:SoftBCH",
        summary="BCH codes up to (127,64), decoded softly: at or near maximum likelihood",
        parameters=SoftBCHParameters,
        length=bch_length,
        reference="Bose and Ray-Chaudhuri 1960; Fossorier and Lin, IEEE Trans. Inf. Theory 41 (1995)",
    )
    yield ftbench.Codec(
        name="fresh",
        factory="ftbench_codecs.fresh:Fresh",
        summary="soft-bch over a random nonce and the payload hidden by it: another code for every picture",
        parameters=FreshParameters,
        length=fresh_length,
        randomised=True,
        reference="BLAKE2b as the keyed function: RFC 7693",
    )
    yield ftbench.Codec(
        name="learned",
        factory="ftbench_codecs.learned:LearnedCode",
        summary="Two small networks fitted over a noisy channel, then frozen",
        parameters=LearnedParameters,
        length=learned_length,
        trainable=True,
        reference="after Choi et al., NECST, ICML 2019, arXiv:1811.07557",
    )
