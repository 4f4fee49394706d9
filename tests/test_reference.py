"""The reference of the contract is what the sources say today."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

import ftbench
from ftbench.contract import hooks as hookspecs
from ftbench.contract import records as components
from tests.test_wheel import CHECKOUT


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", CHECKOUT / "docs" / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(maker: ModuleType) -> None:
    page = (CHECKOUT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert page == maker.reference(), "run: python docs/make_reference.py"


def test_every_hook_record_and_field_is_on_it(maker: ModuleType) -> None:
    page = maker.reference()
    for hook in (name for name in vars(hookspecs) if name.startswith("ftbench_")):
        assert f"### `{hook}(" in page
    for name in ftbench.__all__:
        if name not in ("hookimpl", "marker", "results", "run"):
            assert f"### `{name}" in page, name
    for record in (components.Simulator, components.Encoder, components.Metric):
        for field in record.__dataclass_fields__.values():
            if field.init:
                assert f"| `{field.name}` |" in page, field.name
