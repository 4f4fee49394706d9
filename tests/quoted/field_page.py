"""What docs/field.md quotes: bits read wrongly at medium."""

from __future__ import annotations

from collections.abc import Iterator

from tests.quoted.kept import Row, interval, row, wrong

FIELD = "field/many_identities-medium"
PAIRS = ("compact 32 dB at own", "compact 32 dB at 38 dB", "sepmark 32 dB at own", "sepmark 32 dB at 38 dB")


def quotes() -> Iterator[str]:
    """The four last columns of each row."""

    def cells(stem: str, of: str = "main") -> str:
        return " | ".join(wrong(row(FIELD, of, label=pair), stem) for pair in PAIRS)

    def after(pair: str, distortion: str) -> Row:
        return row(FIELD, "distortions", label=pair, distortion=distortion, simulator="none")

    yield f"| {' | '.join(interval(row(FIELD, 'main', label=pair), 'ssim_all', 3, 1) for pair in PAIRS)} |"
    yield f"| marked, untouched | | | {cells('marked_raw_bit_accuracy')} |"
    yield f"| {cells('distortions_bit_accuracy', 'overall')} |"
    yield f"| {' | '.join(wrong(after(pair, 'jpeg quality=50'), 'raw_bit_accuracy') for pair in PAIRS)} |"
    yield f"| 1 | {cells('swap_any_raw_bit_accuracy')} |"
    for title, stem in {
        "identity swap, its twin": "swap_any_2", "reenactment, trained against": "reenact",
        "attribute editing, trained against": "edit_attribute", "entire synthesis, trained against": "resynthesise",
        "marked again by the same encoder": "re_embed", "mean mark taken off": "averaging",
    }.items():  # fmt: skip
        # Between the title and these cells stand published figures and aims.
        yield f"| {title} | "
        yield f"| {cells(f'{stem}_raw_bit_accuracy')} |"
