"""What each built-in part gives for fixed weights and inputs: ``python tests/golden.py`` writes golden.json anew.

Where a value moves, the same parameters give other numbers: raise ``version`` in the part's record first.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ftbench.contract.inputs import FRONTAL, STUDIES
from ftbench.machine.randomness import derive
from ftbench.parts.catalogue import BUILT_IN, Plugins, Provided
from ftbench.parts.discovery import discover
from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.stages import SimulatorStage
from ftbench.plan.keys import NUMBERS
from ftbench.testing.material import bits, pictures
from ftbench.testing.material import weights as weighing
from tests.small_pair import run

FILE = Path(__file__).parent / "golden.json"
SIZE, BITS = 64, 8
WITHOUT = {
    "exported": "has no network of its own",
    "exported-stand-in": "imitates a user's file",
    "folder": "reads a user's files",
    "lpips": "needs a user's file",
    "rivagan": "its network comes with another library",
}
"""Parts that are not looked at, each with the reason."""
PARAMETERS: dict[str, dict[str, Any]] = {
    "chain": {"steps": ["grayscale", {"name": "jpeg", "quality": 50}]},
    "remove-by-pairs": {"steps": 5},
}
"""Of parts that have no defaults, or whose defaults take long."""
KNOWN = 20
"""Pictures that an attack is shown before and after marking."""
SIZES = {"dwt-dct": 256, "dwt-dct-svd": 256}
"""Of parts that take no smaller images."""
TRAINING = "a training of twenty steps"


def parts(plugins: Plugins) -> list[Provided]:
    """The built-in parts that are looked at."""
    return [one for one in plugins.parts if one.distribution == BUILT_IN and one.record.name not in WITHOUT]


def named(part: Provided) -> str:
    """``encoder compact``."""
    return f"{part.record.kind} {part.record.name}"


def golden(part: Provided) -> list[float]:
    """Mean, spread, and a sum that tells places apart, of each tensor that a part gives."""
    record: Any = part.record
    parameters = record.parameters(**PARAMETERS.get(record.name, {}))
    size = SIZES.get(record.name, SIZE)
    arguments: dict[str, dict[str, int]] = {
        "encoder": {"size": size, "bits": BITS},
        "decoder": {"size": size, "bits": BITS},
        "simulator": {"size": size},
        "codec": {"bits": BITS},
    }
    torch.manual_seed(derive(0, named(part)))
    made = record.load()(**arguments.get(record.kind, {}), **dict(parameters))
    if isinstance(made, nn.Module):
        made.eval()
    torch.manual_seed(1)
    with torch.no_grad():
        return [value for tensor in _given(record, made, size) for value in _told(tensor)]


def training() -> list[float]:
    """The pair of ``small_pair`` after twenty of its steps."""
    with tempfile.TemporaryDirectory() as folder:
        summary = run(Path(folder), steps=20)
    return [float(value) for value in summary["at_best"].values()]


def _given(record: Any, made: Any, size: int) -> Iterator[Tensor]:
    images = pictures(4, size, seed=3)
    if record.kind == "encoder":
        yield made(images, bits(4, BITS)) - images
    elif record.kind == "decoder":
        yield made(images)
    elif record.kind == "codec":
        drawn = (torch.Generator().manual_seed(2),) if record.randomised else ()
        code = made.encode(bits(4, BITS), *drawn)
        yield code
        yield made.decode(2 * code - 1 + 0.8 * weighing(code))
    elif record.kind == "distortion":
        yield made(images, torch.Generator().manual_seed(2))
    elif record.kind == "metric":
        yield made(images, pictures(4, SIZE, seed=4))
    elif record.kind == "dataset":
        yield torch.from_numpy(made.load(made.items[5], SIZE)).float() / 255
    else:
        extra = Inputs(
            identity=torch.tensor([0, 1, 0, 1]),
            donor=pictures(4, SIZE, seed=5),
            remarked=lambda image: (image + 0.02).clamp(0, 1),
            landmarks=lambda: torch.tensor(FRONTAL).expand(4, -1, -1),
            donor_landmarks=lambda: torch.tensor(FRONTAL).expand(4, -1, -1) * 0.9,
            averaged=lambda: 0.02 * weighing(images),
            cover=pictures(4, SIZE, seed=6),
        )
        if STUDIES in record.needs:
            covers = pictures(KNOWN, SIZE, seed=7)
            with torch.enable_grad():
                made.study(
                    marked=(covers + 0.02 * weighing(covers)).clamp(0, 1), covers=covers, generator=torch.Generator()
                )
        yield SimulatorStage(record, made)(images, extra) - images


def _told(tensor: Tensor) -> list[float]:
    flat = tensor.double().flatten()
    place = torch.arange(len(flat), dtype=torch.float64)
    return [float(flat.mean()), float(flat.std()), float((flat * (place * math.sqrt(2)).cos()).mean())]


def everything(plugins: Plugins) -> dict[str, dict[str, Any]]:
    """What golden.json holds."""
    found = {
        named(part): {
            "version": getattr(part.record, "version", None) or 1,
            "values": [float(f"{value:.6g}") for value in golden(part)],
        }
        for part in sorted(parts(plugins), key=named)
    }
    return {**found, TRAINING: {"version": NUMBERS["train"], "values": [float(f"{value:.6g}") for value in training()]}}


if __name__ == "__main__":
    FILE.write_text(json.dumps(everything(discover()), indent=1) + "\n", encoding="utf-8")
