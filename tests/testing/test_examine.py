"""The kit finds each fault, says it once, and finds nothing wrong with sound parts and the built-in ones."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import faulty_parts as parts
import faulty_simulators
import numpy as np
import pytest
import torch

import ftbench
from ftbench.errors import BadInput
from ftbench.parts.catalogue import RECORDS, Plugins
from ftbench.testing import CannotExamine, ContractBroken, check, check_decoder, check_simulator, examine, survey


def simulator(factory: str, **fields: Any) -> ftbench.Simulator:
    given = {"differentiable": True, "trainable": False, **fields}
    return ftbench.Simulator(name="some", factory=f"faulty_simulators:{factory}", summary="x", **given)


def encoder(factory: str, **fields: Any) -> ftbench.Encoder:
    return ftbench.Encoder(name="some", factory=f"faulty_parts:{factory}", summary="x", **fields)


def decoder(factory: str, **fields: Any) -> ftbench.Decoder:
    return ftbench.Decoder(name="some", factory=f"faulty_parts:{factory}", summary="x", **fields)


def distortion(factory: str, **fields: Any) -> ftbench.Distortion:
    given = {"differentiable": True, "category": "noise", **fields}
    return ftbench.Distortion(name="some", factory=f"faulty_parts:{factory}", summary="x", **given)


def codec(factory: str, **fields: Any) -> ftbench.Codec:
    given = {"length": parts.twice, **fields}
    return ftbench.Codec(name="some", factory=f"faulty_parts:{factory}", summary="x", **given)


def dataset(factory: str, **fields: Any) -> ftbench.Dataset:
    return ftbench.Dataset(name="some", factory=f"faulty_parts:{factory}", summary="x", **fields)


def metric(factory: str, **fields: Any) -> ftbench.Metric:
    given = {"higher_is_better": False, **fields}
    return ftbench.Metric(name="some", factory=f"faulty_parts:{factory}", summary="x", **given)


SOUND = [
    simulator("Tint"),
    simulator("MovesItsMask"),
    simulator("Learner", trainable=True),
    simulator("DrawsFromTorch", deterministic=False),
    simulator("EvenOnly", objection="faulty_simulators:object_to_odd"),
    simulator("EvenOnly", resolutions=(64, 32)),
    simulator("Tint", max_batch=1, needs=("identity",)),
    simulator("GivesTheSecondMark", needs=("remarked",)),
    encoder("Adds", max_bits=4),
    decoder("DeadUntrained"),
    decoder("Correlates"),
    distortion("Noise"),
    distortion("Noise", parameters=parts.Strength, strength="strength"),
    codec("Parity"),
    dataset("Stripes"),
    metric("Error"),
]

# A record, the check that must find it, and words that its finding must hold.
FAULTY = [
    (simulator("Half"), "output", "(2, 3, 32, 32)"),
    (simulator("Nan"), "finite", "24576 of 24576 values"),
    (simulator("TooBright"), "range", "from 0.2039 to 1.804"),
    (simulator("Double"), "dtype", "float64"),
    (simulator("Mutates"), "input", "changed its image in place"),
    (simulator("Detached"), "gradient", "none reaches it"),
    (simulator("DeadGradient"), "gradient", "zero everywhere for 2 of 2"),
    (simulator("Forgets"), "same output", "differ by up to 0.0"),
    (simulator("DrawsFromTorch"), "random state", "torch's global random state"),
    (simulator("DrawsFromNumpy"), "random state", "numpy's global random state"),
    (simulator("DrawsFromPython"), "random state", "Python's global random state"),
    (simulator("Unregistered"), "device", "a tensor of shape (64,) that was left on the processor"),
    (simulator("MakesOnProcessor"), "device", "a tensor of shape (3, 1, 1) that was left"),
    (simulator("StaysOnProcessor"), "device", "its output is on the processor"),
    (simulator("LearnsInEval"), "eval", "by a call in eval(); it changed seen"),
    (simulator("EvalResets"), "eval", "by eval(); it changed seen"),
    (simulator("Hidden"), "state_dict", "it differs by up to"),
    (simulator("BatchMean"), "batch of one", "differ by up to"),
    (simulator("OneImageFails"), "batch of one", "shape (1, 3, 64, 64)"),
    (simulator("EvenOnly"), "odd sizes", "shape '[2, 3, 18, 2, 18, 2]' is invalid"),
    (simulator("Tint", objection="faulty_simulators:object_by_number"), "objection", "it answered 3"),
    (simulator("Prints"), "standard output", "it printed 'swapping'"),
    (simulator("PrintsPastPython"), "standard output", "it printed 'swapping'"),
    (simulator("ChangesDtype"), "process", "from torch.float32 to torch.float64"),
    (simulator("ChangesThreads"), "process", "torch's number of threads"),
    (simulator("ChangesEnvironment"), "process", "FTBENCH_TEST_LEFT_BEHIND"),
    (simulator("ChangesFolder"), "process", "to /"),
    (simulator("Exits"), "build", "SystemExit: 3"),
    (simulator("NoSuchThing"), "factory", "'NoSuchThing'"),
    (simulator("not_callable"), "factory", "is not callable"),
    (simulator("Tint", needs=("identity", "source_face")), "needs", "it needs source_face"),
    (simulator("Tint", parameters=parts.Strength), "parameters", "'strength'"),
    (simulator("Tint", parameters=parts.TakesAll), "parameters", "no_such_parameter=1 was accepted"),
    (simulator("VectorLoss", trainable=True), "fit loss", "shape (2,)"),
    (simulator("GlobalLoss", trainable=True), "random state", "torch's global random state"),
    (simulator("Frozen", trainable=True), "fit loss", "none of 1 parameters requires one"),
    (simulator("Tint", trainable=True), "fit loss", "it has none"),
    (encoder("Ignores"), "gradient", "hangs on no parameter"),
    (decoder("OneLess"), "output", "shape (2, 7)"),
    (decoder("LeftMemory"), "output", "view"),
    (decoder("plain_function"), "build", "a torch.nn.Module; the factory made a function"),
    (distortion("OwnNoise"), "same output", "differ by up to"),
    (distortion("GlobalNoise"), "random state", "torch's global random state"),
    (distortion("SquareOnly"), "odd sizes", "shape (2, 3, 50, 37)"),
    (distortion("Noise", strength="amount"), "strength", "no such 'amount'"),
    (distortion("Careless", parameters=parts.Unwritable), "parameters", "corner"),
    (distortion("Careless", parameters=parts.NotJson), "parameters", "float"),
    (codec("Signed"), "encode", "256 of 512 values are something else, such as [-1.0]"),
    (codec("Wrong"), "decode", "256 of 256 bits are misread"),
    (codec("Longer"), "encode", "it has shape (32, 17)"),
    (codec("Parity", length=parts.no_length), "length", "for 8 bits it gave 16.0"),
    (dataset("OneKey"), "items", "1 keys are shared"),
    (dataset("OddSplit"), "items", "there is dev"),
    (dataset("Floats"), "output", "float32 (64, 64, 3)"),
    (dataset("Flickers"), "same output", "values of stripe 0 differ"),
    (dataset("Shuffled"), "same output", "the second time they differ"),
    (metric("OneNumber"), "output", "it has shape ()"),
    (metric("Error", higher_is_better=True), "order", "identical images have [0.0, 0.0]"),
]


def named(value: Any) -> str:
    return value.factory.partition(":")[2] if isinstance(value, ftbench.contract.records.Component) else str(value)[:20]


@pytest.mark.parametrize("record", SOUND, ids=named)
def test_a_sound_part_passes(record: Any) -> None:
    check(record)


@pytest.mark.parametrize(("record", "by", "words"), FAULTY, ids=named)
def test_a_fault_is_found_by_its_check_and_by_no_other(record: Any, by: str, words: str) -> None:
    findings = examine(record)
    assert [finding.check for finding in findings] == [by], list(map(str, findings))
    assert words in str(findings[0])
    file, _, line = findings[0].where.rpartition(":")
    assert Path(file).is_file()
    assert int(line) >= 1


def test_a_finding_points_at_the_line_that_raised_and_at_the_line_that_printed() -> None:
    source = Path(faulty_simulators.__file__).read_text(encoding="utf-8").splitlines()
    for factory, text in (("EvenOnly", "blocks = image.reshape"), ("Prints", 'print("swapping")')):
        (finding,) = examine(simulator(factory))
        assert text in source[int(finding.where.rpartition(":")[2]) - 1]


def test_an_examination_leaves_its_caller_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # type: ignore[index, union-attr]  # noqa: NPY002
    for factory in ("ChangesDtype", "ChangesThreads", "ChangesFolder", "ChangesEnvironment", "PrintsPastPython"):
        threads, folder, environment = torch.get_num_threads(), Path.cwd(), dict(os.environ)
        assert examine(simulator(factory))
        assert (torch.get_default_dtype(), torch.get_num_threads(), Path.cwd()) == (torch.float32, threads, folder)
        assert dict(os.environ) == environment
    assert examine(simulator("DrawsFromPython"))
    after = torch.get_rng_state(), np.random.get_state()[1], random.getstate()  # type: ignore[index]  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert np.array_equal(before[1], after[1])
    assert before[2] == after[2]
    assert capfd.readouterr().out == ""


def test_check_raises_with_a_line_a_promise() -> None:
    with pytest.raises(ContractBroken, match="simulator some breaks 1 promise:\n  range: promised values in") as caught:
        check_simulator(simulator("TooBright"))
    assert isinstance(caught.value, AssertionError)
    assert [finding.check for finding in caught.value.report.findings] == ["range"]
    with pytest.raises(TypeError, match=r"check_decoder was given .* no decoder's record"):
        check_decoder(simulator("Tint"))


def test_another_size_is_taken_when_the_part_objects_and_said() -> None:
    report = survey(simulator("EvenOnly", objection="faulty_simulators:object_to_odd"), size=63)
    assert not report.findings
    assert report.notes == ("examined at 64 px: it takes no images of 63",)
    assert survey(simulator("EvenOnly", resolutions=(48,))).notes == ("examined at 48 px: it takes no images of 64",)


def test_other_bits_are_taken_when_the_part_objects_and_said() -> None:
    report = survey(decoder("Correlates", objection="faulty_parts:object_to_bits"))
    assert not report.findings
    assert report.notes == ("examined with 16 bits: it takes no code of 8",)
    with pytest.raises(CannotExamine, match="simulator some objects to all that was tried: no licence here"):
        survey(simulator("Tint", objection="faulty_simulators:object_always"))


def test_a_parameter_that_is_missing_or_wrong_is_no_finding(plugins: Plugins) -> None:
    exported = plugins.find("simulator", "exported").record
    with pytest.raises(CannotExamine, match=r"simulator exported needs --set model=…"):
        examine(exported)
    with pytest.raises(BadInput, match="simulator some: strengt: Extra inputs"):
        examine(simulator("Tint", parameters=parts.Strength), strengt=1.0)


SMALL: dict[str, dict[str, Any]] = {
    "unet-resnet18": {"backbone_options": {"channels": [8, 8, 8, 8]}, "up_width": 0.02, "stem_channels": 8},
    "conv7": {"width": 0.03},
    "faceswap": {"width": 0.06, "latent": 16},
    "faceswap-pasted": {"width": 0.06, "latent": 16},
    "faceswap-residual": {"width": 0.06, "latent": 8},
    "procedural-faces": {"images_per_identity": 4},
    "learned": {"width": 32},
}


# Its network takes ten seconds at the one size that it works at; ``ftbench check ftbench`` has the time.
SLOW = {"rivagan"}


def test_every_built_in_part_keeps_its_promises(plugins: Plugins) -> None:
    examined, left_out = set(), []
    for provided in plugins.parts:
        record = provided.record
        if provided.distribution == "ftbench" and record.name not in SLOW:
            try:
                check(record, size=32, **SMALL.get(record.name, {}))
            except CannotExamine as reason:
                left_out.append(str(reason))
            else:
                examined.add((record.kind, record.name))
    # A network's file, or a library that is an extra: neither can be had here.
    assert all(re.search(r"--set (model|weights)=|not installed|cannot be imported", reason) for reason in left_out), (
        left_out
    )
    assert len(examined) > 40
    assert {kind for kind, _ in examined} == set(RECORDS)


def test_importing_the_kit_imports_no_torch() -> None:
    script = (
        "import sys, ftbench.testing, ftbench.testing.pytest_plugin, ftbench.cli.check; "
        "heavy = {'torch', 'numpy', 'pandas', 'ftbench.parts.catalogue'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
