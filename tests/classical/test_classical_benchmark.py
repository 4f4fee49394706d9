"""A benchmark of methods without training, from the command line to its table, against a loop on the library."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from library_bits import jpeg, library_marks, library_reads
from skimage.metrics import peak_signal_noise_ratio

from ftbench.parts.catalogue import Plugins
from ftbench.testing.tiny import run
from ftbench.train.batches import fixed_payloads

BENCHMARK = """\
name: classical
dataset: {{name: procedural-faces, identities: 2, images_per_identity: 10, size: 256}}
message: {{bits: 32}}
matrix: {{encoder: {name}, decoder: {name}, simulator: none}}
evaluate:
  simulators: none
  distortions: [identity, {{name: jpeg, quality: 90}}]
  draws: {draws}
  limit: {limit}
  seed: 3
compute: {{device: cpu, precision: float32, threads: 1}}
"""
TABLES = Path("results") / "classical" / "procedural-faces-plain" / "tables"


def by_the_library(plugins: Plugins, name: str, draws: int, limit: int) -> dict[str, float]:
    record = plugins.find("dataset", "procedural-faces").record
    source = record.load()(**dict(record.parameters(identities=2, images_per_identity=10)))
    tested = sorted((item for item in source.items if item.split == "test"), key=lambda item: item.key)
    # The benchmark's limit takes from every person in turn; one image is simply the first.
    tested = tested[:limit] if limit == 1 else tested
    assert len(tested) == limit
    found: dict[str, list[Any]] = {"identity": [], "jpeg": [], "unmarked": [], "psnr": []}
    for item in tested:
        cover = source.load(item, 256)
        for draw in range(draws):
            payload = fixed_payloads([item.key], 3, draw, 32)[0].numpy() > 0.5
            marked = library_marks(cover, payload.tolist(), name)
            found["identity"].append(library_reads(marked, 32, name) == payload)
            found["jpeg"].append(library_reads(jpeg(marked, 90), 32, name) == payload)
            found["unmarked"].append(library_reads(cover, 32, name) == payload)
            found["psnr"].append(peak_signal_noise_ratio(cover, marked, data_range=255))
    return {key: float(np.mean(values)) for key, values in found.items()}


def compare(plugins: Plugins, tables: Path, name: str, draws: int, limit: int) -> None:
    (row,) = pd.read_csv(tables / "main.csv").to_dict("records")
    expected = by_the_library(plugins, name, draws, limit)
    assert row["status"] == "done"
    assert row["marked_raw_bit_accuracy_n"] == limit
    assert row["marked_raw_bit_accuracy_value"] == pytest.approx(expected["identity"], abs=1e-9)
    assert row["unmarked_raw_bit_accuracy_value"] == pytest.approx(expected["unmarked"], abs=1e-9)
    assert row["psnr_all_value"] == pytest.approx(expected["psnr"], abs=1e-3)
    attacks = pd.read_csv(tables / "attacks.csv")
    grid = attacks[attacks["simulator"] == "none"].set_index("distortion")["raw_bit_accuracy_value"]
    assert grid["identity"] == pytest.approx(expected["identity"], abs=1e-9)
    assert grid["jpeg quality=90"] == pytest.approx(expected["jpeg"], abs=1e-9)


def test_the_command_lines_table_is_what_a_loop_on_the_library_finds(
    plugins: Plugins, ftbench_command: list[str], tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text(BENCHMARK.format(name="rivagan", draws=1, limit=1), encoding="utf-8")
    command = [*ftbench_command, "run", "own.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr + done.stdout
    compare(plugins, tmp_path / TABLES, "rivagan", draws=1, limit=1)


def test_a_method_that_misreads_is_shown_misreading(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(BENCHMARK.format(name="dwt-dct", draws=4, limit=2), encoding="utf-8")
    run(tmp_path / "own.yaml", tmp_path)
    compare(plugins, tmp_path / TABLES, "dwt-dct", draws=4, limit=2)
