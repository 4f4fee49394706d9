"""A whole evaluation grid, beside the obvious one: image by image, marked anew for every distortion."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from typing import Any

import pandas as pd
import torch

from benchmarks.speed.clock import in_turn, ratios, spread
from benchmarks.speed.lines import Line
from benchmarks.speed.quality import as_pixels, library
from benchmarks.speed.setup import opened, training
from ftbench.progress import Silent
from ftbench.runner.build import build, new_pair
from ftbench.runner.jobs import WORK
from ftbench.runner.opening import Opened

QUALITY = "quality.csv.gz"
"""Written out, because an earlier checkout that is timed beside this one keeps the name elsewhere."""

PLAIN = "plain grid"


class Grid:
    """The evaluation of the work's one pair, ready to be run again and again."""

    def __init__(self, found: Opened) -> None:
        self.bench = found.bench
        [self.cell] = found.plan.evaluations
        self.training = training(found)
        WORK["train"](self.training, self.bench, self.bench.folder(self.training), Silent())
        self.images = self.bench.data.split("test", self.cell.section.limit)
        self.pair = new_pair(self.training, self.bench.data.size).eval()

    @property
    def evaluations(self) -> int:
        """An image under a distortion, marked, distorted, read and measured, is one."""
        return len(self.images) * len(self.cell.distortions) * self.cell.section.draws

    def ours(self) -> None:
        """The cell's own work, files included."""
        WORK["evaluate"](self.cell, self.bench, self.bench.folder(self.cell), Silent())

    def measured_after_each(self) -> bool:
        """Whether ours measures quality after each distortion, or of the marked image alone."""
        held = io.BytesIO(gzip.decompress(self.bench.folder(self.cell).file(QUALITY).read_bytes()))
        return len(pd.read_csv(held)) >= self.evaluations

    @torch.no_grad()
    def plain(self) -> list[tuple[int, float, float]]:
        """Wrong bits, PSNR and SSIM of each evaluation, one image at a time by the same method and distortions."""
        found, noise = [], torch.Generator().manual_seed(0)
        for chosen in self.cell.distortions:
            damage = build(chosen)
            for place in range(len(self.images)):
                cover = self.images.pixels[place : place + 1].float() / 255
                code = torch.randint(0, 2, (1, self.training.code_bits), generator=noise).float()
                marked = self.pair.encoder(cover, code)
                seen = (damage(marked, noise).clamp(0, 1) * 255).round() / 255
                wrong = int(((self.pair.decoder(seen) > 0) != (code > 0.5)).sum())
                [psnr], [ssim] = library(torch.from_numpy(as_pixels(cover)).permute(0, 3, 1, 2) / 255, seen)
                found.append((wrong, psnr, ssim))
        return found


def grid(threads: tuple[int, ...], repeats: int, warm: int, quick: bool = False, **_: Any) -> Iterator[Line]:
    """Evaluations a second of one core, and against the plain grid."""
    less = ["evaluate.limit=16"] if quick else []
    for count in threads:
        with opened("grid", count, *less) as found:
            made = Grid(found)
            took = in_turn({"ours": made.ours, "plain": lambda made=made: made.plain()}, repeats)  # type: ignore[misc]
            yield Line(
                "grid",
                f"dwt-dct, {count} thread{'s' if count > 1 else ''}",
                "evaluations/core-s",
                spread([one.cpu for one in took["ours"]]).over(made.evaluations),
                PLAIN,
                ratios(took["plain"], took["ours"], count),
                {
                    "images": len(made.images),
                    "distortions": len(made.cell.distortions),
                    "plain": spread([one.cpu for one in took["plain"]]).over(made.evaluations).median,
                    "quality after each distortion": "yes" if made.measured_after_each() else "no: marked image alone",
                },
            )
