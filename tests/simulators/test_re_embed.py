"""Overwriting a mark: what is read afterwards is the second payload, and the rows count against the first."""

from __future__ import annotations

import numpy as np
import torch

from ftbench.pipeline import Attack, extra_inputs
from ftbench.plugins import Plugins
from ftbench.randomness import derive, payload
from ftbench.testing import check
from ftbench_simulators.re_embed import ReEmbed
from tests.test_evaluate import BITS, COUNT, found, rows_of


def test_the_part_keeps_its_promises(plugins: Plugins) -> None:
    check(plugins.find("simulator", "re-embed").record, size=32)


def test_errors_after_overwriting_are_the_distance_of_the_two_payloads(plugins: Plugins) -> None:
    record = plugins.find("simulator", "re-embed").record
    findings = found(draws=2, attacks={"again": Attack(record, ReEmbed(size=16))})
    assert rows_of(findings, "none").code_errors.sum() == 0
    rows = rows_of(findings, "again")
    assert len(rows) == 2 * COUNT
    for row in rows.itertuples():
        first = payload(str(row.image), 5, int(row.draw), BITS)
        second = payload(str(row.image), derive(5, "again"), int(row.draw), BITS)
        assert int((first != second).sum()) == row.code_errors
    # Two independent payloads differ in half of their bits.
    assert abs(float(np.mean(rows.code_errors)) / BITS - 0.5) < 0.05


def test_the_gradient_passes_through_both_marks(plugins: Plugins) -> None:
    record = plugins.find("simulator", "re-embed").record
    image = torch.rand(2, 3, 16, 16, requires_grad=True)
    inputs = extra_inputs(torch.zeros(2, dtype=torch.int64), lambda seen: 0.5 * seen + 0.1)
    fake = Attack(record, ReEmbed(size=16))(image, inputs)
    fake.sum().backward()
    assert image.grad is not None
    torch.testing.assert_close(image.grad, torch.full_like(image, 0.5))
