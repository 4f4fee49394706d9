"""Simulators beside the paper's: records only, nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterator

import ftbench


@ftbench.hookimpl
def ftbench_simulators() -> Iterator[ftbench.Simulator]:
    """Yield the attacks that take the place of a deepfake."""
    yield ftbench.Simulator(
        name="re-embed",
        factory="ftbench_simulators.re_embed:ReEmbed",
        summary="the marked image is marked once more, by the same pair with another payload",
        differentiable=True,
        trainable=False,
        needs=("remarked",),
        reference="the overwriting attack, as in re-embedding studies of SepMark, MBRS and HiDDeN (AAAI 2026)",
    )
