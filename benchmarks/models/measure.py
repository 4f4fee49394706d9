"""The table of a model's card: ``python -m benchmarks.models.measure MODEL PICTURES > table.md``.

Every picture gets a drawn payload at the model's own PSNR, is damaged, and is read as ``extract`` reads it, without
knowing the payload. Two methods of the invisible-watermark library mark the same pictures at 40 dB and meet the same
damages. Intervals are over pictures.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tabulate import tabulate
from torch import Tensor

from benchmarks.models import chances, deepfakes, methods, unmarked
from benchmarks.models.damages import DAMAGES, Damage
from benchmarks.models.methods import Method
from ftbench.console import Console
from ftbench.errors import FtbenchError
from ftbench.marking import finding, given, payloads, pictures, presence, sources
from ftbench.marking.load import load_model
from ftbench.marking.placements import Way
from ftbench.marking.tracing import tensor
from ftbench.parts.discovery import discover
from ftbench.progress import Progress, begin
from ftbench.statistics.estimates import clustered_rate, mean_over_images, wilson
from ftbench_metrics.ciede2000 import Ciede2000
from ftbench_metrics.flip import Flip
from ftbench_metrics.quality import Psnr, Ssim

QUALITY: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], int]] = {
    "PSNR, dB": (Psnr(), 2),
    "SSIM": (Ssim(), 4),
    "FLIP": (Flip(), 4),
    "mean CIEDE2000": (Ciede2000(), 2),
}
"""Of the marked picture as a whole at its own size, and how many digits are shown."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what was measured as Markdown; what is going on goes to the errors."""
    asked = _parser().parse_args(arguments)
    try:
        print(measured(asked))
    except FtbenchError as error:
        sys.exit(f"measure: {error}")


def measured(asked: argparse.Namespace) -> str:
    """The tables and what is said of them."""
    model = given.with_tag(load_model(asked.model, asked.setting, asked.store), asked.tag)
    told = finding.rules(model, asked.false_positives, asked.seconds, presence.PUBLIC)
    # By the processor's clock: the same on a busy machine.
    rules = finding.Rules(told.bound, told.seconds, told.key, time.process_time, Way(asked.outside, asked.step))
    name = asked.called or model.label
    console = Console(stderr=True)
    said = []
    if not asked.only_unmarked:
        covers = list(_images(asked.pictures, asked.count))
        rivals = [] if asked.alone else methods.rivals()
        compared = [methods.ours(model, rules, name), *rivals]
        fakes = deepfakes.damages(asked.deepfakes, discover(), covers) if asked.deepfakes else {}
        rows = tuple(asked.only or [""])
        chosen = {name: damage for name, damage in {**DAMAGES, **fakes}.items() if name.startswith(rows)}
        progress = begin("measure", console)
        table = tabulate(
            list(_rows(compared, covers, chosen, progress)),
            headers="keys",
            tablefmt="github",
            disable_numparse=True,
        )
        beside = [method.name for method in rivals]
        said += [_caption(asked.pictures, covers, name, rules, beside, bool(fakes)), table]
    if asked.unmarked:
        progress = begin("unmarked pictures", console)
        done = unmarked.count(model, asked.unmarked, asked.unmarked_count, rules, asked.kept, progress)
        said.append(unmarked.sentence(done, model, rules, asked.unmarked))
    if asked.looks:
        progress = begin("looks at unmarked pictures", console)
        looked = chances.count(model, asked.looks, asked.looks_count, asked.owners, rules, asked.looks_kept, progress)
        said.append(chances.tables(looked, asked.owners, rules, model, asked.looks))
    return "\n\n".join(said)


def _caption(
    folder: Path, covers: Sequence[object], name: str, rules: finding.Rules, rivals: Sequence[str], faked: bool
) -> str:
    beside = (
        f"Beside it {' and '.join(rivals)} of the invisible-watermark library, {methods.BITS} bits, their change "
        f"scaled to {methods.PSNR:g} dB (dwtDctSvd with a step of {methods.SCALE:g}), which read the copy as it comes."
        if rivals
        else "The invisible-watermark library was left out, or is not installed, so nothing stands beside it."
    )
    without = "" if faked else " Deepfakes were left out: no store of fits was named."
    return (
        f"{len(covers)} pictures of `{folder.name}` that no network saw, a drawn payload each; bits read, % [95 % "
        f"interval over pictures]. {name} searches for {rules.seconds:g} s of a processor at most. Named by its check: "
        f"the check within the payload is right. Named among {len(covers)}: compared with the payloads of all pictures "
        f"of the table, as `--among` does with a register. {beside}{without}"
    )


def _rows(
    compared: Sequence[Method], covers: Sequence[Image.Image], damages: dict[str, Damage], progress: Progress
) -> Iterator[dict[str, str]]:
    whole = [tensor(np.array(cover)) for cover in covers]
    words = [[method.draw() for _ in covers] for method in compared]
    marked = [
        [method.mark(cover, word) for cover, word in zip(whole, drawn, strict=True)]
        for method, drawn in zip(compared, words, strict=True)
    ]
    for name, (metric, digits) in QUALITY.items():
        found = [[_compared(metric, *pair) for pair in zip(whole, one, strict=True)] for one in marked]
        yield {"": name, **{method.name: _mean(one, digits) for method, one in zip(compared, found, strict=True)}}
    progress.start(len(damages) * len(compared) * len(covers))
    try:
        for done, (name, damage) in enumerate(damages.items()):
            row = {"": name}
            for place, method in enumerate(compared):
                row |= _read(method, marked[place], words[place], damage)
                progress.advance((done * len(compared) + place + 1) * len(covers), {})
            yield row
    finally:
        progress.stop()


def _read(method: Method, marked: Sequence[Tensor], words: Sequence[str], damage: Damage) -> dict[str, str]:
    right, named, among, seconds = [], 0, 0, []
    known = finding.Candidates(tuple(map(finding.Known, words)))
    for number, (pixels, word) in enumerate(zip(marked, words, strict=True)):
        image = Image.fromarray(pixels.permute(1, 2, 0).numpy())
        sent = tensor(np.array(damage(image, np.random.default_rng(number)).convert("RGB")))
        begun = time.process_time()
        read = method.read(sent)
        seconds.append(time.process_time() - begun)
        right.append(payloads.matches(read.payload, word))
        named += read.marked and read.payload == word
        among += method.name_among is not None and method.name_among(sent, known) == word
    bits = clustered_rate(right, [method.bits] * len(right))
    cells = {method.name: f"{100 * bits.value:.1f} [{100 * bits.low:.1f}, {100 * bits.high:.1f}]"}
    if method.name_among:
        cells["named by its check"] = _share(named, len(words))
        cells[f"named among {len(words)}"] = _share(among, len(words))
        cells["s of a processor: mean, most"] = f"{np.mean(seconds):.2f}, {max(seconds):.2f}"
    return cells


def _share(named: int, count: int) -> str:
    share = wilson(named, count)
    return f"{named} of {count} [{100 * share.low:.0f}, {100 * share.high:.0f} %]"


def _compared(metric: Callable[[Tensor, Tensor], Tensor], cover: Tensor, marked: Tensor) -> float:
    with torch.inference_mode():
        return float(metric(cover[None].float() / 255, marked[None].float() / 255))


def _mean(values: Sequence[float], digits: int) -> str:
    mean = mean_over_images(values)
    return f"{mean.value:.{digits}f} [{mean.low:.{digits}f}, {mean.high:.{digits}f}]"


def _images(folder: Path, most: int) -> Iterator[Image.Image]:
    for source in sources.gather([folder]).pictures[:most]:
        yield Image.fromarray(pictures.read_file(source.path).pixels)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models.measure", description=__doc__)
    parser.add_argument("model", help="a name, a model's folder or a results folder")
    parser.add_argument("pictures", type=Path, help="a folder of pictures that the network never saw")
    parser.add_argument("--count", type=int, default=200, help="how many of them at most")
    parser.add_argument("--called", help="the model's name in the table; default: its own")
    parser.add_argument("--setting")
    parser.add_argument("--store", type=Path)
    parser.add_argument("--tag", type=int)
    parser.add_argument("--seconds", type=float, help="of searching, of a processor; default: as extract")
    parser.add_argument("--outside", choices=("black", "mean"), default=Way.outside, help="of a frame that was cut")
    parser.add_argument("--step", type=float, default=Way.step, help="from one place of a crop to the next, in frames")
    parser.add_argument("--only", action="append", default=[], help="rows that begin so, and no others")
    parser.add_argument("--false-positives", type=float, help="default: as extract")
    parser.add_argument("--alone", action="store_true", help="without the methods that it is compared with")
    parser.add_argument("--deepfakes", type=Path, metavar="STORE", help="a .store with the fits of field.yaml")
    parser.add_argument("--unmarked", type=Path, help="a folder of pictures to count false positives in")
    parser.add_argument("--unmarked-count", type=int, default=20_000, help="pictures and crops of them; default: 20000")
    parser.add_argument("--kept", type=Path, metavar="FILE", help="where that count is kept, to go on from")
    parser.add_argument(
        "--looks", type=Path, nargs="+", metavar="FOLDER", help="of unmarked pictures: how exact is each look"
    )
    parser.add_argument("--looks-count", type=int, default=100, help="of these pictures; default: 100")
    parser.add_argument("--looks-kept", type=Path, metavar="FILE", help="where that count is kept, to go on from")
    parser.add_argument("--owners", type=int, default=200, help="who look at each of them; default: 200")
    parser.add_argument("--only-unmarked", action="store_true", help="count false positives alone")
    return parser


if __name__ == "__main__":
    main()
