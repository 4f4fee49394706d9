"""Damage: every file of a finished run, of the store and of the published folder, hurt in turn.

Must show: whatever was done to a file, ``ftbench run`` ends with tables equal to the originals to the byte, or with a
sentence that names the file; ``plan`` and ``compare`` end with a verdict and no traceback; damage to a published number
is called altered. Never a wrong number.
"""

from __future__ import annotations

import argparse
import functools
import io
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reliability.tiny_run import Ended, TinyRun
from ftbench.claims.audit import faults
from ftbench.console import Console
from ftbench.errors import FtbenchError
from ftbench.runner.opening import Request, open_benchmark
from ftbench.storage.manifest import MANIFEST, open_folder
from ftbench.vouching.standing import Standings
from ftbench.vouching.strays import strays

STORE = ".store"
SILENT = (".lock", "tables.lock")
"""Files without content, which nobody can hurt but by giving them some."""


def main(arguments: list[str]) -> int:
    """Hurt them all; 1 where something was not noticed."""
    parser = argparse.ArgumentParser(prog="damage", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take every N-th trial only")
    given = parser.parse_args(arguments)
    print("must show: the same tables to the byte, or a sentence that names the file; never a wrong number")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as home:
        found = tried(TinyRun(Path(home)), given.every)
    print(f"{time.perf_counter() - began:.0f} s")
    return 1 if found else 0


@dataclass(frozen=True)
class Trial:
    """One file hurt in one way."""

    file: Path
    how: str
    hurt: Callable[[Path], object]


def tried(tiny: TinyRun, every: int = 1) -> int:
    """Run it, hurt what it made, run it again, and so on; how many trials fell short. Prints what was seen."""
    first = tiny.run()
    if first.code:
        raise RuntimeError(f"the run to be hurt did not end well:\n{first.said}")
    kept, original = tiny.home / "kept", tiny.tables()
    shutil.copytree(tiny.results, kept)
    counts: Counter[str] = Counter()
    short = 0
    for trial in list(trials(tiny.results))[::every]:
        tiny.back_to(kept)
        trial.hurt(trial.file)
        wrong = [*_looked_at(tiny, trial), *_run_again(tiny, trial, original, counts)]
        short += bool(wrong)
        for line in wrong:
            print(f"FOUND {trial.file.relative_to(tiny.results)}, {trial.how}: {line}", flush=True)
    told = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
    print(f"{counts.total()} trials: {told}; {short} fell short")
    return short


def trials(results: Path) -> Iterator[Trial]:
    """Every file, and five ways to hurt it."""
    files = sorted(file for file in results.rglob("*") if file.is_file() and file.name not in SILENT)
    for number, file in enumerate(files):
        # Of the same kind where there is one, which is the worst there is: both can be read. Never a copy, which would
        # change nothing, nor one from the other side of the store's wall, which would hurt two things at once.
        within = STORE in file.parts
        others = [one for one in files if (STORE in one.parts) == within and one.read_bytes() != file.read_bytes()]
        like = [other for other in others if other.name == file.name]
        like = like or [other for other in others if other.suffix == file.suffix] or others
        yield Trial(file, "cut", lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]))
        yield Trial(file, "a bit flipped", _flip)
        yield Trial(file, "emptied", lambda path: path.write_bytes(b""))
        yield Trial(file, "deleted", lambda path: path.unlink())
        other = like[number % len(like)]
        yield Trial(file, f"swapped with {other.relative_to(results)}", functools.partial(_swap, other=other))


def _looked_at(tiny: TinyRun, trial: Trial) -> Iterator[str]:
    """What plan and compare make of the damage."""
    published = trial.file.is_relative_to(tiny.tables_folder)
    before = _contents(tiny.results)
    try:
        opened = open_benchmark(Request(str(tiny.file), out=tiny.results), Console(file=io.StringIO()), False)
        standings = Standings(opened.bench.store, opened.bench.plugins, "code")
        strays(opened.plan, standings)
        for cell in opened.plan.cells:
            str(standings.expected(cell).state)
    except FtbenchError as error:
        if trial.file.name not in str(error) and trial.file.parent.name not in str(error):
            yield f"plan's sentence does not name it: {error}"
    except Exception as error:
        yield f"plan: {type(error).__name__}: {error}"
    try:
        told = faults(open_folder(tiny.tables_folder))
        number = published and trial.file.parent.name in ("tables", "rows", "curves")
        if number and not any(trial.file.name in line for line in told):
            yield f"compare does not call it altered: {told}"
        if not published and told:
            yield f"compare calls altered what is not: {told}"
    except FtbenchError as error:
        if trial.file.name != MANIFEST and MANIFEST not in trial.how:
            yield f"compare: {error}"
    except Exception as error:
        yield f"compare: {type(error).__name__}: {error}"
    if _contents(tiny.results) != before:
        yield "plan or compare changed a file"


def _run_again(tiny: TinyRun, trial: Trial, original: dict[str, bytes], counts: Counter[str]) -> Iterator[str]:
    ended = tiny.run()
    if ended.code < 0:
        counts["a traceback"] += 1
        yield f"run: {ended.said.strip().splitlines()[-1]}"
    elif ended.code:
        counts["a sentence"] += 1
        if trial.file.name not in ended.said and trial.file.parent.name not in ended.said:
            yield f"run: exit code {ended.code}, and no sentence names it: {ended.said[-300:]}"
    else:
        counts[_what(trial, ended)] += 1
        made = tiny.tables()
        for name in sorted(made.keys() | original.keys()):
            if made.get(name) != original.get(name):
                yield f"run: {name} is another than before"
        if wrong := faults(open_folder(tiny.tables_folder)):
            yield f"the folder that the run left does not agree with itself: {wrong[0]}"
        if missing := sorted(
            {"curves.png", "samples.png"} - {file.name for file in tiny.tables_folder.glob("*/*.png")}
        ):
            yield f"run: {missing[0]} is not made again"


def _what(trial: Trial, ended: Ended) -> str:
    if "is damaged" in ended.said or "settled anew" in ended.said or "is missing" in ended.said:
        return "noticed aloud and made anew"
    return "made anew" if "done in" in ended.said else "the same tables"


def _contents(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file() and file.name not in SILENT}


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[len(content) * 2 // 3] ^= 1
    path.write_bytes(content)


def _swap(path: Path, other: Path) -> None:
    mine, theirs = path.read_bytes(), other.read_bytes()
    path.write_bytes(theirs)
    other.write_bytes(mine)
