"""Results folders made up for tests: evaluations of known errors, written by the real report writer."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ftbench.report import report_tables
from ftbench.report.tables import write_table
from ftbench.storage.results import PSNR_SSIM, QUALITY_COLUMNS, ROW_COLUMNS, CellResult
from ftbench.storage.seal import own_digest, sealed
from ftbench.storage.store import write_json

BITS = 8
IMAGES = [f"{number:064x}" for number in range(24)]
DRAWS = (0, 1)


class Words:
    def line(self) -> str:
        return "Benchmark paper · made up for tests · 24 images · 2 draws each."


def made(
    label: str,
    columns: Mapping[str, str],
    *,
    marked: float = 0.0,
    swapped: float = 1.0,
    psnr: float = 30.0,
    status: str = "done",
    fakes: Sequence[str] = ("faceswap",),
    code_bits: int = BITS,
) -> CellResult:
    """Mean errors of a reading of 8 bits, exact over the images: half of them err more, half less, by up to one.

    The two draws of an image agree; images differ in PSNR by up to a dB around ``psnr``.
    """
    wave = np.tile([0.5, -0.5], len(IMAGES) // 2)
    rows, quality = [], []
    for simulator, mean in {"none": marked, **dict.fromkeys(fakes, swapped), "unmarked": 4.0}.items():
        spread = [mean] * len(IMAGES) if mean == int(mean) else mean + wave
        for image, wrong in zip(IMAGES, spread, strict=True):
            for draw in DRAWS:
                about = (image, f"{image[-2:]}.png", "ab"[int(image, 16) % 2], draw, simulator)
                coded = code_bits != BITS or columns["codec"] != "none"
                for more, distortion in enumerate((("identity", "none"), ("jpeg quality=50", "compression"))):
                    errors = min(int(wrong) + more, BITS)
                    if not more or simulator != "unmarked":
                        rows.append((*about, *distortion, errors, min(errors, 1) if coded else errors))
    for number, image in enumerate(IMAGES):
        about = (image, f"{image[-2:]}.png", "ab"[number % 2])
        value = psnr + np.sin(number)
        quality += [(*about, draw, "marked", value, 0.95 + 0.001 * (psnr - 30)) for draw in DRAWS]
        quality += [(*about, draw, f"fake:{fake}", value - 2, 0.8) for fake in fakes for draw in DRAWS]
    return CellResult(
        cell=hashlib.sha256(label.encode()).hexdigest(),
        label=label,
        settings=columns,
        status=status,
        bits=BITS,
        code_bits=code_bits,
        rows=pd.DataFrame(rows, columns=list(ROW_COLUMNS)),
        quality=pd.DataFrame(quality, columns=[*QUALITY_COLUMNS, "psnr", "ssim"]),
        curve=pd.DataFrame(),
    )


def weights(message: str, image: str, seed: str = "0", **more: str) -> dict[str, str]:
    """The settings columns of a pair weighed by λ and α."""
    codec = more.pop("codec", "none")
    return {
        "encoder": "unet-resnet18", "codec": codec, "trained against": "faceswap",
        "λ": message, "α": image, "target dB": "none", **more, "seed": seed,
    }  # fmt: skip


def three(seeds: Sequence[int] = (0,)) -> list[CellResult]:
    """The source's three settings: 9, 0 and 40 % of the swapped bits wrong, at 29, 22 and 38 dB."""
    told = {("1", "0.1"): (0.0, 0.75, 29.0), ("10", "0.1"): (0.0, 0.0, 22.0), ("1", "0.5"): (0.5, 3.5, 38.0)}
    return [
        made(
            f"λ={message} α={image}" + (f" seed {seed}" if len(seeds) > 1 else ""),
            weights(message, image, str(seed)),
            marked=marked,
            swapped=swapped if swapped != 0.75 else (0.5, 1.0, 1.5)[seed],
            psnr=psnr + 0.1 * seed,
        )
        for (message, image), (marked, swapped, psnr) in told.items()
        for seed in seeds
    ]


def write(
    folder: Path,
    results: Sequence[CellResult],
    *,
    failed: Mapping[str, Mapping[str, str]] | None = None,
    scale: str = "small",
    data: str = "faces",
    benchmark: str = "paper",
) -> Path:
    """A results folder of ``results``, as a run leaves it, figures left out."""
    for printed, rows in report_tables(results, PSNR_SSIM):
        write_table(folder / "tables", printed, Words(), rows=rows)
    (folder / "rows").mkdir(parents=True)
    (folder / "curves").mkdir()
    cells: list[dict[str, object]] = [{"kind": "fit", "label": "fit faceswap", "identity": "00", "status": "done"}]
    for number, result in enumerate(results):
        kept = {
            "rows": f"rows/{number}.csv.gz",
            "quality": f"rows/{number}-quality.csv.gz",
            "curve": f"curves/{number}.csv",
        }
        result.rows.to_csv(folder / kept["rows"], index=False)
        result.quality.to_csv(folder / kept["quality"], index=False)
        (folder / kept["curve"]).write_text("step,loss\n1,0.5\n")
        row = {"columns": dict(result.settings), "payload_bits": BITS, "code_bits": result.code_bits, "kept": kept}
        cells.append(
            {
                "kind": "evaluate", "label": result.label, "identity": result.cell, "status": result.status,
                "images": len(IMAGES), "rows": len(result.rows), "row": row,
            }
        )  # fmt: skip
    for label, columns in (failed or {}).items():
        kept = {"rows": "rows/x.csv.gz", "quality": "rows/x-quality.csv.gz", "curve": "curves/x.csv"}
        row = {"columns": dict(columns), "payload_bits": BITS, "code_bits": BITS, "kept": kept}
        cells.append({"kind": "evaluate", "label": label, "identity": label, "status": "failed", "row": row})
    manifest = {
        "format": 2, "benchmark": benchmark, "scale": scale, "caption": Words().line(),
        "data": {"name": data, "digest": "0" * 64}, "cells": cells, "metrics": [vars(metric) for metric in PSNR_SSIM],
    }  # fmt: skip
    write_json(folder / "manifest.json", sealed(manifest, folder))
    return folder


def without_rows(folder: Path) -> Path:
    """The folder as a repository keeps it that has no room for rows."""
    shutil.rmtree(folder / "rows")
    return folder


def vouch_anew(folder: Path) -> None:
    """What a careful forger does: every digest made again, those of rows that are not there kept."""
    file = folder / "manifest.json"
    old = json.loads(file.read_text(encoding="utf-8"))
    new = sealed(old, folder)
    absent = {name: digest for name, digest in old["files"].items() if name.startswith("rows/")}
    new["files"] = {**({} if (folder / "rows").exists() else absent), **new["files"]}
    write_json(file, new | {"digest": own_digest(new)})


def replace_in(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {file.name}"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
