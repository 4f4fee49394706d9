"""A cell's key changes with its settings, and with nothing that a reader of the code alone sees."""

from __future__ import annotations

import pytest

import ftbench
from ftbench.parts.catalogue import Plugins
from ftbench.plan import keys as identity
from ftbench.plan.keys import cell_key, declared, part_key


def no_source() -> str:
    raise AssertionError("nobody asks for the source of a part that declares a version")


def test_a_part_of_ftbench_is_known_by_name_parameters_and_version() -> None:
    plain = part_key("compact", {"blocks": 2}, distribution="ftbench", version=None, source=no_source)
    assert plain == {"name": "compact", "version": 1, "parameters": {"blocks": 2}}
    # No version and the first version are one thing: nobody declares a version until numbers change.
    assert part_key("compact", {"blocks": 2}, distribution="ftbench", version=1, source=no_source) == plain
    assert part_key("compact", {"blocks": 2}, distribution="ftbench", version=2, source=no_source) != plain
    resized = part_key("compact", {"blocks": 2}, distribution="ftbench", version=None, source=no_source, at=256)
    assert resized == {**plain, "at": 256}


def test_a_third_partys_part_without_a_version_stays_strict() -> None:
    def key(version: int | None, source: str) -> dict[str, object]:
        return part_key("wave", {}, distribution="waves", version=version, source=lambda: source)

    assert key(None, "one") != key(None, "two")
    assert key(1, "one") == key(1, "two") != key(2, "one")
    assert key(None, "one") != key(1, "one")
    assert key(1, "one") == {"name": "wave", "distribution": "waves", "version": 1, "parameters": {}}


def test_a_key_hangs_on_kind_settings_inputs_and_the_harness_number(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = cell_key("train", {"a": 1, "b": [2.0]}, ["x", "y"])
    assert plain == cell_key("train", {"b": [2.0], "a": 1}, ("x", "y"))
    others = [
        cell_key("evaluate", {"a": 1, "b": [2.0]}, ["x", "y"]),
        cell_key("train", {"a": 1, "b": [2.5]}, ["x", "y"]),
        cell_key("train", {"a": 1, "b": [2.0]}, ["y", "x"]),
    ]
    fit = cell_key("fit", {}, [])
    monkeypatch.setitem(identity.NUMBERS, "train", identity.NUMBERS["train"] + 1)
    others.append(cell_key("train", {"a": 1, "b": [2.0]}, ["x", "y"]))
    assert len({plain, *others}) == 5
    assert cell_key("fit", {}, []) == fit


def test_keys_stay_as_they_are_kept_on_peoples_disks() -> None:
    assert cell_key("evaluate", {"size": 64, "people": ["Zoë"]}, []) == (
        "bf972921666663e201f9a9c47c71d3dc0cd3c5e8b9fdcf683d95fd6289533e6a"
    )


def test_what_a_record_tells_the_harness_is_evidence_and_what_it_tells_readers_is_not(plugins: Plugins) -> None:
    jpeg = plugins.find("distortion", "jpeg").record
    assert declared(jpeg) == {"differentiable": jpeg.differentiable, "category": "compression", "strength": "quality"}
    faceswap = declared(plugins.find("simulator", "faceswap").record)
    assert {"differentiable", "trainable", "needs", "people", "per_person", "deterministic", "max_batch"} <= set(
        faceswap
    )
    assert not {"summary", "licence", "reference", "factory", "name"} & set(faceswap)


def test_records_that_hold_functions_are_plain_values_too() -> None:
    code = ftbench.Codec(name="a", factory="b:c", summary="d", length=lambda bits, parameters: bits)
    assert declared(code) == {"trainable": False}
