"""The one builder: a chosen part, its parameters and its weights become an object."""

from __future__ import annotations

from typing import Any

from ftbench.pipeline.guard import Guard
from ftbench.pipeline.stages import Pair
from ftbench.plan.resolve import ResolvedPart


def guard_of(chosen: ResolvedPart) -> Guard:
    """What a resolved part is held by, and named by when it breaks a promise."""
    record, by = chosen.record, chosen.provided
    who = f"{record.kind} {record.name!r} of {by.distribution} {by.version}"
    return Guard(who, chosen.at, getattr(record, "max_batch", None))


def build(chosen: ResolvedPart, **arguments: Any) -> Any:
    """Call a chosen part's factory with its parameters and the build arguments of its kind.

    ``size`` is the benchmark's; a part that is handed resized images is built for its own.
    """
    if chosen.at is not None and "size" in arguments:
        arguments["size"] = chosen.at
    return guard_of(chosen).built(chosen.record.load(), **arguments, **dict(chosen.parameters))


def build_pair(encoder: ResolvedPart, decoder: ResolvedPart, size: int, code_bits: int) -> Pair:
    """An encoder and a decoder for images of ``size`` px and codes of ``code_bits`` bits, untrained."""
    networks = [build(chosen, size=size, bits=code_bits) for chosen in (encoder, decoder)]
    return Pair(networks[0], networks[1], guard=(guard_of(encoder), guard_of(decoder)), bits=code_bits)
