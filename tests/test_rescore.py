"""``ftbench report --rescore``: other codes, lengths and thresholds from kept readings, counted by other means, too."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch

from ftbench.claims.audit import faults
from ftbench.publish.benchmark import results, run
from ftbench.storage.manifest import open_folder
from ftbench.storage.readings import packed
from ftbench.storage.results import PSNR_SSIM, QUALITY_COLUMNS, ROW_COLUMNS
from ftbench.storage.seal import sealed
from ftbench.storage.store import write_json
from ftbench_codecs.soft_bch import SoftBCH
from tests.conftest import Said

IMAGES, DRAWS, BITS = 60, 4, 30
ATTACKS = {("none", "identity"): 0.5, ("faceswap", "identity"): 1.2, ("unmarked", "identity"): np.inf}
"""Standard deviation of the noise beside a signal of 1; of unmarked covers noise is all there is."""
Reported = Callable[..., tuple[int, str]]


def channel(seed: int = 0, bits: int = BITS) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Rows and readings of pairs without a code over a channel of Gaussian noise that treats 0 and 1 alike."""
    rng = np.random.default_rng(seed)
    keys = [f"{number:064x}" for number in range(IMAGES)]
    carried = pd.DataFrame([(key, draw) for draw in range(DRAWS) for key in keys], columns=["image", "draw"])
    payload = rng.integers(0, 2, (len(carried), bits)).astype(np.uint8)
    rows, logits = [], []
    for (simulator, distortion), spread in ATTACKS.items():
        noise = rng.normal(0, 1 if np.isinf(spread) else spread, payload.shape)
        signal = 0 if np.isinf(spread) else 1
        read = ((2.0 * payload - 1) * (signal + noise)).astype(np.float32)
        wrong = ((read > 0) != (payload > 0)).sum(axis=1)
        for (key, draw), errors in zip(carried.itertuples(index=False), wrong, strict=True):
            rows.append((key, "x.png", "ann", draw, simulator, distortion, "none", errors, errors))
        logits.append(read)
    frame = pd.DataFrame(rows, columns=list(ROW_COLUMNS))
    return frame, {"logits": np.concatenate(logits), "carried": carried, "payload": payload, "code": payload}


def write(folder: Path, cells: Mapping[str, tuple[pd.DataFrame, dict[str, Any] | None]], codec: str = "none") -> Path:
    """A results folder of cells with readings, or without."""
    (folder / "rows").mkdir(parents=True)
    listed = []
    for number, (label, (rows, readings)) in enumerate(cells.items()):
        name = f"rows/{number}"
        kept = {"rows": f"{name}.csv.gz", "quality": f"{name}-quality.csv.gz", "curve": f"curves/{number}.csv"}
        rows.to_csv(folder / kept["rows"], index=False)
        quality = [(image, "x.png", "ann", 0, "marked", 36.0, 0.9) for image in rows["image"].unique()]
        pd.DataFrame(quality, columns=[*QUALITY_COLUMNS, "psnr", "ssim"]).to_csv(folder / kept["quality"], index=False)
        if readings is not None:
            kept["readings"] = f"{name}-readings.npz"
            (folder / kept["readings"]).write_bytes(packed(rows, **readings))
        row = {"columns": {"encoder": label, "codec": codec}, "payload_bits": BITS, "code_bits": BITS, "kept": kept}
        listed.append({"kind": "evaluate", "label": label, "identity": f"{number:064x}", "status": "done", "row": row})
    manifest = {
        "format": 2, "benchmark": "made", "scale": "small", "caption": "Made up for tests.",
        "data": {"name": "faces", "digest": "0" * 64}, "cells": listed, "metrics": [vars(one) for one in PSNR_SSIM],
    }  # fmt: skip
    write_json(folder / "manifest.json", sealed(manifest, folder))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "faces-small", {"one": channel()})


@pytest.fixture
def reported(said: Said) -> Reported:
    def run(*arguments: object) -> tuple[int, str]:
        code, told = said("report", *arguments)
        return code, " ".join(told.split())

    return run


def read(folder: Path, table: str, column: str, **where: str) -> float:
    found = results(folder / "rescored")[table]
    for name, value in where.items():
        found = found[found[name] == value]
    assert len(found) == 1
    return float(found[column].iloc[0])


def test_by_its_own_code_everything_comes_out_as_it_was(folder: Path, reported: Reported) -> None:
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    code, text = reported(folder, "--rescore")
    assert code == 0
    assert f"{3 * IMAGES * DRAWS} of {3 * IMAGES * DRAWS} payloads came out as before" in text
    assert {file: file.read_bytes() for file in before} == before
    rows, _ = channel()
    share = (rows[rows["simulator"] == "faceswap"]["payload_errors"] == 0).mean()
    assert read(folder, "words", "payload_word_accuracy_value", simulator="faceswap") == pytest.approx(share)


def test_another_code_reads_what_it_would_have_read(folder: Path, reported: Reported) -> None:
    """Marked with the code's own words and the same noise, its decoder gives the very same payloads."""
    code, text = reported(folder, "--rescore", "--codec", "soft-bch length=31", "--bits", "11")
    assert code == 0
    assert "with the code soft-bch length=31 and payloads of 11 bits" in text
    rows, readings = channel()
    code_of = SoftBCH(bits=11, length=31)
    for simulator in ("none", "faceswap"):
        at = (rows["simulator"] == simulator).to_numpy()
        sent, got = readings["payload"], readings["logits"][at].astype(np.float16).astype(np.float32)
        own = code_of.encode(torch.from_numpy(sent[:, :11]).float()).numpy()
        length = own.shape[1]
        # How surely each bit was read, whatever it was.
        sure = got[:, :length] * (2.0 * sent[:, :length] - 1)
        direct = code_of.decode(torch.from_numpy(((2 * own - 1) * sure).astype(np.float32))).numpy()
        share = (direct == sent[:, :11]).all(axis=1).mean()
        found = read(folder, "words", "payload_word_accuracy_value", simulator=simulator)
        assert found == pytest.approx(share, abs=1e-12)
    assert 0.3 < share < 1


def test_repetition_errs_as_often_as_theory_says(folder: Path, reported: Reported) -> None:
    assert reported(folder, "--rescore", "--codec", "repetition times=3")[0] == 0
    found = results(folder / "rescored")["main"]
    assert list(found["payload_bits"]) == [10], "as many as fit"
    # The sum of three readings of 1 with noise of 1.2 each.
    right = scipy.stats.norm.sf(-3 / (1.2 * np.sqrt(3)))
    trials = IMAGES * DRAWS * 10
    value = float(found["faceswap_payload_bit_accuracy_value"].iloc[0])
    assert abs(value - right) < 4 * np.sqrt(right * (1 - right) / trials)


def test_a_threshold_and_a_length_of_ones_own(folder: Path, reported: Reported) -> None:
    code, text = reported(
        folder, "--rescore", "--bits", "20", "--false-positives", "0.05", "--false-positives", "2.5e-4"
    )
    assert code == 0
    assert "with no code and payloads of 20 bits" in text
    rows, readings = channel()
    at = (rows["simulator"] == "faceswap").to_numpy()
    right = ((readings["logits"][at][:, :20] > 0) == (readings["payload"][:, :20] > 0)).sum(axis=1)
    for rate in (0.05, 2.5e-4):
        matches = int(scipy.stats.binom.isf(rate, 20, 0.5)) + 1
        assert scipy.stats.binom.sf(matches - 1, 20, 0.5) <= rate < scipy.stats.binom.sf(matches - 2, 20, 0.5)
        found = read(folder, "detection", "detection_value", simulator="faceswap", measure=f"found at {rate:g}")
        assert found == pytest.approx((right >= matches).mean())
    text = (folder / "rescored" / "tables" / "detection.md").read_text(encoding="utf-8")
    assert "a false-positive rate of at most 0.00025" in text


def test_cells_that_cannot_be_scored_are_said_and_the_others_stand(tmp_path: Path, reported: Reported) -> None:
    rows, readings = channel(1)
    other = {**readings, "logits": -readings["logits"]}
    folder = write(
        tmp_path / "faces", {"sound": channel(0), "early": (rows, None), "cut": channel(2), "others": (rows, other)}
    )
    cut = folder / "rows" / "2-readings.npz"
    cut.write_bytes(cut.read_bytes()[:1000])
    code, text = reported(folder, "--rescore")
    assert code == 0
    assert "early: it was evaluated before readings were kept" in text
    assert "cut: rows/2-readings.npz has changed since it was written" in text
    assert "others: its readings are not those that its rows were counted from" in text
    assert list(results(folder / "rescored")["main"]["label"]) == ["sound"]


def test_readings_may_be_left_out(folder: Path, reported: Reported) -> None:
    assert reported(folder)[0] == 0
    assert faults(open_folder(folder)) == []
    (folder / "rows" / "0-readings.npz").unlink()
    assert faults(open_folder(folder)) == []
    assert reported(folder)[0] == 0
    code, text = reported(folder, "--rescore")
    assert code == 2
    assert "one: rows/0-readings.npz is missing" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--codec", "none"), "go with --rescore"),
        (("--rescore", "--rows", "method"), "do not go with --rescore"),
        (("--rescore", "--false-positives", "1.5"), "is no rate between 0 and 1"),
        (("--rescore", "--codec", "learned"), "would have to be fitted"),
        (("--rescore", "--codec", "repitition"), "repetition"),
        (("--rescore", "--codec", "repetition times"), "'times' is no parameter"),
        (("--rescore", "--codec", "repetition times=0"), "times: input should be greater than or equal to 1"),
        (("--rescore", "--codec", "repetition", "--bits", "11"), "not 11 bits in the 30 that were marked"),
        (("--rescore", "--bits", "31"), "not 31 bits in the 30 that were marked"),
    ],
)
def test_bad_input_is_one_sentence(folder: Path, reported: Reported, arguments: tuple[str, ...], told: str) -> None:
    code, text = reported(folder, *arguments)
    assert code == 2
    assert told in text
    assert not (folder / "rescored").exists()


def test_what_was_marked_with_a_code_keeps_it(tmp_path: Path, reported: Reported) -> None:
    folder = write(tmp_path / "faces", {"one": channel()}, codec="repetition times=1")
    code, text = reported(folder, "--rescore", "--codec", "soft-bch")
    assert code == 2
    assert "it was marked with repetition times=1" in text
    # Its own is found by the label where the manifest lists no parts.
    code, text = reported(folder, "--rescore")
    assert code == 0
    assert "payloads came out as before" in text
    assert json.loads((folder / "rescored" / "tables" / "main.json").read_text(encoding="utf-8"))["rows"]


def test_a_run_leaves_readings_that_give_its_rows_again(tiny: Path, tmp_path: Path, reported: Reported) -> None:
    """Also of a soft code, whose logits were rounded."""
    settings = {"matrix.codec": ["none", "soft-bch"], "matrix.loss": [{"target_psnr": 30}], "train.steps": 4}
    more = {"fit.steps": 2, "fit.validate_every": 1, "train.validate_every": 2}
    run(tiny, scale="small", out=tmp_path / "out", settings=settings | more, quiet=True)
    (folder,) = (file.parent for file in (tmp_path / "out" / "tiny").glob("*/manifest.json"))
    opened = open_folder(folder)
    assert len(opened.reading_files) == 2
    assert faults(opened) == []
    code, text = reported(folder, "--rescore")
    assert code == 0
    rows = sum(cell.rows or 0 for cell in opened.evaluations)
    same = int(text.partition(" payloads came out as before")[0].rpartition("code. ")[2].split()[0].replace(",", ""))
    assert same >= 0.99 * rows
    assert opened.raw["protocol"] == 2
    assert opened.raw["data"]["test_people"] == {"shown": 2, "held_out": 0}
