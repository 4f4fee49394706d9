"""The main table, for programs: one row a cell, every measure a column."""

from __future__ import annotations

from collections.abc import Sequence

from ftbench.report.measures import identities, reached, readings, simulators
from ftbench.report.quality import PEOPLE_SHOWN
from ftbench.report.result import display_labels
from ftbench.report.sample import Sample, measured
from ftbench.report.scores import Scores, scores_of
from ftbench.report.table import Column, Measured, Table, make_table, unique_names
from ftbench.storage.results import MARKED, PSNR_SSIM, UNDISTORTED, UNMARKED, CellResult, MetricInfo

REACHED = "reached_db"
_FIXED = ("cell", "label", "status", "payload_bits", "code_bits", REACHED)


def main_table(
    results: Sequence[CellResult],
    metrics: Sequence[MetricInfo] = PSNR_SSIM,
    scores: Sequence[Scores] = (),
) -> Table:
    """One row a cell: bits and words read, after the channel code where there is one, and image quality.

    CSV names: ``<marked|simulator|unmarked>_raw_bit_accuracy`` and ``_raw_word_accuracy``,
    ``…_payload_bit_accuracy`` and ``…_payload_word_accuracy``, ``<metric>_all`` and
    ``<metric>_<identity>``; each with ``_value``, ``_low``, ``_high`` and ``_n``. Rates lie in 0..1. ``reached_db``
    is there where a row's PSNR is not what was asked for. ``scores`` are those of the results, where somebody has them.
    """
    coded = any(result.coded for result in results)
    attacks, settings, people = _attacks(results), _settings(results), _people(results)
    off = {result.cell: found for result in results if (found := reached(result))}
    columns = [Column("label", "setting"), Column("status", "status"), Column("cell", "cell")]
    columns += [Column(key, name) for name, key in settings.items()]
    columns += [Column("payload_bits", "payload bits"), Column("code_bits", "code bits")]
    columns += [Column(REACHED, "reached dB")] if off else []
    for kind in ("raw", "payload") if coded else ("raw",):
        for simulator, key in attacks.items():
            if simulator != UNMARKED or kind == "raw":
                columns.append(_rate(f"{key}_{kind}_bit_accuracy"))
            if simulator != UNMARKED:
                columns.append(_rate(f"{key}_{kind}_word_accuracy"))
    columns += [
        Column(f"{metric.name}_{key}", metric.name, metric.digits, counts_identical=metric.unit == "dB")
        for metric in metrics
        for key in people.values()
    ]
    samples: dict[tuple[int, str], Sample | None] = {}
    for number, one in enumerate(scores or map(scores_of, results)):
        for simulator, key in attacks.items():
            attack = [(simulator, UNDISTORTED)]
            samples[number, f"{key}_raw_bit_accuracy"] = one.bits_read(attack)
            samples[number, f"{key}_raw_word_accuracy"] = one.words_read(attack, code=True)
            if coded:
                samples[number, f"{key}_payload_bit_accuracy"] = one.bits_read(attack, payload=True)
                samples[number, f"{key}_payload_word_accuracy"] = one.words_read(attack)
        for who, key in people.items():
            samples |= {
                (number, f"{metric.name}_{key}"): one.quality.sample(metric.name, who=who) for metric in metrics
            }
    entries = measured({key: sample for key, sample in samples.items() if sample is not None})
    by_cell: dict[int, dict[str, Measured]] = {}
    for (number, key), entry in entries.items():
        by_cell.setdefault(number, {})[key] = entry
    rows = []
    for number, (label, result) in enumerate(zip(display_labels(results, loud=False), results, strict=True)):
        row: dict[str, str | Measured] = {
            "label": label, "status": result.status.upper() if result.stalled else result.status,
            "cell": result.cell, "payload_bits": str(result.bits), "code_bits": str(result.code_bits),
            **{key: result.settings.get(name, "") for name, key in settings.items()},
        }  # fmt: skip
        if result.cell in off:
            held, mean = off[result.cell]
            row[REACHED] = f"{held.measured(mean)}, asked {held.measured(held.value)}".replace(" dB", "")
        row |= by_cell.get(number, {})
        rows.append(row)
    return make_table("main", "Every cell", columns, rows, printed=False)


def _rate(key: str) -> Column:
    return Column(key, key.replace("_", " "), digits=2, scale=100.0)


def _attacks(results: Sequence[CellResult]) -> dict[str, str]:
    """Simulator → stem of its CSV names: marked, each deepfake, the control."""
    found = {MARKED: "marked"} | unique_names(simulators(results), taken=("marked", "unmarked"))
    if any(not readings(result, UNMARKED).empty for result in results):
        found[UNMARKED] = "unmarked"
    return found


def _people(results: Sequence[CellResult]) -> dict[str | None, str]:
    people: dict[str | None, str] = {None: "all"}
    shown = identities(results)
    if 1 < len(shown) <= PEOPLE_SHOWN:
        names = unique_names(shown, taken=("all",))
        people |= {who: names[who] for who in shown}
    return people


def _settings(results: Sequence[CellResult]) -> dict[str, str]:
    """Setting → its CSV name, in order of appearance."""
    return unique_names(dict.fromkeys(name for result in results for name in result.settings), taken=_FIXED)
