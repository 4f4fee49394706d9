"""Results folders made up for tests: everything that the protocol asks for, with as many misses as a test says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ftbench.protocol.rules import NEWEST, Wanted
from ftbench.report import report_tables
from ftbench.report.tables import write_table
from ftbench.storage.files import csv_bytes, gzipped
from ftbench.storage.manifest import FORMAT, PROTOCOL
from ftbench.storage.results import QUALITY_COLUMNS, ROW_COLUMNS, CellResult, MetricInfo
from ftbench.storage.seal import sealed
from ftbench.storage.store import write_json

BITS, SIZE, IMAGES, PEOPLE, DRAWS = 8, 32, 100, 25, 2
METRICS = (MetricInfo("psnr", "dB", 2, True), MetricInfo("flip", "", 3, False))
PARTS = [
    {"kind": "simulator", "name": name, "parameters": {"trained_on": on, **strength}}
    for name, on, strength in [
        (f"{fake}{twin}", on, strength)
        for twin, on in (("", "train"), ("-2", "reserve"))
        for fake, strength in (
            ("swap-any", {}), ("reenact", {"strength": 1.75}), ("edit-attribute", {"amount": 1.0}),
            ("resynthesise", {"strength": 1.0}),
        )
    ] + [("regenerate", "train", {"noise": 0.1}), ("averaging", None, {"strength": 1.0})]
]  # fmt: skip


class Words:
    def line(self) -> str:
        return "Made up for tests."


def made(
    label: str,
    seed: int = 0,
    missed: float = 0.1,
    *,
    psnr: float = 36.0,
    flip: float = 0.05,
    images: int = IMAGES,
    draws: int = DRAWS,
    bits: int = BITS,
    without: Iterable[str] = (),
    wanted: Sequence[Wanted] | None = None,
) -> CellResult:
    """A reading misses the mark with a chance of ``missed``, independent but for its image's own difficulty.

    ``without``: names of wanted attacks that are left out.
    """
    rng = np.random.default_rng([seed, *label.encode()])
    keys = [f"{number:064x}" for number in range(images)]
    hard = rng.beta(8 * missed, 8 * (1 - missed), images) if 0 < missed < 1 else np.full(images, missed)
    attacks = [one for one in (wanted or NEWEST.at(SIZE)) if one.name not in set(without)]
    pairs = [*list(dict.fromkeys((one.simulator, one.distortion) for one in attacks)), ("unmarked", "identity")]
    rows = []
    for simulator, distortion in pairs:
        for image, (key, difficult) in enumerate(zip(keys, hard, strict=True)):
            for draw in range(draws):
                wrong = bits // 2 if simulator == "unmarked" else int(rng.random() < difficult)
                category = "none" if distortion == "identity" else "made"
                about = (key, f"{image}.png", f"p{image % PEOPLE}", draw)
                rows.append((*about, simulator, distortion, category, wrong, wrong))
    quality = [
        (key, f"{image}.png", f"p{image % PEOPLE}", draw, "marked", psnr, flip)
        for image, key in enumerate(keys)
        for draw in range(draws)
    ]
    settings = {"encoder": label, "codec": "none", "λ": "1", "seed": str(seed), "at dB": f"{psnr:g}"}
    return CellResult(
        cell=hashlib.sha256(f"{label} {seed}".encode()).hexdigest(),
        label=f"{label} seed {seed}",
        settings=settings,
        status="done",
        bits=bits,
        code_bits=bits,
        rows=pd.DataFrame(rows, columns=list(ROW_COLUMNS)),
        quality=pd.DataFrame(quality, columns=[*QUALITY_COLUMNS, "psnr", "flip"]),
        curve=pd.DataFrame(),
    )


def whole(label: str, missed: float = 0.1, **more: Any) -> list[CellResult]:
    """Three trainings that lack nothing."""
    return [made(label, seed, missed, **more) for seed in range(3)]


def untrained(result: CellResult) -> CellResult:
    return replace(result, settings={**result.settings, "λ": "none"})


def write(folder: Path, results: Sequence[CellResult], *, tables: bool = False, **said: Any) -> Path:
    """A results folder as a run leaves it, without figures; ``said`` takes the place of what its manifest says."""
    for printed, rows in report_tables(results, METRICS) if tables else ():
        write_table(folder / "tables", printed, Words(), rows=rows)
    (folder / "rows").mkdir(parents=True)
    cells: list[Mapping[str, object]] = []
    for number, result in enumerate(results):
        kept = {"rows": f"rows/{number}.csv.gz", "quality": f"rows/{number}-q.csv.gz", "curve": f"curves/{number}.csv"}
        (folder / kept["rows"]).write_bytes(gzipped(csv_bytes(result.rows)))
        (folder / kept["quality"]).write_bytes(gzipped(csv_bytes(result.quality)))
        row = {
            "columns": dict(result.settings), "payload_bits": result.bits, "code_bits": result.code_bits, "kept": kept
        }  # fmt: skip
        cells.append(
            {
                "kind": "evaluate", "label": result.label, "identity": result.cell, "status": result.status,
                "images": result.rows["image"].nunique(), "rows": len(result.rows), "row": row,
            }
        )  # fmt: skip
    manifest = {
        "format": FORMAT, "protocol": PROTOCOL, "benchmark": "made", "scale": "small", "caption": Words().line(),
        "data": {
            "name": "faces", "digest": "0" * 64, "size": SIZE, "test_people": {"shown": PEOPLE, "held_out": PEOPLE},
        },
        "parts": PARTS, "cells": cells, "metrics": [vars(metric) for metric in METRICS],
        "code": {"ftbench": "0.1.0", "commit": "c" * 40}, "configuration": {"evaluate": {"draws": DRAWS}},
    } | said  # fmt: skip
    write_json(folder / "manifest.json", sealed(manifest, folder))
    return folder
