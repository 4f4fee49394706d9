"""What encoders, decoders and simulators promise."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ftbench.contract.inputs import EXTRA_INPUTS, STUDIES
from ftbench.pipeline.inputs import Inputs
from ftbench.testing import networks
from ftbench.testing.exam import Exam, build_arguments, settle_size
from ftbench.testing.material import bits, pictures, weights
from ftbench.testing.networks import RANGE_SLACK, Use

BATCH = 2
STUDIED = 4
"""Pictures that an attack is shown before and after marking, and steps of a fit to them."""
FAR = 1.0
"""How far outside [0, 1] an encoder's values may lie: further, and it works on another scale of values."""


def examine_encoder(exam: Exam) -> None:
    """Marks of its size, finite, the same every time; its parameters can be learned if it says so."""
    settle_size(exam)
    _examine(exam, partial(_encoder_use, exam), bits=exam.bits)


def examine_decoder(exam: Exam) -> None:
    """A logit for each bit; gradients as promised."""
    settle_size(exam)
    _examine(exam, partial(_decoder_use, exam), bits=exam.bits)


def examine_simulator(exam: Exam) -> None:
    """Fakes of its size in [0, 1], with the extra inputs that it names; fitted as the harness does it."""
    unknown = [name for name in exam.record.needs if name not in EXTRA_INPUTS]
    if unknown:
        happened = f"it needs {', '.join(unknown)}"
        exam.broken("needs", f"only inputs that the harness has: {', '.join(EXTRA_INPUTS)}", happened)
        return
    settle_size(exam)
    _examine(exam, partial(_simulator_use, exam))


def _examine(exam: Exam, use_at: Any, **objected: int) -> None:
    record, made = exam.record, []
    if STUDIES in getattr(record, "needs", ()) and "steps" in record.parameters.model_fields:
        # A longer fit promises nothing more.
        exam.parameters = exam.parameters.model_copy(update={"steps": STUDIED})
    use: Use = use_at(exam.size)

    def build() -> None:
        made.append(exam.build(**build_arguments(exam, exam.size)))

    if not exam.group(build):
        return
    part = made[0]
    if STUDIES in getattr(record, "needs", ()) and not exam.group(_check_study, exam, part):
        return
    if not exam.group(networks.check_output, exam, part, use):
        return
    network = isinstance(part, nn.Module)
    if record.trainable:
        # Before the rest, so that what training leaves behind is examined too.
        exam.group(_check_fit if record.kind == "simulator" else _check_training, exam, part, use)
    if network:
        exam.group(networks.check_eval, exam, part, use)
    exam.group(networks.check_batch_of_one, exam, part, use)
    if getattr(record, "differentiable", False):
        exam.group(networks.check_gradient_to_image, exam, part, use)
    if network:
        exam.group(_settled_state, exam, part, use)
    exam.group(partial(networks.check_odd_sizes, exam, use_at, **objected))
    exam.group(networks.check_device, exam, part, use)


def _settled_state(exam: Exam, part: nn.Module, use: Use) -> None:
    # An output that is never the same twice cannot show what a state_dict lacks.
    if networks.comparable(exam, use) or not use.repeatable:
        networks.check_state(exam, part, use)


def _rows(exam: Exam) -> int:
    return min(BATCH, exam.record.max_batch or BATCH)


def _encoder_use(exam: Exam, size: int) -> Use:
    batch = _rows(exam)
    covers, codes = pictures(batch, size), bits(batch, exam.bits)
    return Use(
        arguments=lambda rows: (covers[rows].clone(), codes[rows].clone()),
        expected=lambda count: (count, 3, size, size),
        batch=batch,
        low=-FAR,
        high=1 + FAR,
    )


def _decoder_use(exam: Exam, size: int) -> Use:
    batch = _rows(exam)
    images = pictures(batch, size)
    return Use(arguments=lambda rows: (images[rows].clone(),), expected=lambda count: (count, exam.bits), batch=batch)


def _simulator_use(exam: Exam, size: int) -> Use:
    batch = _rows(exam)
    images = pictures(batch, size)
    identity = torch.arange(batch) % (exam.record.people or 2)

    def arguments(rows: slice) -> tuple[Tensor, dict[str, Tensor]]:
        # Whatever a pair would make of an image, for a simulator it is an image.
        shown = images[rows]
        every = Inputs(
            identity=identity[rows].clone(),
            remarked=lambda image: image.flip(-1),
            donor=lambda: shown.flip(-2),
            averaged=lambda: (shown - 0.5) / 64,
            cover=shown.flip(-2),
        )
        return shown.clone(), every.of(exam.record.needs, shown)

    return Use(
        arguments=arguments,
        expected=lambda count: (count, 3, size, size),
        batch=batch,
        low=-RANGE_SLACK,
        high=1 + RANGE_SLACK,
        repeatable=exam.record.deterministic,
    )


def _check_study(exam: Exam, part: Any) -> None:
    """``study`` of an attack that learns from pictures before and after marking: it leaves those as they are."""
    promised = "a study(marked=…, covers=…, generator=…)"
    exam.require(callable(getattr(part, "study", None)), "study", f"it needs {STUDIES}: {promised}", "it has none")
    covers = pictures(STUDIED, exam.size, seed=1)
    given = {"marked": (covers + weights(covers) / 64).clamp(0, 1), "covers": covers}
    before = {name: value.clone() for name, value in given.items()}
    generator = torch.Generator().manual_seed(3)
    exam.run("study", promised, partial(part.study, **given, generator=generator), torch_draws=True)
    same = all(torch.equal(value, given[name]) for name, value in before.items())
    exam.require(same, "study", "pictures that are left as they are", "it changed them in place")


def _check_training(exam: Exam, part: nn.Module, use: Use) -> None:
    """An encoder's or decoder's forward pass in train() has a gradient for its parameters."""
    promised = "trainable: an output in train()"
    exam.run("gradient", promised, part.train, torch_draws=True)

    def loss() -> Tensor:
        arguments = use.arguments(slice(0, use.batch))
        out = exam.call("gradient", promised, part, *arguments, torch_draws=True)
        total: Tensor = (out * weights(out)).sum()
        return total

    try:
        networks.check_gradient_to_parameters(exam, part, loss, "gradient")
    finally:
        part.eval()


def _check_fit(exam: Exam, part: nn.Module, use: Use) -> None:
    """``fit_loss`` of a trainable simulator, on the network as it trains."""
    image, inputs = use.arguments(slice(0, use.batch))
    fit_loss(exam, part, lambda random: (image.clone(), {k: v.clone() for k, v in inputs.items()}, random))


def fit_loss(exam: Exam, part: Any, arguments: Any) -> None:
    """A finite scalar with a gradient, that hangs on the part's state and on the generator alone."""
    check, promised = "fit loss", "a fit_loss(…, generator)"
    exam.require(callable(getattr(part, "fit_loss", None)), check, f"trainable: {promised}", "it has none")
    kept = {key: value.clone() for key, value in part.state_dict().items() if isinstance(value, Tensor)}
    part.train()

    def loss(seed: int) -> Tensor:
        torch.manual_seed(seed)
        given = arguments(torch.Generator().manual_seed(3))
        value: Any = exam.call(check, promised, part.fit_loss, *given)
        exam.require(isinstance(value, Tensor), check, "a scalar tensor", f"it returned a {type(value).__name__}")
        exam.require(value.ndim == 0, check, "a scalar", f"it has shape {tuple(value.shape)}")
        exam.require(bool(value.isfinite()), check, "a finite loss", f"it is {float(value.detach())}")
        checked: Tensor = value
        return checked

    try:
        first: list[Tensor] = []

        def once() -> Tensor:
            first.append(loss(11))
            return first[0]

        networks.check_gradient_to_parameters(exam, part, once, check)
        part.load_state_dict(kept, strict=False)
        if not exam.found("random state"):
            one, two = float(first[0].detach()), float(loss(12).detach())
            same = abs(one - two) <= 1e-5 * max(1.0, abs(one))
            happened = f"from one state and one generator it was {one:.6g} and {two:.6g}"
            exam.require(same, check, "a loss that hangs on state and generator alone", happened)
    finally:
        part.eval()
