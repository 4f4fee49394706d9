"""The page and the code hold the same rules, and the benchmark that is to meet them does."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ftbench.protocol.attacks import found, split
from ftbench.protocol.rules import NEWEST, PROTOCOLS, markdown
from ftbench.storage.manifest import PROTOCOL

DOCS = Path(__file__).parents[2] / "docs" / "protocol.md"
FIELD = Path(__file__).parents[2] / "benchmarks" / "field.yaml"


def test_the_page_says_what_the_code_does() -> None:
    page = DOCS.read_text(encoding="utf-8")
    assert markdown(NEWEST) in page
    assert f"**version {PROTOCOL}**" in page
    assert f"mean PSNR of {NEWEST.psnr:g} dB or more and a mean FLIP of {NEWEST.flip:g} or less" in page
    assert NEWEST.version == PROTOCOL == max(PROTOCOLS)


@pytest.mark.parametrize(("size", "sigma"), [(32, "1"), (63, "1"), (64, "2"), (256, "2")])
def test_every_size_has_each_attack_once(size: int, sigma: str) -> None:
    wanted = NEWEST.at(size)
    names = [one.name for one in wanted]
    assert len(names) == len(set(names)) == 36
    assert f"gaussian-blur sigma={sigma}" in names
    assert {one.kind for one in wanted} == set(NEWEST.kinds)


@pytest.mark.parametrize(("scale", "size"), [("small", 32), ("medium", 64)])
def test_field_runs_what_the_protocol_wants(scale: str, size: int) -> None:
    """Read from the file itself, not from a plan: names and strengths of what it evaluates."""
    file = yaml.safe_load(FIELD.read_text(encoding="utf-8"))
    asked = {**file["evaluate"], **file["scales"][scale]["evaluate"]}
    simulators = [one if isinstance(one, dict) else {"name": one} for one in asked["simulators"]]
    labels = {
        one["name"] + (f" by={one['by']}" if "by" in one else ""): one for one in simulators if one["name"] != "none"
    }
    plain = {"edit-attribute": {"amount": 1.0}, "resynthesise": {"strength": 1.0}, "regenerate": {"noise": 0.1}}
    parts = {
        one["name"]: [{"trained_on": "train", "strength": 1.0, **plain.get(one["name"].removesuffix("-2"), {}), **one}]
        for one in labels.values()
    }
    distortions = []
    for one in asked["distortions"]:
        named = dict(one) if isinstance(one, dict) else {"name": one}
        if steps := named.pop("steps", None):
            told = [f"{s['name']}({k}={v})" for s in steps for k, v in s.items() if k != "name"]
            distortions.append("chain steps=" + ">".join(told))
            continue
        ((name, values),) = [(named.pop("name"), list(named.items()) or [("", "")])]
        for key, value in values:
            for each in value if isinstance(value, list) else [value]:
                distortions.append(f"{name} {key}={each}".removesuffix(" ="))
    attacks = [(simulator, "identity") for simulator in ["none", *labels]]
    attacks += [(simulator, distortion) for simulator in ["none", *labels] for distortion in distortions]
    lacking = {one.name: found(one, attacks, parts)[1] for one in NEWEST.at(size)}
    assert not {name: why for name, why in lacking.items() if why}
    assert asked["limit"] >= NEWEST.images
    assert asked["draws"] >= NEWEST.draws
    assert max(held for held in asked["psnr"] if held != "own") >= NEWEST.psnr


def test_labels_are_the_same_however_numbers_are_written() -> None:
    assert split("rotation angle=10") == split("rotation angle=10.0")
    assert split("rotation angle=10") != split("rotation angle=12")
    assert split("flip") == ("flip", {})


def test_a_weaker_attack_is_not_the_one_that_is_wanted() -> None:
    reenact = next(one for one in NEWEST.at(32) if one.simulator == "reenact")
    weak = {"reenact": [{"strength": 1.0, "trained_on": "train"}]}
    assert found(reenact, [("reenact", "identity")], weak) == (None, "strength 1, at least 1.75 wanted")
    both = {"reenact": [*weak["reenact"], {"strength": 2.0, "trained_on": "train"}]}
    attacks = [("reenact strength=1", "identity"), ("reenact strength=2", "identity")]
    assert found(reenact, attacks, both) == (attacks[1], "")
    twin = next(one for one in NEWEST.at(32) if one.simulator == "swap-any-2")
    parts = {"swap-any-2": [{"trained_on": "train"}]}
    assert found(twin, [("swap-any-2", "identity")], parts)[1] == "fitted on train, reserve wanted"
    assert found(twin, [("swap-any", "identity")], parts)[1] == "not run"
    assert found(twin, [("swap-any-2", "identity")], {})[1] == "of a strength that the folder does not say"


def test_a_second_mark_by_another_pair_is_another_attack() -> None:
    own, other = (one for one in NEWEST.at(32) if one.kind == "second marks")
    attacks = [("re-embed by=compact", "identity"), ("re-embed", "identity")]
    assert found(own, attacks, {})[0] == attacks[1]
    assert found(other, attacks, {})[0] == attacks[0]
