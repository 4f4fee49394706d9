"""A learned code in a benchmark: fitted once, before any pair, and the same one in training and in evaluation."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import torch
from rich.console import Console
from safetensors.torch import load_file

from ftbench.publish import write as results
from ftbench.publish.folder import folder_for
from ftbench.runner import executor as execute
from ftbench.runner.build import build
from ftbench.runner.opening import Request, open_benchmark
from ftbench.storage.store import Store
from tests.conftest import TINY

LEARNED = (
    TINY.replace("  loss:\n    - {message: 1, image: 0.1}\n    - {message: 10, image: 0.1}\n", "  seed: [0, 1]\n")
    .replace("  decoder:", "  codec: {name: learned, length: 12, width: 32}\n  decoder:")
    .replace("train: {steps: 40,", "code: {steps: 300, batch_size: 128, validate_every: 100}\ntrain: {steps: 4,")
)


def test_a_learned_code_is_fitted_once_and_used_by_every_cell(tmp_path: Path) -> None:
    (tmp_path / "learned.yaml").write_text(LEARNED, encoding="utf-8")
    console = Console(file=io.StringIO())
    opened = open_benchmark(Request(str(tmp_path / "learned.yaml"), out=tmp_path / "results"), console)
    fits = opened.plan.fits
    assert [cell.bits for cell in fits] == [None, 4]
    outcome = execute.run(opened.plan, opened.bench)
    assert not outcome.failed
    results.write(opened, outcome, folder_for(opened, keep=False), False, console)

    fitted = fits[1]
    trained = opened.plan.trainings
    assert len(trained) == 2
    assert all(fitted in cell.inputs for cell in trained)
    chosen = fitted.part
    torch.manual_seed(0)
    code = build(chosen, bits=4)
    folder = Store(tmp_path / "results" / ".store").cell("fit", fitted.key)
    code.load_state_dict(load_file(folder.file("weights.safetensors")))
    payloads = torch.tensor([[(word >> bit) & 1 for bit in range(4)] for word in range(16)]).float()
    # Fitted, it is a code: every payload comes back, also when any one of the twelve bits is misread.
    sent = 2 * code.encode(payloads) - 1
    assert torch.equal(code.decode(sent), payloads)
    one_off = sent[:, None, :] * (1 - 2 * torch.eye(12))
    right = (code.decode(one_off.reshape(-1, 12)).reshape(16, 12, 4) == payloads[:, None]).all(dim=2)
    assert right.float().mean() > 0.9
    main = pd.read_csv(tmp_path / "results" / "tiny" / "procedural-faces-small" / "tables" / "main.csv")
    assert set(main["code_bits"]) == {12}
    assert "marked_payload_bit_accuracy_value" in main.columns
    manifest = json.loads((tmp_path / "results" / "tiny" / "procedural-faces-small" / "manifest.json").read_text())
    assert "learned" in {part["name"] for part in manifest["parts"] if part["kind"] == "codec"}
