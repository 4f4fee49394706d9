"""Parts give what they gave: where a number moves, a version has to be raised."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ftbench.parts.catalogue import Plugins
from ftbench.plan.keys import NUMBERS
from tests import golden

KEPT = json.loads(golden.FILE.read_text(encoding="utf-8"))


def test_each_built_in_part_is_looked_at(plugins: Plugins) -> None:
    assert sorted(KEPT) == sorted([*map(golden.named, golden.parts(plugins)), golden.TRAINING])


@pytest.mark.parametrize("name", sorted(set(KEPT) - {golden.TRAINING}))
def test_a_part_gives_what_it_gave(plugins: Plugins, name: str) -> None:
    part = next(one for one in golden.parts(plugins) if golden.named(one) == name)
    kept, version = KEPT[name], getattr(part.record, "version", None) or 1
    assert version == kept["version"], "then run python tests/golden.py"
    # Another processor adds in another order.
    scale = max(map(abs, kept["values"]))
    close = np.allclose(golden.golden(part), kept["values"], rtol=1e-2, atol=1e-2 * scale)
    assert close, f"{name} gives other numbers: raise version in its record, then run python tests/golden.py"


def test_a_training_gives_what_it_gave() -> None:
    kept = KEPT[golden.TRAINING]
    assert NUMBERS["train"] == kept["version"], "then run python tests/golden.py"
    close = np.allclose(golden.training(), kept["values"], rtol=2e-2, atol=2e-3)
    assert close, "trainings give other numbers: raise NUMBERS['train'], then run python tests/golden.py"
