"""The examples in docstrings run, and say what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest

WITH_EXAMPLES = {
    "ftbench.statistics.estimates": ("wilson",),
    "ftbench.statistics.detection": ("smallest_match", "false_positive_rate"),
    "ftbench.pipeline.stages": ("to_psnr",),
    "ftbench.data.splits": ("split_of",),
    "ftbench.marking.payloads": ("parse",),
}


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_in_docstrings_run(name: str) -> None:
    module = importlib.import_module(name)
    cases = {case.name.rpartition(".")[2]: case for case in doctest.DocTestFinder().find(module) if case.examples}
    assert set(WITH_EXAMPLES[name]) <= set(cases)
    runner = doctest.DocTestRunner(optionflags=doctest.FAIL_FAST)
    for case in cases.values():
        assert runner.run(case).failed == 0, case.name


def test_the_citation_names_the_version() -> None:
    import ftbench
    from tests.test_wheel import CHECKOUT

    assert f"version: {ftbench.__version__}" in (CHECKOUT / "CITATION.cff").read_text(encoding="utf-8")
