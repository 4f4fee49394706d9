"""Every part of ftbench_networks keeps the contract's promises, narrow and at two sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ftbench.parts.catalogue import Plugins
from ftbench.testing import CannotExamine, check, survey

NARROW: list[tuple[str, str, dict[str, Any]]] = [
    ("encoder", "hidden", {"channels": 8}),
    ("encoder", "hidden", {"channels": 8, "residual": 0.3}),
    ("encoder", "mbrs", {"channels": 8, "blocks": 1}),
    ("encoder", "compact", {"channels": 16, "blocks": 2, "maps": 2}),
    ("encoder", "sepmark", {"channels": 4, "message_channels": 4, "blocks": 1}),
    ("decoder", "hidden", {"channels": 8}),
    ("decoder", "mbrs", {"channels": 8}),
    ("decoder", "compact", {"channels": 16, "blocks": 2}),
    ("decoder", "sepmark-tracer", {"channels": 4, "blocks": 1}),
    ("decoder", "timm-decoder", {"backbone_options": {"channels": [8, 8, 8, 8]}}),
]


@pytest.mark.parametrize(("kind", "name", "parameters"), NARROW)
def test_promises_are_kept(plugins: Plugins, kind: Any, name: str, parameters: dict[str, Any]) -> None:
    check(plugins.find(kind, name).record, **parameters)


@pytest.mark.parametrize(("kind", "name", "parameters"), NARROW)
def test_promises_are_kept_at_another_size_and_length(
    plugins: Plugins, kind: Any, name: str, parameters: dict[str, Any]
) -> None:
    size = 50 if name in ("hidden", "timm-decoder") else 48
    if name == "mbrs":
        parameters = {**parameters, "diffusion": 12}
    report = survey(plugins.find(kind, name).record, size=size, bits=19, **parameters)
    assert not report.findings, report.findings
    # A note would say that it was examined at a size of its own choice.
    assert not report.notes


def test_a_record_that_objects_to_every_size_cannot_be_examined(plugins: Plugins) -> None:
    with pytest.raises(CannotExamine, match="power of two"):
        check(plugins.find("encoder", "mbrs").record, diffusion=63)


@pytest.mark.parametrize(("kind", "name", "parameters"), [part for part in NARROW if part[0] == "encoder"])
def test_no_bit_is_written_as_another(plugins: Plugins, kind: Any, name: str, parameters: dict[str, Any]) -> None:
    record, size, bits = plugins.find(kind, name).record, 32, 6
    torch.manual_seed(0)
    encoder = record.load()(size=size, bits=bits, **dict(record.parameters(**parameters))).eval()
    # The code of zeros, then each with one bit set.
    code = torch.cat([torch.zeros(1, bits), torch.eye(bits)])
    with torch.no_grad():
        marked = encoder(torch.rand(1, 3, size, size).expand(len(code), -1, -1, -1), code)
    changes = (marked[1:] - marked[:1]).flatten(1)
    assert torch.linalg.matrix_rank(changes.double(), atol=1e-7) == bits
