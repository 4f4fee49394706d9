"""docs/attacks.md says of every distortion what its record says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from damage import RECORDS

from ftbench_distortions.records import SINGLE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "attacks.md"
ROWS = {
    cells[0].strip("` "): [cell.strip() for cell in cells[1:]]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if re.match(r"\| `", line) and len(cells := line.strip().strip("|").split("|")) == 8
}


def test_it_lists_every_distortion_in_order() -> None:
    assert list(ROWS) == [*(record.name for record in SINGLE), "chain"] == list(RECORDS)


@pytest.mark.parametrize("name", RECORDS)
def test_category_strength_range_default_and_gradient(name: str) -> None:
    record = RECORDS[name]
    category, strength, range_, default, gradient, pool, stands_for = ROWS[name]
    assert (category, strength) == (record.category, record.strength)
    assert gradient == ("yes" if record.differentiable else "no")
    assert pool
    assert stands_for
    if strength:
        field = record.parameters.model_json_schema()["properties"][strength]
        low = f"{field['minimum']:g}" if "minimum" in field else f"above {field['exclusiveMinimum']:g}"
        assert range_ == f"{low} to {field['maximum']:.7g}"
        assert default == f"{field['default']:g}"
    else:
        assert range_ == default == ""


def test_resizing_names_its_filter() -> None:
    said = ROWS["resize"][-1], RECORDS["resize"].summary
    assert all("bilinear" in text.lower() and "antialias" in text for text in said)
