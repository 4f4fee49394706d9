"""What cannot work together, found while planning: each conflict is noted with its place in the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from ftbench.choice import Choice, Chosen, answered, objection_of
from ftbench.components import Codec, Decoder, Encoder, Simulator
from ftbench.errors import BadInput
from ftbench.yamlfile import KeyPath

KNOWN_INPUTS = ("identity", "remarked", "averaged", "donor")
OF_A_PAIR = ("remarked", "averaged")
"""Inputs that only a pair can give: not there yet when a simulator is fitted."""
OF_TESTS = ("averaged",)
"""Inputs that tests alone give: too dear for every step of a training."""
FEWEST_FOR_DONORS = 2


def check_labels(choice: Choice, axis: str, chosen: Sequence[Chosen | None]) -> None:
    """Rows are told apart by their labels."""
    labels = [part.label for part in chosen if part]
    for label in dict.fromkeys(labels):
        if labels.count(label) > 1:
            choice.note(("evaluate", axis), f"{label!r} is named more than once; name it once")


def check_metrics(choice: Choice, metrics: Sequence[Chosen | None], size: int) -> None:
    """A metric once, and of a size that it takes."""
    names = [chosen.called for chosen in metrics if chosen]
    for index, chosen in enumerate(metrics):
        if chosen is None:
            continue
        path = ("evaluate", "metrics", index)
        if names.count(chosen.called) > 1:
            choice.note(path, f"metric {chosen.called!r} is named more than once")
        sentence = objection_of(chosen, {"size": size})
        if sentence:
            choice.note(path, sentence)


def check_simulators(
    choice: Choice, simulators: Sequence[Chosen | None], path: KeyPath, size: int, shown: Mapping[str, int]
) -> None:
    """Sizes and extra inputs of simulators, by their place in a list; ``shown``: people in each split."""
    for number, chosen in enumerate(simulators):
        if chosen is None:
            continue
        record = cast(Simulator, chosen.record)
        _check_size(choice, chosen, record.resolutions, (*path, number), {"size": size})
        for name in record.needs:
            if name not in KNOWN_INPUTS:
                known = ", ".join(KNOWN_INPUTS)
                choice.note((*path, number), f"simulator {record.name!r} needs {name!r}; the harness gives: {known}")
            elif record.trainable and name in OF_A_PAIR:
                choice.note((*path, number), f"simulator {record.name!r} is fitted before any pair, and needs {name!r}")
        if trained_on(chosen) not in shown:
            choice.note(
                (*path, number, "trained_on"), "nobody is set aside for it; give dataset.reserve a share, such as 0.3"
            )
        lonely = [f"{split} shows {people}" for split, people in shown.items() if people < FEWEST_FOR_DONORS]
        if "donor" in record.needs and lonely:
            choice.note(
                (*path, number),
                f"simulator {record.name!r} takes a face from somebody else, so every split must show two people or "
                f"more; {', '.join(lonely)}",
            )


def check_met(choice: Choice, simulators: Sequence[Chosen | None], path: KeyPath) -> None:
    """Simulators that a pair is to be trained against, by their place in a list."""
    for number, chosen in enumerate(simulators):
        if chosen is None:
            continue
        for name in set(chosen.record.needs).intersection(OF_TESTS):
            choice.note(
                (*path, number), f"{chosen.record.name!r} needs {name!r}, which only tests give; name it in evaluate"
            )
        if marks_by(chosen):
            choice.note(
                (*path, number, "by"),
                "another pair marks once more in tests alone; leave it out here, or name it in evaluate",
            )


def marks_by(simulator: Chosen) -> str | None:
    """The encoder whose pair marks once more: what its parameter ``by`` says, or None for the pair under test."""
    return getattr(simulator.parameters, "by", None) if "remarked" in simulator.record.needs else None


def trained_on(simulator: Chosen) -> str:
    """The split that a trainable simulator is fitted on: what its parameter ``trained_on`` says, or train."""
    return str(getattr(simulator.parameters, "trained_on", "train"))


def code_length(choice: Choice, codec: Chosen, bits: int, path: KeyPath) -> int | None:
    """n of a code for ``bits`` of payload, or None after noting that there is none."""
    try:
        n = answered(codec.provided, lambda: _length(codec, bits))
    except BadInput as error:
        choice.note(path, str(error))
        return None
    return n


def check_pair(
    choice: Choice, encoder: Chosen, decoder: Chosen, places: tuple[KeyPath, KeyPath], build: Mapping[str, int]
) -> None:
    """An encoder and a decoder, for a code of ``build["bits"]`` bits and images of ``build["size"]`` px.

    ``places`` are where the file names them.
    """
    record, code_bits = cast(Encoder, encoder.record), build["bits"]
    reader = cast(Decoder, decoder.record)
    to_encoder, to_decoder = places
    _check_size(choice, encoder, record.resolutions, to_encoder, build)
    _check_size(choice, decoder, reader.resolutions, to_decoder, build)
    if record.trainable and not reader.differentiable:
        choice.note(
            to_encoder,
            f"{record.name!r} cannot be trained through {reader.name!r}, which gives no gradient; name another decoder",
        )
    if record.max_bits is not None and code_bits > record.max_bits:
        choice.note(
            ("message", "bits"),
            f"the code has {code_bits} bits and encoder {record.name!r} carries {record.max_bits}",
        )
    if record.pairs_with and reader.name not in record.pairs_with:
        choice.note(
            to_decoder,
            f"encoder {record.name!r} is read by {', '.join(record.pairs_with)}, not {reader.name!r}",
        )


def _check_size(
    choice: Choice, chosen: Chosen, resolutions: tuple[int, ...], path: KeyPath, build: Mapping[str, int]
) -> None:
    if resolutions and build["size"] not in resolutions and chosen.at is None:
        takes = ", ".join(map(str, resolutions))
        choice.note(
            path,
            f"{chosen.record.name!r} takes {takes} px, and dataset.size is {build['size']}; "
            "adapt: resize hands it resized images",
        )
        return
    given = {**build, "size": chosen.at or build["size"]}
    sentence = objection_of(chosen, given)
    if sentence:
        choice.note(path, sentence)


def _length(codec: Chosen, bits: int) -> int:
    try:
        n = cast(Codec, codec.record).length(bits, codec.parameters)
    except ValueError as error:
        # Its own way to say that there is no such code.
        raise BadInput(str(error)) from error
    if not isinstance(n, int) or n < 1:
        raise TypeError(f"its length for {bits} bits is {n!r}, and no whole number from 1 up")
    return n
