"""Planning: what makes a cell that cell and no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ftbench
from ftbench.machine.compute import Compute
from ftbench.parts.catalogue import Plugins
from ftbench.plan.keys import AGAIN
from ftbench.plan.part import ResolvedPart
from tests.test_plan import BASE, GROUNDS, changed, planned


def test_trainings_that_mark_images_again_alone_say_how(plugins: Plugins) -> None:
    studied = ["regenerate", {"name": "subspace", "pairs": 16, "components": 4}]
    met = ["re-embed", {"name": "averaging", "pairs": 4}, studied, "regenerate", "none"]
    plan = planned(changed(matrix={"simulator": met}), plugins)
    assert [cell.settings.get("again") for cell in plan.trainings] == [AGAIN, AGAIN, AGAIN, None, None]


@pytest.mark.parametrize(
    ("sections", "differ"),
    [
        ({"matrix": {"seed": 1}}, {"train", "evaluate"}),
        ({"matrix": {"encoder": {"name": "unet-resnet18", "up_width": 0.5}}}, {"train", "evaluate"}),
        ({"train": {"steps": 7}}, {"train", "evaluate"}),
        ({"fit": {"steps": 7}}, {"fit", "train", "evaluate"}),
        ({"evaluate": {"draws": 9}}, {"evaluate"}),
        ({"dataset": {"size": 96}}, {"fit", "train", "evaluate"}),
        ({"message": {"bits": 16}}, {"train", "evaluate"}),
    ],
)
def test_a_key_hangs_on_what_decides_the_result(plugins: Plugins, sections: dict[str, Any], differ: set[str]) -> None:
    before, after = planned(BASE, plugins), planned(changed(**sections), plugins)
    unlike = {a.kind for a, b in zip(before.cells, after.cells, strict=True) if a.key != b.key}
    assert unlike == differ


def test_a_key_does_not_hang_on_names_of_things(plugins: Plugins) -> None:
    before = planned(BASE, plugins)
    after = planned({**BASE, "name": "other", "title": "x"}, plugins)
    assert [c.key for c in before.cells] == [c.key for c in after.cells]
    explicit = changed(matrix={"encoder": {"name": "unet-resnet18", "up_width": 1.0}})
    assert [c.key for c in planned(explicit, plugins).cells] == [c.key for c in before.cells]


def test_a_key_hangs_on_data_and_compute(plugins: Plugins) -> None:
    before = {cell.key for cell in planned(BASE, plugins).cells}
    for grounds in (
        replace(GROUNDS, data_digest="e" * 64),
        replace(GROUNDS, people=("b", "a")),
        replace(GROUNDS, compute=Compute("cpu", "bfloat16", 1, "none")),
        replace(GROUNDS, compute=Compute("cpu", "float32", 2, "none")),
    ):
        assert not before & {cell.key for cell in planned(BASE, plugins, grounds).cells}


def test_a_key_hangs_on_no_source_and_no_release_of_a_built_in_part(
    plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [cell.key for cell in planned(BASE, plugins).cells]
    monkeypatch.setattr(type(plugins.parts[0]), "source_digest", lambda self: "another source")
    newer = replace(plugins, parts=tuple(replace(part, version="99.0") for part in plugins.parts))
    assert [cell.key for cell in planned(BASE, newer).cells] == before


def test_a_part_of_another_version_is_in_other_cells_only(plugins: Plugins) -> None:
    def declaring(name: str, version: int) -> Plugins:
        parts = [
            replace(part, record=replace(part.record, version=version)) if part.record.name == name else part
            for part in plugins.parts
        ]
        return replace(plugins, parts=tuple(parts))

    before = [cell.key for cell in planned(BASE, plugins).cells]
    assert [cell.key for cell in planned(BASE, declaring("conv7", 1)).cells] == before
    fit, train, evaluate = [cell.key for cell in planned(BASE, declaring("conv7", 2)).cells]
    assert fit == before[0]
    assert train != before[1]
    assert evaluate != before[2]
    drawn = plugins.find("dataset", "procedural-faces")
    for version, same in ((1, True), (2, False)):
        part = ResolvedPart(replace(drawn, record=replace(drawn.record, version=version)), ftbench.Parameters())
        grounds = replace(GROUNDS, data_part=part)
        assert ([cell.key for cell in planned(BASE, plugins, grounds).cells] == before) is same


def test_weights_count_by_content(plugins: Plugins, tmp_path: Path) -> None:
    file = tmp_path / "w.pth"
    data = changed(matrix={"encoder": {"name": "unet-resnet18", "weights": str(file)}})
    identities = set()
    for content in (b"1", b"2", b"1"):
        file.write_bytes(content)
        identities.add(planned(data, plugins).cells[-1].key)
    assert len(identities) == 2
    elsewhere = tmp_path / "moved.pth"
    elsewhere.write_bytes(b"1")
    data["matrix"]["encoder"]["weights"] = str(elsewhere)
    assert planned(data, plugins).cells[-1].key in identities


def test_a_record_that_is_older_than_the_field_stays_strict_and_a_declared_version_frees_it(plugins: Plugins) -> None:
    class Older:
        """A record as a third party's release of yesterday pickled or built it: it has no version at all."""

        def __init__(self, record: ftbench.Decoder) -> None:
            self.record = record

        def __getattr__(self, name: str) -> Any:
            if name == "version":
                raise AttributeError(name)
            return getattr(self.record, name)

    conv7 = plugins.find("decoder", "conv7")

    class Guest(type(conv7)):  # type: ignore[misc]
        """Of another distribution, with a source of its own."""

        source = "one"

        def source_digest(self) -> str:
            return self.source

    def keys(record: Any) -> dict[str, str]:
        guest = Guest(record, "guest", "guest", "1.0", "")
        parts = [guest if part.record is conv7.record else part for part in plugins.parts]
        return {cell.kind: cell.key for cell in planned(BASE, replace(plugins, parts=parts)).cells}

    before, declared = keys(Older(conv7.record)), keys(replace(conv7.record, version=1))
    Guest.source = "two"
    after = keys(Older(conv7.record))
    assert before["fit"] == after["fit"]
    assert before["train"] != after["train"]
    assert keys(replace(conv7.record, version=1)) == declared
    assert keys(replace(conv7.record, version=2))["train"] != declared["train"]


@pytest.mark.parametrize("version", [0, -1, "2", 1.5])
def test_a_version_counts_from_one(plugins: Plugins, version: Any) -> None:
    with pytest.raises(ValueError, match=r"^conv7: version is "):
        replace(plugins.find("decoder", "conv7").record, version=version)
