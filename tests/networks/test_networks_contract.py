"""Networks of the field: they keep the contract, and every bit is written and read."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ftbench.plugins import Plugins
from ftbench.testing import check

SIZE, BITS = 32, 6
PARTS: list[tuple[Any, str, dict[str, Any]]] = [
    ("encoder", "hidden", {"channels": 8}),
    ("decoder", "hidden", {"channels": 8}),
    ("encoder", "mbrs", {"channels": 8, "blocks": 1}),
    ("decoder", "mbrs", {"channels": 8}),
    ("encoder", "sepmark", {"channels": 4, "message_channels": 8}),
    ("decoder", "sepmark-tracer", {"channels": 4}),
    ("decoder", "timm-decoder", {}),
]


@pytest.mark.parametrize(("kind", "name", "parameters"), PARTS)
def test_each_keeps_its_promises(plugins: Plugins, kind: Any, name: str, parameters: dict[str, Any]) -> None:
    check(plugins.find(kind, name).record, size=SIZE, bits=BITS, **parameters)


@pytest.mark.parametrize(("kind", "name", "parameters"), [part for part in PARTS if part[0] == "encoder"])
def test_every_bit_changes_the_marked_image(plugins: Plugins, kind: Any, name: str, parameters: dict[str, Any]) -> None:
    record = plugins.find(kind, name).record
    torch.manual_seed(0)
    encoder = record.load()(size=SIZE, bits=BITS, **dict(record.parameters(**parameters))).eval()
    cover = torch.rand(1, 3, SIZE, SIZE).expand(BITS + 1, -1, -1, -1)
    # The code of zeros, then each with one bit set.
    code = torch.cat([torch.zeros(1, BITS), torch.eye(BITS)])
    with torch.no_grad():
        marked = encoder(cover, code)
    changes = (marked[1:] - marked[:1]).flatten(1)
    assert bool((changes.abs().amax(dim=1) > 1e-6).all())
    # No bit is written as another one is.
    assert torch.linalg.matrix_rank(changes.double(), atol=1e-7) == BITS
