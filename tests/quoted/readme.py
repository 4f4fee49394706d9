"""What README.md quotes."""

from __future__ import annotations

from collections.abc import Iterator

from tests.quoted.kept import number
from tests.quoted.results_page import (
    ATTACKS,
    AVERAGED,
    BITS,
    PAPER,
    POPULATION,
    SIMULATOR,
    SWAP,
    TRANSFER,
    known_to,
    overview,
    read,
)

MEAN = "bits all simulators: mean of 8"


def quotes() -> Iterator[str]:
    """The sentences of "What was found"."""
    yield f"At 30 dB the paper's U-Net reads {number(read(PAPER, '30 dB', 'faceswap'), BITS, 0)} % of bits after"
    own, other = (number(read(SIMULATOR, "faceswap 30 dB", of), BITS, 0) for of in (SWAP, f"{SWAP} seed=1"))
    yield f"One shorter training reads {own} % there, and {other} % after another training of that swap."
    met, alone = (
        number(read(POPULATION, f"{SWAP}{many} 30 dB", f"{SWAP} seed=100"), BITS, 0) for many in (" trainings=8", "")
    )
    yield f"reads {met} % after one that was not met, instead of {alone} (seed 0)."
    plain, *_, against = AVERAGED.values()
    yield f"takes the mark off: {number(known_to(plain, 'averaging pairs=32'), BITS, 0)} % of bits are read, where"
    yield f"trained against that, reads {number(known_to(against, 'averaging pairs=32'), BITS, 1)} %."
    least = [number(known_to(against, one), BITS, 0) for one in ("subspace", "averaging pairs=1 strength=2")]
    yield "pictures have in common ({} %) and one picture's mark taken off twice ({} %)".format(*least)
    moved = [number(read(ATTACKS, label, "reenact"), BITS, 0) for label in (against, plain)]
    yield "behind a reenactment it reads {} %, where the other reads {} (64 px".format(*moved)
    every = "swap-any + reenact + edit-attribute + resynthesise"
    alone, together, following = (
        number(overview(TRANSFER, f"{label} 30 dB", MEAN), "overview", 1)
        for label in ("reenact", every, "resynthesise")
    )
    both = f"alone it reads {alone} % in the mean over eight, all four together {together}"
    yield f"{both}, the next single one {following} (32 px"
