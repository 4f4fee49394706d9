"""What docs/claims.md, docs/decisions.md and docs/performance.md quote."""

from __future__ import annotations

from collections.abc import Iterator

from tests.quoted.field_page import FIELD
from tests.quoted.kept import Row, number, row, table
from tests.quoted.results_page import BITS, PAPER, SIMULATOR, SWAP, read

MEDIUM = "paper/two_identity-medium"


def claims() -> Iterator[str]:
    """What the two claims that failed first read today."""
    yield f"What holds now ({number(read(PAPER, '30 dB', 'faceswap'), BITS, 1)} and {_medium('marked', 2)} %)"


def decisions() -> Iterator[str]:
    """Why a swap that was met is read, and another is not."""
    own, other, third = (
        number(read(SIMULATOR, "faceswap 30 dB", of), BITS, 0) for of in (SWAP, f"{SWAP} seed=1", "faceswap-residual")
    )
    yield (
        f"{own} % of bits are read after the swap that was trained against, {other} % after another training of the "
        f"same network and {third} % after another architecture."
    )
    yield f"do more than 6,000 of 64 did: {_medium('faceswap', 1)} against"
    yield f"after the swap, {_medium('marked', 2)} against"
    yield f"to {number(_main(), 'ssim_all', 3, 1)}: at the same PSNR detail shows"


def performance() -> Iterator[str]:
    """What stood before, at medium."""
    taken = row(FIELD, "overall", label="compact 32 dB at 38 dB")
    yield f"| e4e014b | ≥ 96.5 % | {number(taken, 'distortions_bit_accuracy', 1)} % (docs/field.md) |"


def _main() -> Row:
    [taken] = table(MEDIUM, "tables/main")
    return taken


def _medium(of: str, digits: int) -> str:
    return number(_main(), f"{of}_raw_bit_accuracy", digits)
