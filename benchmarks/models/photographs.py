"""The pictures that ``portrait-256.yaml`` is trained on, and those that its card is measured on.

``python -m benchmarks.models.photographs PORTRAITS OUT`` puts 200 portraits into ``OUT/held-out``, which no training
sees, and the others, with drawn faces and dead leaves beside them, into ``OUT/portraits-and-drawn``. Which is which
hangs on the files' names alone.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.models.leaves import leaves
from ftbench_datasets.procedural.camera import portrait
from ftbench_datasets.procedural.genes import person
from ftbench_datasets.procedural.shot import shot

SIDE, SEED = 256, 0
HELD_OUT = 200
SEEN = "portraits-and-drawn"
DRAWN = 300
"""Drawn faces, one a person: variety of shapes and colours that costs no rights."""
LEAVES = 500
"""Pictures of no subject, so that photographs of other things than faces are read as well."""
ENDINGS = {".jpg", ".jpeg", ".png"}


def held_out(names: Sequence[str]) -> frozenset[str]:
    """Of file names those that are kept for the card."""
    return frozenset(sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())[:HELD_OUT])


def main(arguments: Sequence[str]) -> int:
    """Write both folders as PNG of 256 px, so that nothing is compressed twice; says how many."""
    portraits, out = map(Path, arguments)
    files = sorted(path for path in portraits.iterdir() if path.suffix.lower() in ENDINGS)
    kept = held_out([file.name for file in files])
    for folder in (SEEN, "held-out"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    seen = []
    for file in files:
        with Image.open(file) as opened:
            square = opened.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        square.save(out / ("held-out" if file.name in kept else SEEN) / f"{file.stem}.png")
        if file.name not in kept:
            seen.append(np.asarray(square))
    for number, pixels in enumerate(drawn()):
        Image.fromarray(pixels).save(out / SEEN / f"drawn-{number:03}.png")
    for number in range(LEAVES):
        pixels = leaves(np.random.default_rng([SEED, number]), seen, SIDE)
        Image.fromarray(pixels).save(out / SEEN / f"leaves-{number:03}.png")
    print(f"{len(seen)} portraits, {DRAWN} drawn faces and {LEAVES} dead leaves to train on, {len(kept)} held out")
    return 0


def drawn() -> Iterator[npt.NDArray[np.uint8]]:
    """One drawn face (256, 256, 3) a person."""
    for number in range(DRAWN):
        yield portrait(person(SEED, number), shot(SEED, number, 0), SIDE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
