"""One problem of a benchmark file is one sentence, with its line and what to write."""

import pytest

from ftbench.benchfile.document import parse
from tests.explained import GOOD, Benchmark, told


def test_the_good_file_is_good():
    assert Benchmark.model_validate(parse(GOOD, "p").data).train.steps == 100


KEYS_OF_LOSS = "its keys are message, image and reduction"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # wrong types
        ("steps: many", "train.steps must be a whole number, got 'many'"),
        ("steps: '5'", "train.steps must be a whole number, got '5'; write 5 without quotes"),
        ("steps: 1_000", "train.steps must be a whole number, got '1_000'; write 1000"),
        ("steps: 5.0", "train.steps must be a whole number, got 5.0; write 5"),
        ("steps: 1e3", "train.steps must be a whole number, got 1000.0; write 1000"),
        ("steps: 1.5", "train.steps must be a whole number, got 1.5"),
        ("steps: true", "train.steps must be a whole number, got true"),
        ("steps:", "train.steps must be a whole number, got null; give it a value, or remove the key"),
        ("steps: []", "train.steps must be a whole number, got an empty list"),
        ("steps: {}", "train.steps must be a whole number, got an empty mapping"),
        ("steps: {a: 1, b: 2}", "train.steps must be a whole number, got a mapping of a and b"),
        ("steps: " + "x" * 200, f"train.steps must be a whole number, got '{'x' * 59}'…"),
        ("limit: x", "train.limit must be a whole number, got 'x'"),
        ("learning_rate: fast", "train.learning_rate must be a number, got 'fast'"),
        (
            "learning_rate: '1e-3'",
            "train.learning_rate must be a number, got '1e-3'; write 0.001 without quotes",
        ),
        ("compile: yes", "train.compile must be true or false, got 'yes'; write true"),
        ("compile: Off", "train.compile must be true or false, got 'Off'; write false"),
        ("compile: 'true'", "train.compile must be true or false, got 'true'; write true without quotes"),
        ("compile: 1", "train.compile must be true or false, got 1"),
        ("title: 5", "train.title must be text, got 5; put it in quotes"),
        ("title: true", "train.title must be text, got true; put it in quotes"),
        ("title: [a]", "train.title must be text, got a list of 1"),
        ("betas: 1", "train.betas must be a list, got 1"),
        ("betas: [1, x]", "train.betas.1 must be a number, got 'x'"),
        ("tree: x", "train.tree must be a mapping, got 'x'; its keys are label and inner"),
        ("weights: {a: x}", "train.weights.a must be a number, got 'x'"),
        ("weights: 3", "train.weights must be a mapping, got 3"),
        # bounds, lengths, patterns
        ("steps: 0", "train.steps must be greater than 0, got 0"),
        ("batch_size: 1", "train.batch_size must be at least 2, got 1"),
        ("batch_size: 5000", "train.batch_size must be at most 4096, got 5000"),
        ("learning_rate: .nan", "train.learning_rate must be greater than 0, got .nan"),
        ("betas: [1]", "train.betas must have at least 2 entries, got a list of 1"),
        ("betas: [1, 2, 3]", "train.betas must have at most 2 entries, got a list of 3"),
        ("by_name: {A1: {}}", "the key A1 of train.by_name must match the pattern ^[a-z]+$"),
        # choices
        ("device: cda", "train.device must be one of 'auto', 'cpu' or 'cuda', got 'cda'; did you mean cuda?"),
        ("device: tpus", "train.device must be one of 'auto', 'cpu' or 'cuda', got 'tpus'"),
        ("device: 3", "train.device must be one of 'auto', 'cpu' or 'cuda', got 3"),
        # keys
        ("stpes: 5", "train has no key stpes; did you mean steps?"),
        ("batchsize: 5", "train has no key batchsize; did you mean batch_size?"),
        ("Learning-Rate: 5", "train has no key Learning-Rate; did you mean learning_rate?"),
        ("batch: 5", "train has no key batch; did you mean batch_size?"),
        ("renamed: 5", "train has no key renamed; its keys are "),
        ("as-writen: 5", "train has no key as-writen; did you mean as-written?"),
        ("by_name: {a: {mesage: 1}}", "train.by_name.a has no key mesage; did you mean message?"),
        ("by_name: {a: {zzz: 1}}", f"train.by_name.a has no key zzz; {KEYS_OF_LOSS}"),
        (
            "tree: {inner: [{inner: [{lable: x}]}]}",
            "train.tree.inner.0.inner.0 has no key lable; did you mean label?",
        ),
        ("'5': 1", "train has no key 5; its keys are "),
        # unions
        ("threads: 0", "train.threads must be at least 1 or 'auto', got 0"),
        ("threads: aut", "train.threads must be a whole number or 'auto', got 'aut'; did you mean auto?"),
        ("threads: '4'", "train.threads must be a whole number or 'auto', got '4'; write 4 without quotes"),
        ("distortion: 3", "train.distortion must be a mapping, got 3"),
        ("distortion: {}", "train.distortion lacks the key kind; add it"),
        (
            "distortion: {kind: jpg}",
            "train.distortion.kind must be one of 'blur' or 'jpeg', got 'jpg'; did you mean jpeg?",
        ),
        ("distortion: {kind: jpeg, qality: 5}", "train.distortion has no key qality; did you mean quality?"),
        ("distortion: {kind: jpeg, quality: 0}", "train.distortion.quality must be at least 1, got 0"),
        ("distortion: {kind: blur, sigma: x}", "train.distortion.sigma must be a number, got 'x'"),
        (
            "either: {kind: jpg}",
            "train.either.kind must be one of 'blur' or 'jpeg', got 'jpg'; did you mean jpeg?",
        ),
        ("either: {kind: blur, sgma: 1}", "train.either has no key sgma; did you mean sigma?"),
        (
            "either: {kind: jpeg, quality: x}",
            "train.either.quality must be a whole number, got 'x'",
        ),
        ("either: 3", "train.either must be a mapping, got 3"),
        # validators
        ("width: 3", "train.width: 3 is odd; choose an even number"),
        ("nested: {mesage: 1}", "train.nested has no key mesage; "),
        # a model that no file can satisfy is its author's fault, and said to be
        ("pair: [1, 2]", "train.pair: its type tuple cannot come from a file; the author should declare "),
        ("colour: red", "train.colour: its type Colour cannot come from a file; the author should declare "),
        ("folder: here", "train.folder: its type Path cannot come from a file; the author should declare "),
    ],
)
def test_one_problem_is_one_sentence(line, expected):
    key = line.partition(":")[0]
    text = GOOD.replace("  steps: 100", f"  {line}") if key == "steps" else GOOD + f"  {line}\n"
    if key == "device":
        text = GOOD.replace("  device: cpu", f"  {line}")
    if key == "distortion":
        text = GOOD.partition("  distortion:")[0] + f"  {line}\n"
    (found,) = told(text)
    number = next(n for n, row in enumerate(text.splitlines(), 1) if row == f"  {line}")
    if expected.endswith(" "):
        assert found.startswith(f"paper.yaml, line {number}: {expected}")
    else:
        assert found == f"paper.yaml, line {number}: {expected}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("encoder: unet", "matrix.encoder must be a list, got 'unet'"),
        ("encoder: [5]", "matrix.encoder.0 must be a mapping or text, got 5; put it in quotes"),
        ("encoder: [a, [b]]", "matrix.encoder.1 must be a mapping or text, got a list of 1"),
        ("encoder: [a, {nam: x}]", "matrix.encoder.1 lacks the key name; add it"),
        ("encoder: [{name: 3}]", "matrix.encoder.0.name must be text, got 3; put it in quotes"),
        ("encoder: [{name: ''}]", "matrix.encoder.0.name must have at least 1 character, got ''"),
        # keys that look like pydantic's names of a union's alternatives
        ("encoder: [{str: x}]", "matrix.encoder.0 lacks the key name; add it"),
        (
            "encoder: [{PartReference: {name: 3}, name: 5}]",
            "matrix.encoder.0.name must be text, got 5; put it in quotes",
        ),
        # values that a validator wrapped: told as they were written
        ("axis: ''", "matrix.axis must have at least 1 character, got ''"),
        ("axis: ['']", "matrix.axis.0 must have at least 1 character, got ''"),
        ("axis: {nam: x}", "matrix.axis lacks the key name; add it"),
        ("axis: {name: 3}", "matrix.axis.name must be text, got 3; put it in quotes"),
        ("axis: [a, {name: 3}]", "matrix.axis.1.name must be text, got 3; put it in quotes"),
        ("axis: 3", "matrix.axis must be a mapping, got 3; its key is name"),
        ("seed: x", "matrix.seed must be a whole number or a list, got 'x'"),
        ("seed: [0, x]", "matrix.seed.1 must be a whole number, got 'x'"),
        (
            "loss: [{}, {reduction: sums}]",
            "matrix.loss.1.reduction must be one of 'sum' or 'mean', got 'sums'; did you mean sum?",
        ),
        ("loss: {message: 1}", "matrix.loss must be a list, got a mapping of message"),
    ],
)
def test_axes(line, expected):
    encoder = "" if line.startswith("encoder") else "  encoder: [unet]\n"
    text = f"name: a\ntrain: {{steps: 1}}\nmatrix:\n  {line}\n{encoder}"
    assert told(text) == [f"paper.yaml, line 4: {expected}"]
