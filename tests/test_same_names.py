"""Parts of one name from two distributions: which is meant, and how their rows are told apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ftbench import library
from ftbench.choice import Choice
from ftbench.config import Benchmark
from ftbench.errors import BadInput
from ftbench.plan import Plan, make_plan
from ftbench.plugins import Plugins
from ftbench.yamlfile import parse
from tests.test_plan import BASE, GROUNDS, changed

SHADOWED = ("jpeg", "identity", "psnr", "ssim", "conv7", "unet-resnet18", "faceswap", "none")


@pytest.fixture(scope="module")
def crowded(plugins: Plugins) -> Plugins:
    """The installed parts, and a guest distribution that brings many of the same names."""
    guests = [
        replace(part, distribution="guest", version="1") for part in plugins.parts if part.record.name in SHADOWED
    ]
    return replace(plugins, parts=[*plugins.parts, *guests])


def planned(data: dict[str, Any], plugins: Plugins, ours: bool = False) -> tuple[Plan, Choice]:
    document = parse(yaml.safe_dump(data, sort_keys=False), "test.yaml")
    benchmark = Benchmark.model_validate(document.data)
    choice = Choice(plugins, document, Path("/nowhere"), benchmark.accept_licences, ours)
    return make_plan(benchmark, choice, GROUNDS), choice


def brought(plan: Plan, role: str) -> set[str]:
    return {part.provided.distribution for cell in plan.cells for part in cell.parts.get(role, []) if part}


def test_a_benchmark_of_the_package_means_built_in_parts_and_says_so_once(plugins: Plugins, crowded: Plugins) -> None:
    data = changed(evaluate={"simulators": ["faceswap"], "distortions": ["jpeg", {"name": "jpeg", "quality": 10}]})
    plan, choice = planned(data, crowded, ours=True)
    assert brought(plan, "distortions") == {"ftbench"}
    said = [sentence for sentence in choice.said if "'jpeg'" in sentence]
    assert said == ["distortion 'jpeg' is ftbench's own here; jpeg@guest has to be named so"]
    # Nothing that the guest brings changes what is computed.
    alone, _ = planned(data, plugins, ours=True)
    assert [cell.identity for cell in plan.cells] == [cell.identity for cell in alone.cells]


def test_a_file_of_the_user_must_say_which(crowded: Plugins) -> None:
    with pytest.raises(BadInput, match=r"distortion 'jpeg' is provided more than once; write jpeg@\w+ or jpeg@\w+"):
        planned(
            changed(
                matrix={"encoder": "unet-resnet18@ftbench", "decoder": "conv7@ftbench", "simulator": "none"},
                evaluate={"simulators": ["none"], "distortions": ["jpeg"]},
            ),
            crowded,
        )


def test_what_the_harness_names_by_default_is_built_in(crowded: Plugins) -> None:
    data = changed(
        matrix={"encoder": "unet-resnet18@ftbench", "decoder": "conv7@guest", "simulator": "none"},
        evaluate={"simulators": ["none"]},
    )
    plan, choice = planned(data, crowded)
    assert brought(plan, "metrics") == brought(plan, "distortions") == {"ftbench"}
    assert not choice.said


def test_two_of_one_name_stand_side_by_side(crowded: Plugins) -> None:
    data = changed(
        matrix={
            "encoder": "unet-resnet18@ftbench",
            "decoder": ["conv7@ftbench", "conv7@guest"],
            "simulator": ["faceswap@ftbench", "faceswap@guest"],
        },
        evaluate={
            "simulators": ["faceswap@ftbench", "faceswap@guest"],
            "distortions": ["identity@ftbench", "jpeg@ftbench", "jpeg@guest"],
            "metrics": ["psnr@ftbench", "psnr@guest", "ssim@ftbench"],
        },
    )
    plan, _ = planned(data, crowded)
    assert len({cell.label for cell in plan.evaluations}) == len(plan.evaluations) == 4
    assert {cell.columns["decoder"] for cell in plan.evaluations} == {"conv7@ftbench", "conv7@guest"}
    assert {cell.columns["trained against"] for cell in plan.evaluations} == {"faceswap@ftbench", "faceswap@guest"}
    cell = plan.evaluations[0]
    assert [part.label for part in cell.parts["distortions"]] == ["identity", "jpeg@ftbench", "jpeg@guest"]
    assert [part.called for part in cell.parts["metrics"]] == ["psnr@ftbench", "psnr@guest", "ssim"]
    assert [part.title for part in cell.parts["simulators"]] == ["faceswap@ftbench", "faceswap@guest"]


def test_one_of_a_distribution_is_called_by_its_name_alone(plugins: Plugins) -> None:
    data = changed(evaluate={"simulators": ["none", "faceswap@ftbench"]})
    written, _ = planned(data, plugins)
    bare, _ = planned(BASE, plugins)
    assert [cell.identity for cell in written.cells] == [cell.identity for cell in bare.cells]


def test_which_files_are_the_package_s_own(tmp_path: Path) -> None:
    ours = library.find("quick")
    assert library.is_ours(ours)
    copy = tmp_path / "quick.yaml"
    copy.write_bytes(ours.read_bytes())
    assert not library.is_ours(copy)


def test_a_name_that_no_file_system_takes_is_one_short_sentence() -> None:
    with pytest.raises(BadInput, match="there is no file and no built-in benchmark 'xxx") as raised:
        library.find("x" * 5000)
    assert len(str(raised.value)) < 300
    with pytest.raises(BadInput, match="no built-in benchmark"):
        library.find("a\0b")


def test_the_order_of_tests_decides_no_result(plugins: Plugins) -> None:
    simulators = ["none", "faceswap", {"name": "faceswap", "width": 0.5}]
    tests = {"simulators": simulators, "distortions": ["jpeg", "identity"], "metrics": ["psnr", "ssim"]}
    forth, _ = planned(changed(evaluate=dict(tests)), plugins)
    back, _ = planned(changed(evaluate={key: values[::-1] for key, values in tests.items()}), plugins)
    assert {cell.identity for cell in forth.cells} == {cell.identity for cell in back.cells}
    assert [part.label for part in back.evaluations[0].parts["distortions"]] == ["identity", "jpeg"]
    fewer, _ = planned(changed(evaluate={**tests, "metrics": ["psnr"]}), plugins)
    assert fewer.evaluations[0].identity != forth.evaluations[0].identity
