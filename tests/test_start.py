"""Trainings that begin with a file of weights: what the file holds counts, and one that does not fit is a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ftbench.errors import BadInput, CellFailed, FailsAgain
from ftbench.parts.catalogue import Plugins
from ftbench.plan.cells import Start
from ftbench.storage.seal import digest_of
from ftbench.train.weights import begin_with
from tests.test_plan import changed, planned


def begun(file: Path) -> nn.Linear:
    network = nn.Linear(3, 2)
    begin_with(Start(file, digest_of(file)), network)
    return network


@pytest.mark.parametrize("kept", [torch.float32, torch.float16])
def test_a_network_has_the_weights_of_the_file(kept: torch.dtype, tmp_path: Path) -> None:
    weights = {"weight": torch.randn(2, 3).to(kept), "bias": torch.randn(2).to(kept)}
    save_file(weights, tmp_path / "w.safetensors")
    network = begun(tmp_path / "w.safetensors")
    assert torch.equal(network.weight, weights["weight"].float())
    assert network.bias.dtype == torch.float32


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    save_file({"weight": torch.zeros(2, 4), "bias": torch.zeros(2)}, file)
    with pytest.raises(FailsAgain, match=r"weight has shape \(2, 4\) and \(2, 3\) is needed; name weights of the same"):
        begun(file)
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(FailsAgain, match="is no file of weights"):
        begun(file)
    with pytest.raises(CellFailed, match="changed since they were planned with"):
        begin_with(Start(file, "0" * 64), nn.Linear(3, 2))
    with pytest.raises(CellFailed, match="cannot be read: No such file"):
        begin_with(Start(tmp_path / "gone", "0" * 64), nn.Linear(3, 2))


def test_what_the_file_holds_is_in_the_key_and_not_where_it_lies(plugins: Plugins, tmp_path: Path) -> None:
    keys = []
    for name, content in (("one", b"weights"), ("other", b"weights"), ("third", b"others")):
        (tmp_path / name).write_bytes(content)
        [trained] = planned(changed(train={"start": str(tmp_path / name)}), plugins).trainings
        assert trained.start is not None
        assert trained.start.file == tmp_path / name
        keys.append(trained.key)
    [plain] = planned(changed(), plugins).trainings
    assert keys[0] == keys[1]
    assert len({plain.key, *keys}) == 3


def test_weights_that_are_not_there_are_missed_while_planning(plugins: Plugins, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"line \d+, train.start: the weights '.*nowhere' cannot be read"):
        planned(changed(train={"start": str(tmp_path / "nowhere")}), plugins)
