"""The promises of the records, held against their objects by ftbench's own kit."""

from __future__ import annotations

import pytest
from ftbench.testing import check

from ftbench_plugin_demo.plugin import ftbench_simulators
from ftbench_plugin_demo.regions import BOXES

RECORDS = {record.name: record for record in ftbench_simulators()}


@pytest.mark.parametrize("size", [16, 33, 64])
def test_big_eyes(size: int) -> None:
    check(RECORDS["big-eyes"], size=size)


@pytest.mark.parametrize("region", BOXES)
def test_region_repaint(region: str) -> None:
    check(RECORDS["region-repaint"], size=32, region=region, width=0.25)


@pytest.mark.parametrize("size", [16, 45])
def test_region_repaint_at_other_sizes(size: int) -> None:
    check(RECORDS["region-repaint"], size=size, width=0.25, feather=0.0)
