"""What an overview says, in words: what a newcomer reads first, on the page and on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ftbench.report.table import Column, Measured, format_short

LOOKS = {
    "psnr": "PSNR {} dB",
    "flip": "FLIP {} (0: nothing to see)",
    "ciede2000": "CIEDE2000 {} (1 to 2 is just visible)",
}
"""Metrics that are said in words."""


@dataclass(frozen=True)
class Said:
    """What is said of one line of a table: ``phrase`` of its number, under a heading."""

    about: str
    phrase: str = "{}"
    names: tuple[str, ...] = ()
    """Of each method what its number is of, where that is not the same for all."""


def task(bits: Sequence[int], images: int, draws: int, attacks: int, of_val: bool) -> tuple[str, str]:
    """What was asked of the settings: a heading and a sentence; ``of_val``: of images that chose weights."""
    lengths = " or ".join(dict.fromkeys(map(str, bits)))
    often = "once" if draws == 1 else "twice" if draws == 2 else f"{draws} times"
    changed = f", and read again after each of {attacks} ways to change the picture" if attacks else ""
    seen = "of val, by which the kept weights were chosen" if of_val else "that no training saw"
    return (
        "The task",
        f"{lengths} bits, drawn anew each time, are hidden in each of {images:,} pictures {seen}, {often}"
        f"{changed}. Who guesses reads half of them.",
    )


def in_words(
    said: Mapping[int, Said], entries: Mapping[tuple[int, int], Measured], labels: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """A heading and a text each: of one method its numbers, of several the lowest and the highest and whose they are.

    ``said``: number of a line -> what to say of it; ``entries``: as a table has them, by line and method.
    """
    found: dict[str, list[str]] = {}
    for line, form in said.items():
        values = {
            method: (entry.estimate.value, _number(entry))
            for method in range(len(labels))
            if (entry := entries.get((line, method))) is not None and entry.estimate is not None
        }
        if not values:
            continue
        ends = [choose(values, key=lambda method: values[method][0]) for choose in (min, max)]
        texts = [values[end][1] for end in ends]
        if len(labels) == 1:
            text = _filled(form.phrase, texts[0]) + (f", {form.names[0]}" if form.names else "")
        elif texts[0] == texts[1] and len(values) == len(labels):
            text = _filled(form.phrase, texts[0]) + " of all"
        else:
            names = [f"{labels[end]}{f', {form.names[end]}' if form.names else ''}" for end in ends]
            text = f"{_filled(form.phrase, texts[0])} ({names[0]})"
            text += f" to {texts[1]} ({names[1]})" if len(values) > 1 else ""
        found.setdefault(form.about, []).append(text)
    return tuple((about, "; ".join(texts)) for about, texts in found.items())


def _filled(phrase: str, number: str) -> str:
    # Not by format: the name of a part may hold braces, too.
    return phrase.replace("{}", number, 1)


def _number(entry: Measured) -> str:
    return format_short(entry, Column("", "", 2)).partition(" ")[0]
