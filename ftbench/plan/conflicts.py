"""What cannot work together, found while planning: each conflict is noted with its place in the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from ftbench.benchfile.document import KeyPath
from ftbench.benchfile.schema import TrainSection
from ftbench.contract.inputs import EXTRA_INPUTS, STUDIES
from ftbench.contract.records import Codec, Decoder, Encoder, Simulator
from ftbench.errors import BadInput
from ftbench.plan.part import ResolvedPart
from ftbench.plan.resolve import Resolver, answered, objection_of

FEWEST_FOR_DONORS = 2
KNOWN_FROM = "train"
"""The split whose images attackers know before and after marking."""


def check_labels(resolver: Resolver, axis: str, chosen: Sequence[ResolvedPart | None]) -> None:
    """Rows are told apart by their labels."""
    labels = [part.label for part in chosen if part]
    for label in dict.fromkeys(labels):
        if labels.count(label) > 1:
            resolver.note(("evaluate", axis), f"{label!r} is named more than once; name it once")


def check_metrics(resolver: Resolver, metrics: Sequence[ResolvedPart | None], size: int) -> None:
    """A metric once, and of a size that it takes."""
    names = [chosen.called for chosen in metrics if chosen]
    for index, chosen in enumerate(metrics):
        if chosen is None:
            continue
        path = ("evaluate", "metrics", index)
        if names.count(chosen.called) > 1:
            resolver.note(path, f"metric {chosen.called!r} is named more than once")
        sentence = objection_of(chosen, {"size": size})
        if sentence:
            resolver.note(path, sentence)


def check_simulators(
    resolver: Resolver,
    simulators: Sequence[ResolvedPart | None],
    path: KeyPath,
    size: int,
    shown: Mapping[str, int],
    landmarks: bool,
) -> None:
    """Sizes and extra inputs of simulators, by their place in a list.

    ``shown``: people in each split; ``landmarks``: whether the data set knows where eyes, nose and mouth are.
    """
    for number, chosen in enumerate(simulators):
        if chosen is None:
            continue
        record = cast(Simulator, chosen.record)
        _check_size(resolver, chosen, record.resolutions, (*path, number), {"size": size})
        for name in record.needs:
            if name not in EXTRA_INPUTS:
                known = ", ".join(EXTRA_INPUTS)
                resolver.note((*path, number), f"simulator {record.name!r} needs {name!r}; the harness gives: {known}")
            elif record.trainable and EXTRA_INPUTS[name].of_a_pair:
                resolver.note(
                    (*path, number), f"simulator {record.name!r} is fitted before any pair, and needs {name!r}"
                )
        if chosen.trained_on not in shown:
            resolver.note(
                (*path, number, "trained_on"), "nobody is set aside for it; give dataset.reserve a share, such as 0.3"
            )
        if "landmarks" in record.needs and not landmarks:
            resolver.note(
                (*path, number),
                f"simulator {record.name!r} is told where eyes, nose and mouth are, which the data set does not say; "
                "write landmarks: true under dataset folder, with ten columns in index.csv or with a detector",
            )
        lonely = [f"{split} shows {people}" for split, people in shown.items() if people < FEWEST_FOR_DONORS]
        if "donor" in record.needs and lonely:
            resolver.note(
                (*path, number),
                f"simulator {record.name!r} takes a face from somebody else, so every split must show two people or "
                f"more; {', '.join(lonely)}",
            )


def check_known(
    resolver: Resolver, simulators: Sequence[ResolvedPart | None], path: KeyPath, images: Mapping[str, int]
) -> None:
    """Whether there are as many pictures as attackers know, in tests; ``images``: of each split."""
    for number, chosen in enumerate(simulators):
        pairs, flat = (chosen and chosen.known) or (0, False)
        have = images.get(KNOWN_FROM, pairs)
        if chosen and pairs > have and not flat:
            resolver.note(
                (*path, number),
                f"{chosen.record.name!r} knows {pairs:,} pictures before and after marking, and the {KNOWN_FROM} split "
                f"has {have:,}; give pairs of {have:,} or fewer, or add images",
            )


def check_met(
    resolver: Resolver, simulators: Sequence[ResolvedPart | None], path: KeyPath, train: TrainSection, pieces: int
) -> None:
    """Simulators that a pair is to be trained against, by their place in a list; ``pieces``: of a batch, at least."""
    # Complementary codes lie on one cover.
    mates = (-(-train.batch_size // 2) if train.complement else train.batch_size) - 1
    for number, chosen in enumerate(simulators):
        if chosen is None:
            continue
        if "averaged" in chosen.record.needs:
            _check_mates(resolver, chosen, (*path, number), mates)
        studies = STUDIES in chosen.record.needs and cast(Simulator, chosen.record).studies_batches
        if studies:
            _check_studies(resolver, chosen, (*path, number), min(pieces, len(simulators)))
        tests_alone = (one for one in chosen.record.needs if one in EXTRA_INPUTS and EXTRA_INPUTS[one].of_tests)
        for name in (one for one in tests_alone if not (studies and one == STUDIES)):
            resolver.note(
                (*path, number), f"{chosen.record.name!r} needs {name!r}, which only tests give; name it in evaluate"
            )
        if chosen.marks_by:
            resolver.note(
                (*path, number, "by"),
                "another pair marks once more in tests alone; leave it out here, or name it in evaluate",
            )


def _check_mates(resolver: Resolver, chosen: ResolvedPart, path: KeyPath, mates: int) -> None:
    """An attack that averages, in training: over other covers of a batch, of which every image has ``mates``."""
    name = chosen.record.name
    if chosen.known is None:
        resolver.note(
            path, f"{name!r} is met in training over other covers of the batch; say over how many: pairs, up to {mates}"
        )
    elif chosen.known[0] > mates and not chosen.known[1]:
        resolver.note(
            path,
            f"{name!r} averages over {chosen.known[0]:,} other covers of the batch, and an image has {mates:,} there; "
            "give fewer pairs or raise train.batch_size",
        )


def _check_studies(resolver: Resolver, chosen: ResolvedPart, path: KeyPath, met: int) -> None:
    """An attack that studies pictures, in training: those of a step that other simulators attack, ``met`` in all."""
    name = chosen.record.name
    if met < 2:
        resolver.note(
            path,
            f"{name!r} studies the images of a step that other simulators attack, and there is no other; name one "
            "beside it, with train.pieces of 2 or more and no pool 'whole'",
        )
    if chosen.known is None or chosen.known[1]:
        resolver.note(path, f"{name!r} studies covers of the batch in training; say how many: pairs, without flat")


def code_length(resolver: Resolver, codec: ResolvedPart, bits: int, path: KeyPath) -> int | None:
    """n of a code for ``bits`` of payload, or None after noting that there is none."""
    try:
        n = answered(codec.provided, lambda: _length(codec, bits))
    except BadInput as error:
        resolver.note(path, str(error))
        return None
    return n


def check_pair(
    resolver: Resolver,
    encoder: ResolvedPart,
    decoder: ResolvedPart,
    places: tuple[KeyPath, KeyPath],
    build: Mapping[str, int],
) -> None:
    """An encoder and a decoder, for a code of ``build["bits"]`` bits and images of ``build["size"]`` px.

    ``places`` are where the file names them.
    """
    record, code_bits = cast(Encoder, encoder.record), build["bits"]
    reader = cast(Decoder, decoder.record)
    to_encoder, to_decoder = places
    _check_size(resolver, encoder, record.resolutions, to_encoder, build)
    _check_size(resolver, decoder, reader.resolutions, to_decoder, build)
    if record.trainable and not reader.differentiable:
        resolver.note(
            to_encoder,
            f"{record.name!r} cannot be trained through {reader.name!r}, which gives no gradient; name another decoder",
        )
    if record.max_bits is not None and code_bits > record.max_bits:
        resolver.note(
            ("message", "bits"),
            f"the code has {code_bits} bits and encoder {record.name!r} carries {record.max_bits}",
        )
    if record.pairs_with and reader.name not in record.pairs_with:
        resolver.note(
            to_decoder,
            f"encoder {record.name!r} is read by {', '.join(record.pairs_with)}, not {reader.name!r}",
        )


def _check_size(
    resolver: Resolver, chosen: ResolvedPart, resolutions: tuple[int, ...], path: KeyPath, build: Mapping[str, int]
) -> None:
    if resolutions and build["size"] not in resolutions and chosen.at is None:
        takes = ", ".join(map(str, resolutions))
        resolver.note(
            path,
            f"{chosen.record.name!r} takes {takes} px, and dataset.size is {build['size']}; "
            "adapt: resize hands it resized images",
        )
        return
    given = {**build, "size": chosen.at or build["size"]}
    sentence = objection_of(chosen, given)
    if sentence:
        resolver.note(path, sentence)


def _length(codec: ResolvedPart, bits: int) -> int:
    try:
        n = cast(Codec, codec.record).length(bits, codec.parameters)
    except ValueError as error:
        # Its own way to say that there is no such code.
        raise BadInput(str(error)) from error
    if not isinstance(n, int) or n < 1:
        raise TypeError(f"its length for {bits} bits is {n!r}, and no whole number from 1 up")
    return n
