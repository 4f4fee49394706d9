"""The table of what witnesses confirmed: for readers and for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

from ftbench.report.files import write_text
from ftbench.report.layout import Legend
from ftbench.runner.opening import Opened
from ftbench.statistics.estimates import Estimate
from ftbench_deepfakes.witness.verdict import NEEDED, Verdict

CONFIRMED, NOT_CONFIRMED, FAILED = "confirmed", "**not confirmed**", "**failed**"
TITLE = 30
"""Letters that a simulator's name may take before it is explained below: no table is wider than a page."""
COLUMNS = (
    *("simulator", "effect", "n", "confirmed", "share", "low", "high", "holds", "witness_accuracy", "chance"),
    *("fit_steps", "fit_seed", "witness_seed", "note"),
)


def write(folder: Path, opened: Opened, verdicts: Sequence[Verdict], failed: Mapping[str, str], seed: int) -> Path:
    """Write confirmed.csv and confirmed.md into ``folder``; return the latter. ``failed``: label -> why."""
    write_text(folder / "confirmed.csv", _rows(verdicts, opened, seed))
    return write_text(folder / "confirmed.md", _page(verdicts, failed, opened, seed))


def _rows(verdicts: Sequence[Verdict], opened: Opened, seed: int) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    fit = opened.benchmark.fit
    for one in verdicts:
        share = one.confirmed_share
        found = (one.simulator, one.effect, one.n, one.confirmed, share.value, share.low, share.high, one.holds)
        writer.writerow((*found, one.witness_accuracy, one.chance, fit.steps, fit.seed, seed, one.note))
    return buffer.getvalue()


def _page(verdicts: Sequence[Verdict], failed: Mapping[str, str], opened: Opened, seed: int) -> str:
    headings = ("simulator", "", "confirmed, %", "unchanged covers, %", "witness right, %")
    legend = Legend()
    body = [
        (
            legend.fit(one.simulator, TITLE),
            CONFIRMED if one.holds else NOT_CONFIRMED,
            f"{_percent(one.confirmed_share)} (n={one.n})",
            f"{100 * one.chance:.1f}",
            f"{100 * one.witness_accuracy:.1f}",
        )
        for one in verdicts
    ] + [(legend.fit(label, TITLE), FAILED, "", "", "") for label in failed]
    escaped = [[text.replace("|", "\\|") for text in row] for row in body]
    table = tabulate(escaped, headings, tablefmt="github", disable_numparse=True)
    told = [(one.simulator, f"{_sentence(one.effect)} {_sentence(one.note)}".rstrip()) for one in verdicts]
    notes = "\n".join(f"- {label}: {text}" for label, text in [*told, *failed.items()])
    blocks = (_caption(verdicts, opened, seed), table, *legend.lines, notes)
    return "\n\n".join(block for block in blocks if block) + "\n"


def _sentence(text: str) -> str:
    return text and text[:1].upper() + text[1:].rstrip(".") + "."


def _caption(verdicts: Sequence[Verdict], opened: Opened, seed: int) -> str:
    benchmark, data = opened.benchmark, opened.bench.data
    counts = sorted({one.n for one in verdicts})
    facts = (
        f"Benchmark {benchmark.name}",
        f"data {data.name} ({data.digest[:12]})",
        f"scale {opened.scale}",
        f"{data.size}×{data.size} px",
        f"n = {' to '.join(map(str, dict.fromkeys([*counts[:1], *counts[-1:]]))) or '0'} test images",
        f"fitted for {benchmark.fit.steps} steps of {benchmark.fit.batch_size} images, seed {benchmark.fit.seed}",
        f"witnesses' seed {seed}",
    )
    return (
        f"**Are the deepfakes what they say?** {' · '.join(facts)}. A deepfake counts where a classifier that was "
        f"trained apart from it, on real photos alone, confirms its effect on at least {100 * NEEDED:.0f} % of test "
        "faces. Unchanged covers: the share that the same measure takes for fakes when nothing was done. Witness "
        "right: on real test pictures. Brackets: 95 % intervals over images (Wilson)."
    )


def _percent(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"
