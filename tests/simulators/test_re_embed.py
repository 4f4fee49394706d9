"""Overwriting a mark: what is read afterwards is the second payload, and the rows count against the first."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml

from ftbench.machine.randomness import derive, payload
from ftbench.parts.catalogue import Plugins
from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.stages import Pair, SimulatorStage
from ftbench.testing import check
from ftbench_simulators.re_embed import ReEmbed
from tests.conftest import TINY
from tests.test_evaluate import BITS, COUNT, Reader, Stripes, found, rows_of


def test_the_part_keeps_its_promises(plugins: Plugins) -> None:
    check(plugins.find("simulator", "re-embed").record, size=32)


def test_errors_after_overwriting_are_the_distance_of_the_two_payloads(plugins: Plugins) -> None:
    record = plugins.find("simulator", "re-embed").record
    findings = found(draws=2, attacks={"again": SimulatorStage(record, ReEmbed(size=16))})
    assert rows_of(findings, "none").code_errors.sum() == 0
    rows = rows_of(findings, "again")
    assert len(rows) == 2 * COUNT
    for row in rows.itertuples():
        first = payload(str(row.image), 5, int(row.draw), BITS)
        second = payload(str(row.image), derive(5, "again"), int(row.draw), BITS)
        assert int((first != second).sum()) == row.code_errors
    # Two independent payloads differ in half of their bits.
    assert abs(float(np.mean(rows.code_errors)) / BITS - 0.5) < 0.05


class Reversed(Stripes):
    """Paints the code from the other end."""

    def forward(self, cover: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
        return super().forward(cover, code.flip(1))


def test_another_pair_may_overwrite(plugins: Plugins) -> None:
    record = plugins.find("simulator", "re-embed").record
    another = SimulatorStage(record, ReEmbed(size=16, by="reversed"), other=Pair(Reversed(), Reader()))
    findings = found(draws=1, attacks={"same": SimulatorStage(record, ReEmbed(size=16)), "another": another})
    for row in rows_of(findings, "another").itertuples():
        first = payload(str(row.image), 5, 0, BITS)
        second = payload(str(row.image), derive(5, "again"), 0, BITS)
        assert int((first != second[::-1]).sum()) == row.code_errors
    assert not rows_of(findings, "another").code_errors.equals(rows_of(findings, "same").code_errors)


def test_the_pair_that_a_benchmark_names_overwrites(tmp_path: Path, ftbench_command: list[str]) -> None:
    data = yaml.safe_load(TINY)
    for key in ("encoder", "decoder"):
        del data["matrix"][key]
    small = {"channels": 16, "blocks": 1}
    data["matrix"]["pairs"] = [
        {kind: {"name": name, **small} for kind in ("encoder", "decoder")} for name in ("hidden", "compact")
    ]
    data["matrix"].update(simulator="none", loss=[{"target_psnr": 30}])
    data["train"] = {"steps": 4, "batch_size": 8, "validate_every": 4}
    data["evaluate"] = {"simulators": ["none", "re-embed", {"name": "re-embed", "by": "compact"}], "draws": 1}
    data.pop("scales", None)
    file = tmp_path / "again.yaml"
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    subprocess.run([*ftbench_command, "run", str(file), "--out", str(tmp_path / "out")], check=True)
    [folder] = (tmp_path / "out" / "tiny").iterdir()
    [compact, hidden] = (pd.read_csv(path) for path in sorted((folder / "rows").glob("*-quality.csv.gz")))
    # Its own pair is the other one too.
    assert qualities(compact, "re-embed") == qualities(compact, "re-embed by=compact")
    assert qualities(hidden, "re-embed") != qualities(hidden, "re-embed by=compact")


def qualities(rows: pd.DataFrame, simulator: str) -> list[float]:
    return [float(value) for value in rows[rows.of == f"fake:{simulator}"].psnr]


def test_the_gradient_passes_through_both_marks(plugins: Plugins) -> None:
    record = plugins.find("simulator", "re-embed").record
    image = torch.rand(2, 3, 16, 16, requires_grad=True)
    inputs = Inputs(identity=torch.zeros(2, dtype=torch.int64), remarked=lambda seen: 0.5 * seen + 0.1)
    fake = SimulatorStage(record, ReEmbed(size=16))(image, inputs)
    fake.sum().backward()
    assert image.grad is not None
    torch.testing.assert_close(image.grad, torch.full_like(image, 0.5))
