"""A model of one's own: a folder of photographs in, a model's folder out, by a benchmark like any other.

Beside the model's folder stands one of the training: the benchmark file, which is ``portrait-256.yaml`` with other
settings and can be run by ``ftbench run``, and what that run keeps.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from ftbench.benchfile import bundled, document
from ftbench.console import Console
from ftbench.errors import BadInput, CannotWrite, CellFailed
from ftbench.marking import catalogue, packed, sources, trained
from ftbench.marking.locate import describe, find
from ftbench.parts.discovery import discover
from ftbench.publish.benchmark import Ran, run_request
from ftbench.runner.opening import Request
from ftbench.storage.store import write_atomically

LIKE = "portrait-256"
FEWEST = 40
"""Photographs: of fewer, val and test hold too few to tell anything."""
LONGEST_CHECK, SHORTEST_CHECK = 16, 12
"""Bits: of a shorter check nothing is left at one false positive in a thousand and a search."""
TRIED = 30
"""Steps that are timed where a training is to end in a given time."""
FOR_STEPS = 0.85
"""Share of that time for the steps; the rest opens the photographs and measures the model."""
FEWEST_STEPS = 100
FURTHER = 2000
"""Steps of a training that goes on from a model."""
TESTED = {"limit": 100, "draws": 1}
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Wish:
    """What a user asks for."""

    photos: Path
    out: Path
    """The model's folder, whose name is the model's."""
    bits: int = 32
    psnr: float = 40.0
    size: int = 256
    steps: int = 8000
    start: Path | None = None
    """A model's folder, whose weights are trained on; None: from nothing."""
    seconds: float | None = None
    """In which it is to end; None: ``steps`` says when."""

    @property
    def beside(self) -> Path:
        """The folder of the training."""
        return self.out.with_name(f"{self.out.name}-training")

    @property
    def tag(self) -> int:
        """Bits of a payload that are a check: half of them, if that is enough for one."""
        half = min(LONGEST_CHECK, self.bits // 2)
        return half if half >= SHORTEST_CHECK else 0


def train(wish: Wish, console: Console) -> catalogue.Entry:
    """Train and pack; the same call again goes on where it stopped.

    Raises BadInput for photographs that are none, too few or too small, for a folder that is there already, and for a
    training in it that was begun with other settings; CellFailed where the training fails.
    """
    _refuse(wish)
    file = wish.beside / "benchmark.yaml"
    steps = wish.steps if wish.seconds is None else _begun(file) or _steps_in(wish, console)
    text = yaml.safe_dump(benchmark(wish, steps), sort_keys=False, allow_unicode=True, width=120)
    if file.exists() and file.read_text(encoding="utf-8") != text:
        raise BadInput(
            f"{wish.beside} holds a training that was begun with other photographs or settings; give the same again, "
            "another --out, or delete that folder"
        )
    _write(file, text)
    console.print(f"{steps:,} steps by {file}; stopped, it goes on with the same command", highlight=False)
    ran = _run(file, wish.beside / "results", console)
    return _packed(wish, ran.folder, file, console)


def benchmark(wish: Wish, steps: int) -> dict[str, Any]:
    """The benchmark file of a training: ours for portraits, with a user's photographs and settings."""
    made = copy.deepcopy(document.read(bundled.find(LIKE)).data)
    del made["scales"]
    made["name"], made["title"] = wish.out.name, f"{wish.bits} bits at {wish.size} px"
    # Photographs of half the size are enlarged twice at most; what is smaller holds nothing to hide a mark in.
    made["dataset"] = {"name": "folder", "path": str(wish.photos.resolve()), "minimum_pixels": wish.size // 2}
    made["dataset"]["size"] = wish.size
    made["message"]["bits"] = wish.bits
    made["matrix"]["loss"]["target_psnr"] = wish.psnr
    for pair in made["matrix"]["pairs"]:
        for part in pair.values():
            part["side"] = wish.size // 2
    made["train"]["steps"] = steps
    if wish.start:
        # It reads already: nothing is gained by learning the message at a low quality first, or by large steps.
        made["train"]["start"] = str((wish.start / catalogue.MODEL_WEIGHTS).resolve())
        made["train"]["curriculum"] |= {"start_psnr": wish.psnr, "ramp": 0.0}
        made["train"]["optimiser"]["learning_rate"] /= 2
    made["train"]["validate_every"] = max(10, min(made["train"]["validate_every"], steps // 4))
    made["evaluate"] |= TESTED
    return made


def _refuse(wish: Wish) -> None:
    if not NAME.fullmatch(wish.out.name):
        raise BadInput(
            f"--out {wish.out}: the folder's name becomes the model's, of small letters, digits and single hyphens"
        )
    if wish.out.exists():
        raise BadInput(f"{wish.out} is there already; name another folder with --out, or delete it")
    if wish.size % 8 or wish.size < 32:
        raise BadInput(f"--size {wish.size}: the network's side is a multiple of 8, 32 or more")
    if wish.start:
        held = catalogue.entry_of(wish.start).settings
        if (held.bits, held.size) != (wish.bits, wish.size):
            raise BadInput(
                f"--from {wish.start.name}: it has {held.bits} bits at {held.size} px, which go on as they are; give "
                f"--bits {held.bits} --size {held.size}"
            )
    if not wish.photos.is_dir():
        raise BadInput(f"there is no folder {wish.photos}; name the one that holds the photographs")
    found = [source for source in sources.gather([wish.photos]).pictures if not source.obstacle]
    if len(found) < FEWEST:
        raise BadInput(f"{wish.photos} holds {len(found)} photographs, and {FEWEST} are needed; hundreds are better")
    large = sum(_shorter_side(source.path) >= wish.size // 2 for source in found)
    if large < FEWEST:
        raise BadInput(
            f"of {len(found)} photographs in {wish.photos} {large} have {wish.size // 2} pixels or more on the shorter "
            f"side, and {FEWEST} are needed; give larger ones or a smaller --size"
        )


def _shorter_side(path: Path) -> int:
    try:
        with Image.open(path) as image:
            return min(image.size)
    # Whatever is wrong with it, it is none; the run says so.
    except Exception:
        return 0


def _begun(file: Path) -> int | None:
    """Steps of a training that was begun: how many fit into a time is settled once."""
    if not file.exists():
        return None
    steps = document.read(file).data.get("train", {}).get("steps")
    return steps if isinstance(steps, int) else None


def _steps_in(wish: Wish, console: Console) -> int:
    """How many steps fit into the time: some are done and timed, in a folder that goes again."""
    assert wish.seconds is not None
    trial = wish.beside / "trial"
    made = benchmark(wish, TRIED)
    made["evaluate"] |= {"limit": 1, "distortions": ["identity"]}
    console.print(f"{TRIED} steps to see how long they take", highlight=False)
    with _gone_after(trial):
        _write(trial / "benchmark.yaml", yaml.safe_dump(made, sort_keys=False, allow_unicode=True))
        ran = _run(trial / "benchmark.yaml", trial / "results", Console(quiet=True))
        summary = json.loads(find(ran.folder).file("done.json").read_text(encoding="utf-8"))
    steps = int(FOR_STEPS * wish.seconds / (float(summary["seconds"]) / TRIED))
    if steps < FEWEST_STEPS:
        raise BadInput(
            f"--for is time for {steps} steps, and of fewer than {FEWEST_STEPS} nothing is learned; give more time or "
            "a smaller --size"
        )
    return steps


@contextmanager
def _gone_after(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(file: Path, out: Path, console: Console) -> Ran:
    ran = run_request(Request(str(file), out=out), console)
    if ran.failed:
        raise CellFailed(f"the training failed: {'; '.join(ran.failed.values())}")
    return ran


def _packed(wish: Wish, results: Path, file: Path, console: Console) -> catalogue.Entry:
    cell = find(results)
    model = trained.load(cell, discover())
    for warning in model.warnings:
        console.print(f"ftbench: {warning}", style="yellow", highlight=False, markup=False, soft_wrap=True)
    tables = [
        (results / "tables" / f"{name}.md").read_text(encoding="utf-8").strip() for name in ("overview", "attacks")
    ]
    card = "\n\n".join(
        [
            f"# {wish.out.name}",
            f"Writes {wish.bits} bits, {wish.tag} of them a check, into pictures of any size; {wish.size} px inside.",
            f"## Data and rights\n\nThe photographs of `{wish.photos.name}`. Whose they are, nobody told ftbench.",
            f"## Recipe\n\n`ftbench run {file.name}`, cell `{cell.path.name}`.",
            "## What it reads",
            *tables,
            "## What it does not survive\n\nWhatever the tables show it does not.",
        ]
    )
    return packed.save(
        wish.out,
        model.pair.state_dict(),
        describe(cell).settings,
        card + "\n",
        key=model.key,
        version=1,
        licence="not stated",
        survives="see its card",
        tag=wish.tag,
    )


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, lambda path: path.write_text(text, encoding="utf-8", newline="\n"))
    except OSError as error:
        raise CannotWrite(f"cannot write {file}: {error.strerror or error}") from error
