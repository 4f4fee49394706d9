"""A training shared by processes: the same weights as in one, and one sentence when a process fails."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ftbench.benchfile.loss import Loss
from ftbench.benchfile.schema import Curriculum, Optimiser
from ftbench.errors import CellFailed
from ftbench.machine import processes as parallel
from ftbench.progress import Silent
from ftbench.storage.store import CellFolder
from ftbench.train import loop
from tests.small_pair import COMPUTE, Writes, task


class ReadsPlainly(nn.Module):
    """Without dropout, whose masks would differ between processes."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.read = nn.Linear(3, bits)

    def forward(self, image: Tensor) -> Tensor:
        return self.read(image.mean(dim=(2, 3)))  # type: ignore[no-any-return]


def trained(folder: Path) -> dict[str, Any]:
    made = task(Loss(target_psnr=25), curriculum=Curriculum(read_at=0.51, ramp=0.5))
    torch.manual_seed(1)
    made.network.encoder, made.network.decoder = Writes(4), ReadsPlainly(4)
    summary = loop.train(
        made,
        steps=30,
        optimiser=Optimiser(learning_rate=1e-2),
        ema=0.5,
        validate_every=10,
        compute=COMPUTE,
        folder=CellFolder(folder),
        progress=Silent(),
    )
    return {**summary, "rank": parallel.rank(), "count": parallel.count()}


def fails_in_the_second(_: Path) -> dict[str, Any]:
    if parallel.rank() == 1:
        raise CellFailed("message_loss is not a finite number at step 7")
    # Waits for the other, for ever if it were not ended.
    parallel.average(1.0, "cpu")
    return {}


def test_two_processes_end_in_the_weights_of_one(tmp_path: Path) -> None:
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    for folder in (alone, shared):
        folder.mkdir()
    one = trained(alone)
    two = parallel.launch(trained, (shared,), processes=2, device="cpu")
    assert (one["count"], two["count"], two["rank"]) == (1, 2, 0)
    assert (one["steps"], one["best_step"]) == (two["steps"], two["best_step"])
    expected, found = (load_file(folder / loop.WEIGHTS) for folder in (alone, shared))
    start = dict(Writes(4).state_dict())
    assert expected.keys() == found.keys()
    for name, weights in expected.items():
        torch.testing.assert_close(found[name], weights, atol=2e-3, rtol=2e-2, msg=name)
    # They did learn, so that equality says something.
    assert not torch.allclose(expected["encoder.planes.weight"], start["planes.weight"], atol=0.05)


def test_a_process_that_fails_ends_the_others_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(CellFailed, match="message_loss is not a finite number at step 7"):
        parallel.launch(fails_in_the_second, (tmp_path,), processes=2, device="cpu")


def test_rows_are_shared_out_and_gradients_stay_as_they_are_alone() -> None:
    rows = torch.arange(6)
    assert torch.equal(parallel.share(rows)[0], rows)
    weight = torch.ones(2, requires_grad=True)
    (weight * 3).sum().backward()
    parallel.average_gradients([weight])
    assert weight.grad is not None
    assert weight.grad.tolist() == [3, 3]


def test_a_benchmark_shared_by_two_processes(tiny: Path, ftbench_process: list[str]) -> None:
    # Every training has two processes to start, which import torch: one is enough.
    one = tiny.read_text(encoding="utf-8").replace("\n    - {message: 10, image: 0.1}", "")
    tiny.write_text(one, encoding="utf-8")
    arguments = ["run", str(tiny), "--scale", "small", "--set", "compute.processes=2", "--set", "compute.threads=2"]
    done = subprocess.run(
        [*ftbench_process, *arguments], cwd=tiny.parent, capture_output=True, text=True, check=False, timeout=400
    )
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tiny.parent / "results" / "tiny" / "procedural-faces-small"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["compute"]["processes"] == 2
    assert {cell["kind"]: cell["status"] != "failed" for cell in manifest["cells"]} == {
        "fit": True,
        "train": True,
        "evaluate": True,
    }
    # Only the first process reports.
    assert len([line for line in done.stdout.splitlines() if "] train" in line and ": 40/40" in line]) == 1
