"""What docs/claims.md, docs/decisions.md and docs/performance.md quote."""

from __future__ import annotations

from collections.abc import Iterator

from tests.quoted.field_page import FIELD
from tests.quoted.kept import number, over_seeds, row
from tests.quoted.results_page import BITS, MEDIUM, PAPER, SIMULATOR, SWAP, quality, read


def claims() -> Iterator[str]:
    """What the two claims that failed first read today."""
    small, medium = read(PAPER, "30 dB", "faceswap"), read(MEDIUM, "30 dB")
    yield f"What holds now ({number(small, BITS, 1)} and {number(medium, BITS, 2)} %)"


def decisions() -> Iterator[str]:
    """Why a swap that was met is read, and another is not."""
    own, other, third = (
        number(read(SIMULATOR, "faceswap 30 dB", of), BITS, 0) for of in (SWAP, f"{SWAP} seed=1", "faceswap-residual")
    )
    yield (
        f"{own} % of bits are read after the swap that was trained against, {other} % after another training of the "
        f"same network and {third} % after another architecture."
    )
    swapped, marked = (read(MEDIUM, "30 dB", of) for of in ("faceswap", "none"))
    yield f"do more than 6,000 of 64 did: {over_seeds(swapped, BITS, 1)} against"
    yield f"after the swap, {number(marked, BITS, 2)} against"
    yield f"to {number(quality(MEDIUM, '30 dB', 'ssim'), 'quality', 3, 1)}: at the same PSNR detail shows"


def performance() -> Iterator[str]:
    """What stood before, at medium."""
    yield f"half of them read {over_seeds(read(MEDIUM, '30 dB', 'faceswap'), BITS, 1)} %"
    taken = row(FIELD, "overall", label="compact 32 dB at 38 dB")
    yield f"| e4e014b | ≥ 96.5 % | {number(taken, 'distortions_bit_accuracy', 1)} % (docs/field.md) |"
