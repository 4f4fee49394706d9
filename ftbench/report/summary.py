"""What the report says of each setting: results in, tables out, nothing written."""

from __future__ import annotations

from collections.abc import Sequence

from ftbench.report.measures import (
    FAKE,
    bit_accuracies,
    bit_accuracy,
    faked_simulators,
    identities,
    mean_quality,
    qualities,
    reached,
    readings,
    simulators,
    word_accuracy,
)
from ftbench.report.result import (
    MARKED,
    PSNR_SSIM,
    UNDISTORTED,
    UNMARKED,
    CellResult,
    MetricInfo,
    display_labels,
)
from ftbench.report.table import CSV_ONLY, NO_CELL, Column, Measured, Table, make_table, unique_names

STALLED_NOTE = "STALLED: training never left bit accuracy one half; the pair has not learned to read."
CONTROL_NOTE = "Control: the decoder read the unmarked cover; a sound decoder stays near 50 %."
REACHED_NOTE = (
    "Reached dB: residuals were scaled to the asked PSNR, but saturated pixels keep some of them from it; "
    "a row that stays above has the weaker mark, and is not of equal quality."
)
PEOPLE_SHOWN = 6
"""More people than this are reported together alone: a column for each would bury the table."""

NO_FAKE = "No deepfake was applied: there is nothing to compare."

READING, PAYLOAD, QUALITY = "Bits read, %", "Payload decoded, %", "Marked against cover"
REACHED = "reached_db"
_FIXED = ("cell", "label", "status", "payload_bits", "code_bits", REACHED)


def main_table(results: Sequence[CellResult], metrics: Sequence[MetricInfo] = PSNR_SSIM) -> Table:
    """One row a setting: bits and words read, after the channel code where there is one, and image quality.

    CSV names: ``<marked|simulator|unmarked>_raw_bit_accuracy`` and ``_raw_word_accuracy``,
    ``…_payload_bit_accuracy`` and ``…_payload_word_accuracy``, ``<metric>_all`` and
    ``<metric>_<identity>``; each with ``_value``, ``_low``, ``_high`` and ``_n``. Rates lie in 0..1. ``reached_db``
    is there where a row's PSNR is not what was asked for.
    """
    coded = any(result.coded for result in results)
    attacks = _attacks(results)
    settings = _settings(results)
    off = {result.cell: found for result in results if (found := reached(result))}
    columns = [*_heading(results, settings), *([Column(REACHED, "reached dB")] if off else [])]
    for simulator, (key, title) in attacks.items():
        columns.append(_rate(f"{key}_raw_bit_accuracy", f"bits, {title}", READING))
        if simulator != UNMARKED:
            columns.append(_rate(f"{key}_raw_word_accuracy", f"words, {title}", READING))
    for simulator, (key, title) in attacks.items() if coded else ():
        if simulator != UNMARKED:
            columns.append(_rate(f"{key}_payload_bit_accuracy", f"payload bits, {title}", PAYLOAD))
            columns.append(_rate(f"{key}_payload_word_accuracy", f"payload words, {title}", PAYLOAD))
    people = _people(results)
    columns += [
        _quality(f"{metric.name}_{key}", f"{_metric_title(metric)}, {title}", metric, QUALITY)
        for metric in metrics
        for key, title in people.values()
    ]
    rows = []
    for label, result in zip(display_labels(results, loud=False), results, strict=True):
        row: dict[str, str | Measured] = _identify(label, result, settings)
        if result.cell in off:
            row[REACHED] = "{1:.2f}, asked {0:.2f}".format(*off[result.cell])
        for simulator, (key, _) in attacks.items():
            read = readings(result, simulator)
            row[f"{key}_raw_bit_accuracy"] = bit_accuracy(read, "code_errors", result.code_bits)
            row[f"{key}_raw_word_accuracy"] = word_accuracy(read, "code_errors")
            row[f"{key}_payload_bit_accuracy"] = bit_accuracy(read, "payload_errors", result.bits)
            row[f"{key}_payload_word_accuracy"] = word_accuracy(read, "payload_errors")
        for metric in metrics:
            for who, (key, _) in people.items():
                row[f"{metric.name}_{key}"] = mean_quality(qualities(result, "marked", who), metric.name)
        rows.append(row)
    notes = _notes(results, settings)
    if off:
        notes.append(REACHED_NOTE)
    if UNMARKED in attacks:
        notes.append(CONTROL_NOTE)
    return make_table("main", "Bits read and image quality", columns, rows, notes)


def fakes_table(results: Sequence[CellResult], metrics: Sequence[MetricInfo] = PSNR_SSIM) -> Table:
    """One row a (setting, simulator): the fake of the marked image against the fake of the cover."""
    people = _people(results)
    columns = [
        Column("cell", "cell", part=CSV_ONLY), Column("label", "setting"), Column("simulator", "simulator"),
        *(
            _quality(f"{metric.name}_{key}", f"{_metric_title(metric)}, {title}", metric, "")
            for metric in metrics
            for key, title in people.values()
        ),
    ]  # fmt: skip
    rows = []
    for label, result in zip(display_labels(results), results, strict=True):
        for simulator in faked_simulators([result]):
            row: dict[str, str | Measured] = {"cell": result.cell, "label": label, "simulator": simulator}
            for metric in metrics:
                for who, (key, _) in people.items():
                    chosen = qualities(result, FAKE + simulator, who)
                    row[f"{metric.name}_{key}"] = mean_quality(chosen, metric.name)
            rows.append(row)
    title = "Fake of the marked image against the fake of its cover"
    return make_table("fakes", title, columns, rows, nothing=NO_FAKE if results else NO_CELL)


def distortion_rows(results: Sequence[CellResult]) -> Table:
    """One row a (setting, distortion, simulator), for the CSV file: ``raw_bit_accuracy_value`` and so on."""
    columns = (
        Column("cell", "cell"), Column("label", "setting"), Column("category", "category"),
        Column("distortion", "distortion"), Column("simulator", "simulator"),
        _rate("raw_bit_accuracy", "bits", ""),
    )  # fmt: skip
    listed, attacks = distortions(results), (MARKED, *simulators(results))
    rows: list[dict[str, str | Measured]] = []
    for label, result in zip(display_labels(results), results, strict=True):
        accuracies = bit_accuracies(result)
        for distortion, category in listed:
            for simulator in attacks:
                if (simulator, distortion) in accuracies:
                    rows.append(
                        {
                            "cell": result.cell, "label": label, "category": category,
                            "distortion": distortion, "simulator": simulator,
                            "raw_bit_accuracy": accuracies[simulator, distortion],
                        }
                    )  # fmt: skip
    return make_table("distortions", "Bits read after a distortion", columns, rows)


def distortion_table(results: Sequence[CellResult], settings_a_part: int = 3) -> Table:
    """One row a distortion, by category in file order; columns are settings × (marked, simulators)."""
    labels = display_labels(results)
    names = {MARKED: "marked"} | {simulator: simulator for simulator in simulators(results)}
    columns = [Column("category", "category"), Column("distortion", "distortion")]
    for index, label in enumerate(labels):
        part = ", ".join(labels[index // settings_a_part * settings_a_part :][:settings_a_part])
        columns += [
            _rate(f"{index}:{simulator}", f"{label}, {name}", f"Bits read, %: {part}")
            for simulator, name in names.items()
        ]
    accuracies = [bit_accuracies(result) for result in results]
    rows: list[dict[str, str | Measured]] = []
    for distortion, category in distortions(results):
        row: dict[str, str | Measured] = {"category": category, "distortion": distortion}
        for index, found in enumerate(accuracies):
            for simulator in names:
                row[f"{index}:{simulator}"] = found.get((simulator, distortion), Measured())
        rows.append(row)
    return make_table("distortions", "Bits read after a distortion", columns, rows)


def distortions(results: Sequence[CellResult]) -> list[tuple[str, str]]:
    """(distortion, category) of every cell, in file order, those of one category together; identity first."""
    seen: dict[str, str] = {}
    for result in results:
        if not result.rows.empty:
            pairs = result.rows[["distortion", "category"]].drop_duplicates("distortion")
            for distortion, category in zip(pairs["distortion"], pairs["category"], strict=True):
                seen.setdefault(str(distortion), str(category))
    order = list(dict.fromkeys(seen.values()))
    return sorted(seen.items(), key=lambda pair: (pair[0] != UNDISTORTED, order.index(pair[1])))


def _rate(key: str, title: str, part: str) -> Column:
    return Column(key, title, digits=2, scale=100.0, part=part)


def _quality(key: str, title: str, metric: MetricInfo, part: str) -> Column:
    return Column(key, title, digits=metric.digits, counts_identical=metric.unit == "dB", part=part)


def _metric_title(metric: MetricInfo) -> str:
    return metric.name.upper() + (f" {metric.unit}" if metric.unit else "")


def _attacks(results: Sequence[CellResult]) -> dict[str, tuple[str, str]]:
    """Simulator → (stem of its CSV names, words in a heading): marked, each deepfake, the control."""
    found = {MARKED: ("marked", "marked")}
    keys = unique_names(simulators(results), taken=("marked", "unmarked"))
    found |= {name: (key, f"after {name}") for name, key in keys.items()}
    if any(not readings(result, UNMARKED).empty for result in results):
        found[UNMARKED] = ("unmarked", "control")
    return found


def _people(results: Sequence[CellResult]) -> dict[str | None, tuple[str, str]]:
    people: dict[str | None, tuple[str, str]] = {None: ("all", "all")}
    shown = identities(results)
    if 1 < len(shown) <= PEOPLE_SHOWN:
        people |= {who: (key, who) for who, key in unique_names(shown, taken=("all",)).items()}
    return people


def _settings(results: Sequence[CellResult]) -> dict[str, str]:
    """Setting → its CSV name, in order of appearance."""
    return unique_names(dict.fromkeys(name for result in results for name in result.settings), taken=_FIXED)


def _same(results: Sequence[CellResult], setting: str) -> bool:
    return len(results) > 1 and len({result.settings.get(setting, "") for result in results}) == 1


def _heading(results: Sequence[CellResult], settings: dict[str, str]) -> list[Column]:
    """Columns that say which row this is; in print, a setting that all rows share is a note instead."""
    columns = [Column("label", "setting"), Column("status", "status"), Column("cell", "cell", part=CSV_ONLY)]
    columns += [Column(key, name, part=CSV_ONLY if _same(results, name) else READING) for name, key in settings.items()]
    return [
        *columns,
        Column("payload_bits", "payload bits", part=READING),
        Column("code_bits", "code bits", part=READING),
    ]


def _identify(label: str, result: CellResult, settings: dict[str, str]) -> dict[str, str | Measured]:
    row: dict[str, str | Measured] = {
        "label": label, "status": result.status.upper() if result.stalled else result.status,
        "cell": result.cell, "payload_bits": str(result.bits), "code_bits": str(result.code_bits),
    }  # fmt: skip
    return row | {key: result.settings.get(name, "") for name, key in settings.items()}


def _notes(results: Sequence[CellResult], settings: dict[str, str]) -> list[str]:
    shared = [f"{name} {results[0].settings.get(name, '')}" for name in settings if _same(results, name)]
    notes = [f"The same in every row: {', '.join(shared)}."] if shared else []
    if any(result.stalled for result in results):
        notes.append(STALLED_NOTE)
    if len(identities(results)) > PEOPLE_SHOWN:
        notes.append(f"{len(identities(results))} people are shown; image quality is over all of them.")
    return notes
