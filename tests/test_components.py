"""Records refuse what would break listing or planning later."""

from __future__ import annotations

import pytest

import ftbench


@pytest.mark.parametrize("name", ["", "U-Net", "two words", "../x", "-a", "a-", "a--b", "ä"])
def test_names_are_lower_case_words_joined_by_hyphens(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        ftbench.Decoder(name=name, factory="a.b:C", summary="x")


@pytest.mark.parametrize("factory", ["", "a.b", "a.b:", ":C", "a b:C", "a:b:c"])
def test_factories_are_module_and_attribute(factory: str) -> None:
    with pytest.raises(ValueError, match="module:attribute"):
        ftbench.Decoder(name="a", factory=factory, summary="x")


def test_a_summary_is_one_line() -> None:
    with pytest.raises(ValueError, match="one line"):
        ftbench.Decoder(name="a", factory="a:b", summary="x\ny")


def test_parameters_must_be_a_parameters_class() -> None:
    with pytest.raises(ValueError, match=r"ftbench\.Parameters"):
        ftbench.Decoder(name="a", factory="a:b", summary="x", parameters=dict)  # type: ignore[arg-type]


def test_a_factory_is_imported_only_when_asked() -> None:
    record = ftbench.Decoder(name="a", factory="there.is.no.such.module:X", summary="x")
    with pytest.raises(ModuleNotFoundError):
        record.load()


def test_a_factory_must_be_callable() -> None:
    with pytest.raises(TypeError, match="not callable"):
        ftbench.Decoder(name="a", factory="math:pi", summary="x").load()


def test_every_kind_says_its_kind() -> None:
    record = ftbench.Distortion(name="a", factory="a:b", summary="x", differentiable=True, category="none")
    assert record.kind == "distortion"
