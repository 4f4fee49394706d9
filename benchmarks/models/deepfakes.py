"""Deepfakes as damage: what a store's fits make of a picture, each at the size that it was fitted for.

A picture is shrunk to that size and comes back as small as that, as from the network itself. Its donor is another
picture of the folder.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.models.damages import Damage
from ftbench.errors import BadInput
from ftbench.marking.anysize import fit
from ftbench.marking.tracing import tensor
from ftbench.parts.catalogue import Plugins
from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.stages import SimulatorStage
from ftbench.plan.part import ResolvedPart
from ftbench.runner.build import build, frozen
from ftbench.storage.cellfile import CELL
from ftbench.storage.store import CellFolder, Damaged
from ftbench.train.weights import load_weights

KINDS = ("swap-any", "reenact", "edit-attribute", "resynthesise")
"""Each has a twin of another architecture, with -2 behind its name."""
WANTED = (*KINDS, *(f"{kind}-2" for kind in KINDS), "regenerate")


def damages(store: Path, plugins: Plugins, donors: Sequence[Image.Image]) -> dict[str, Damage]:
    """Name with its size -> damage, of every fit in a store that is one of the four kinds or repaints a picture.

    Where a store holds one at several sizes, the largest is taken. Raises BadInput where it holds none.
    """
    held: dict[str, tuple[int, CellFolder]] = {}
    for path in sorted(store.glob("fit-*")):
        folder = CellFolder(path)
        settings = json.loads(folder.file(CELL).read_text(encoding="utf-8"))["settings"]
        name = (settings.get("simulator") or {}).get("name")
        if name in WANTED and folder.summary is not None and settings["size"] > held.get(name, (0,))[0]:
            held[name] = (settings["size"], folder)
    if not held:
        raise BadInput(f"{store} holds no finished fit of {', '.join(WANTED)}; run benchmarks/field.yaml, or name none")
    made = {name: (size, _stage(folder, size, plugins)) for name, (size, folder) in held.items()}
    return {
        f"{name}, fitted at {size} px": _damage(stage, size, donors)
        for name in WANTED
        if name in made
        for size, stage in [made[name]]
    }


def _stage(folder: CellFolder, size: int, plugins: Plugins) -> SimulatorStage:
    said = json.loads(folder.file(CELL).read_text(encoding="utf-8"))["settings"]["simulator"]
    provided = plugins.find("simulator", said["name"])
    chosen = ResolvedPart(provided, provided.record.parameters.model_validate_json(json.dumps(said["parameters"])))
    network = build(chosen, size=size)
    assert isinstance(network, nn.Module)
    try:
        load_weights(folder, network)
    except Damaged as error:
        raise BadInput(f"{error.file} is damaged ({error.reason}); run its benchmark again") from error
    return SimulatorStage(chosen.record, frozen(network))


def _damage(stage: SimulatorStage, size: int, donors: Sequence[Image.Image]) -> Damage:
    def change(image: Image.Image, draw: np.random.Generator) -> Image.Image:
        small = _small(image, size)
        order = [_small(donors[place], size) for place in draw.choice(len(donors), min(2, len(donors)), replace=False)]
        # Anybody but the one who is shown.
        donor = max(order, key=lambda one: float((one - small).abs().mean()))
        inputs = Inputs(identity=torch.zeros(1, dtype=torch.int64), donor=donor)
        with torch.inference_mode():
            fake = stage(small, inputs, seed=int(draw.integers(2**31)))
        return Image.fromarray((fake[0] * 255).round().to(torch.uint8).permute(1, 2, 0).numpy())

    return change


def _small(image: Image.Image, size: int) -> Tensor:
    return fit(tensor(np.array(image.convert("RGB"))), size)
