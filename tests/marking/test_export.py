"""A model as ONNX: it reads and marks in onnxruntime what it does in torch, with what the JSON says and no more."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from ftbench.errors import BadInput
from ftbench.marking import export, finding, presence
from ftbench.marking.trained import Trained
from ftbench.parts.catalogue import Plugins
from ftbench.pipeline.stages import Pair
from ftbench.plan.part import ResolvedPart
from ftbench.runner.build import build
from tests.marking.calls import BITS, Command
from tests.marking.carriers import chosen, photograph


def session(file: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])


def test_another_language_marks_and_reads_by_the_files_alone(wide: Trained, tmp_path: Path) -> None:
    apart = export.export(wide, tmp_path)
    assert max(apart.values()) < 1e-4
    said = json.loads((tmp_path / "around.json").read_text(encoding="utf-8"))
    # Pillow and NumPy alone from here, as the file says.
    data = "0110100110110001"
    digest = hmac.new(said["payload"]["public_key"].encode(), f"payload:{data}".encode(), hashlib.sha256).digest()
    payload = data + format(int.from_bytes(digest, "big"), "0256b")[: said["payload"]["check"]]
    cover = Image.fromarray(photograph(96, 128))
    small = cover.resize((32, 32), Image.Resampling.BICUBIC)
    image = np.asarray(small, np.float32).transpose(2, 0, 1)[None] / 255
    code = np.array([[float(bit) for bit in payload]], np.float32)
    (marked,) = session(tmp_path / "encoder.onnx").run(None, {"cover": image, "code": code})
    change = 255 * (marked - image)[0].mean(0)
    large = np.asarray(Image.fromarray(change).resize(cover.size, Image.Resampling.BICUBIC))[..., None]
    done = (np.asarray(cover) + large).round().clip(0, 255).astype(np.uint8)
    # Ours reads what was marked by the files, and the files read what ours reads.
    pixels = torch.from_numpy(done).permute(2, 0, 1)
    found = finding.find(wide, pixels, finding.Candidates(), finding.Rules())
    assert (found.marked, found.payload) == (True, payload)
    again = np.asarray(Image.fromarray(done).resize((32, 32), Image.Resampling.BICUBIC), np.float32)
    (logits,) = session(tmp_path / "decoder.onnx").run(None, {"image": again.transpose(2, 0, 1)[None] / 255})
    read = "".join("1" if logit > 0 else "0" for logit in logits[0])
    assert read == payload
    assert presence.is_whole(read, said["payload"]["check"], presence.PUBLIC)


def test_the_compact_networks_agree_at_a_side_of_their_own(plugins: Plugins, tmp_path: Path, wide: Trained) -> None:
    thin = {"channels": 8, "blocks": 2, "side": 32}
    parts: list[ResolvedPart] = [chosen(plugins, kind, "compact", **thin) for kind in ("encoder", "decoder")]
    torch.manual_seed(0)
    pair = Pair(*(build(part, size=64, bits=32) for part in parts)).eval().requires_grad_(False)
    apart = export.export(replace(wide, pair=pair, size=64), tmp_path)
    assert max(apart.values()) < export.APART
    assert {file.name for file in tmp_path.iterdir() if file.is_file()} >= {
        "encoder.onnx",
        "decoder.onnx",
        "around.json",
    }


def test_the_command_says_how_well_they_agree(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    said = ftbench_here("export", model, "--onnx", "out")
    assert (said.code, said.err) == (0, "")
    assert "run by onnxruntime" in said.out
    assert json.loads(Path("out/around.json").read_text(encoding="utf-8"))["payload"]["bits"] == BITS
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    refused = ftbench_here("export", model, "--onnx", "taken")
    assert (refused.code, len(refused.err.strip().splitlines())) == (2, 1)


def test_missing_libraries_are_named(wide: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "NEEDED", ("onnx", "no_such_library"))
    with pytest.raises(BadInput, match=r"export needs no_such_library; install with pip install 'ftbench\[export\]'"):
        export.export(wide, tmp_path / "out")
    assert not (tmp_path / "out").exists()
