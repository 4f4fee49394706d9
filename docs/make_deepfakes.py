"""Draws docs/figures/deepfakes.png: what every learned deepfake makes of procedural faces that it has not seen.

``python docs/make_deepfakes.py`` fits them first, as docs/make_deepfakes.yaml says, or goes on where it stopped: half
an hour of one core. ``python docs/make_deepfakes.py fit.steps=20`` is a rehearsal, and drawn beside its fits.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from torch import Tensor

from ftbench.errors import CellFailed
from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.stages import SimulatorStage
from ftbench.plan.cells import Plan
from ftbench.runner import executor
from ftbench.runner.build import simulator_stage
from ftbench.runner.opening import Opened, Request, open_benchmark
from ftbench_datasets.procedural.shot import shot
from ftbench_datasets.procedural.source import ProceduralFaces

HERE = Path(__file__).resolve().parent
BENCHMARK = HERE / "make_deepfakes.yaml"
FITS = HERE.parent / "results" / "deepfakes-figure"
TARGET = HERE / "figures" / "deepfakes.png"
PEOPLE, PHOTOS, DRAW = 7, 16, 12
"""Strangers shown, photos that each is picked from, and the seed that draws them: another than the benchmark's."""
SIDE, GAP, WORDS = 80, 4, 104
"""Pixels of a face as drawn, between faces, and for a row's name."""
GROUPS = {"swap-any", "reenact", "edit-attribute", "resynthesise", "regenerate"}
"""Rows before which a little more room is left."""


def main(settings: Sequence[str]) -> None:
    """Fit what is not yet fitted, and write the picture."""
    request = Request(str(BENCHMARK), out=FITS, assignments=settings)
    opened = open_benchmark(request, Console())
    target = FITS / "rehearsal.png" if settings else TARGET
    covers, donors = strangers(opened.bench.data.size)
    made = {attack.record.name: fake(attack, covers, donors) for attack in fitted(opened, request)}
    sheet({"cover": covers, "donor, driver": donors, **made}).save(target, optimize=True)
    print(f"Written: {target.relative_to(HERE.parent)}")


def strangers(size: int) -> tuple[Tensor, Tensor]:
    """Covers and donors (n,3,size,size) in [0, 1]: each person once from the front, and once as far turned as any."""
    source = ProceduralFaces(identities=PEOPLE, images_per_identity=PHOTOS, seed=DRAW)
    turned = np.array([[shot(DRAW, who, photo).yaw for photo in range(PHOTOS)] for who in range(PEOPLE)])
    front = np.abs(turned).argmin(axis=1)
    # To either side in turn, and each of them drives or gives a face to the next.
    side = np.array([(yaws if who % 2 else -yaws).argmax() for who, yaws in enumerate(turned)])
    rows = [[who * PHOTOS + photo for who, photo in enumerate(photos)] for photos in (front, side)]
    drawn = [np.stack([source.load(source.items[place], size) for place in places]) for places in rows]
    covers, donors = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 for images in drawn)
    return covers, donors.roll(1, 0)


def fitted(opened: Opened, request: Request) -> Iterator[SimulatorStage]:
    """The benchmark's deepfakes in its order. Raises CellFailed when one could not be fitted."""
    [evaluation] = opened.plan.evaluations
    fits = [cell for cell in evaluation.inputs if cell.kind == "fit"]
    outcome = executor.run(Plan(opened.benchmark, tuple(fits)), opened.bench, request)
    if outcome.failed:
        raise CellFailed("; ".join(outcome.failed.values()))
    here = replace(opened.bench, compute=replace(opened.bench.compute, device="cpu"))
    for chosen in evaluation.simulators:
        yield simulator_stage(chosen, evaluation, here)


def fake(attack: SimulatorStage, covers: Tensor, donors: Tensor) -> Tensor:
    """What a deepfake makes of covers (n,3,s,s), each with its donor."""
    torch.manual_seed(0)
    return attack(covers, Inputs(identity=torch.arange(len(covers)), donor=donors))


def sheet(rows: Mapping[str, Tensor]) -> Image.Image:
    """A row of enlarged faces under each other for every name."""
    extra = 2 * GAP * len(GROUPS & set(rows))
    whole = Image.new("RGB", (WORDS + PEOPLE * (SIDE + GAP), len(rows) * (SIDE + GAP) + extra), "white")
    write, y = ImageDraw.Draw(whole), 0
    for name, images in rows.items():
        y += 2 * GAP * (name in GROUPS)
        write.text((2, y + SIDE // 2), name, font=ImageFont.load_default(12), fill="black", anchor="lm")
        for number, pixels in enumerate((images * 255).round().byte().permute(0, 2, 3, 1).numpy()):
            face = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            whole.paste(face, (WORDS + number * (SIDE + GAP), y))
        y += SIDE + GAP
    return whole


if __name__ == "__main__":
    main(sys.argv[1:])
