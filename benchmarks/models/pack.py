"""A trained pair of a results folder becomes a model of the catalogue: ``python -m benchmarks.models.pack``.

Weights go into half precision where pictures read the same with them, and the card says what was measured.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.models import strip
from ftbench.errors import BadInput, FtbenchError
from ftbench.marking import anysize, packed, payloads, pictures, sources, trained
from ftbench.marking.locate import describe, find
from ftbench.marking.tracing import payload_in, tensor
from ftbench.parts.discovery import discover
from ftbench.pipeline.stages import Pair
from ftbench.statistics.estimates import wilson
from ftbench.train.weights import full

QUALITIES = (None, 75, 50)
"""Of the JPEG files in which both precisions are read; None: untouched."""
TABLES = ("overview", "attacks")
"""Of the results, for the card."""
SAME = 5e-4
"""Share of bits that half precision may lose: less is not seen in a table of tenths of a percent."""
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Compared:
    """How one model reads in both precisions."""

    pictures: int
    bits: int
    full: int
    """Bits that were read right with weights of 32 bits, and below with those of 16."""
    half: int

    @property
    def same(self) -> bool:
        """Whether nothing is lost."""
        return self.full - self.half <= SAME * self.bits

    @property
    def sentence(self) -> str:
        """What the card says of it."""
        full, half = (wilson(right, self.bits) for right in (self.full, self.half))
        kept = "half precision" if self.same else "full precision, since half loses bits"
        return (
            f"Weights are kept in {kept}: {self.pictures} pictures, each untouched and as JPEG 75 and 50, read "
            f"{full.value:.4f} of bits right in full precision and {half.value:.4f} in half."
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Pack a model and print where it is."""
    asked = _parser().parse_args(arguments)
    try:
        cell = find(asked.results, asked.setting, asked.store)
        model = trained.load(cell, discover())
        compared = compare(model, list(_covers(asked.pictures, asked.count)))
        network = model.pair
        weights = packed.halved(network) if compared.same else network.state_dict()
        manifest = _manifest(asked.results)
        more = {strip.FILE: strip.strip(model, asked.strip)} if asked.strip else {}
        card = _card(asked, manifest, model, compared)
        entry = packed.save(
            asked.out / asked.name,
            weights,
            describe(cell).settings,
            card,
            key=model.key,
            version=asked.model_version,
            licence=asked.licence,
            survives=asked.survives,
            tag=asked.tag,
            more=more,
        )
        packed.load(asked.out / asked.name, discover())
    except FtbenchError as error:
        sys.exit(f"pack: {error}")
    print(f"{asked.out / asked.name}: {entry.label}, digest {entry.digest[:12]}. {compared.sentence}")


@torch.inference_mode()
def compare(model: trained.Trained, covers: Sequence[Tensor]) -> Compared:
    """Mark covers (3,h,w) uint8 with the model as it is, and read them with its weights in both precisions."""
    pair: Pair = copy.deepcopy(model.pair)
    pair.load_state_dict(full(packed.halved(model.pair)))
    right = {"full": 0, "half": 0}
    bits = 0
    for cover in covers:
        payload = payloads.draw(model.bits)
        marked = anysize.mark(model.pair, cover, model.code(payload), model.size, model.target_psnr)
        for quality in QUALITIES:
            seen = marked if quality is None else _jpeg(marked, quality)
            bits += model.bits
            right["full"] += payloads.matches(payload_in(model, seen), payload)
            right["half"] += payloads.matches(model.payload(anysize.read(pair, seen, model.size)), payload)
    return Compared(len(covers), bits, right["full"], right["half"])


def _jpeg(pixels: Tensor, quality: int) -> Tensor:
    file = io.BytesIO()
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=quality)
    return tensor(np.array(Image.open(file)))


def _covers(folder: Path, most: int) -> Iterator[Tensor]:
    for source in sources.gather([folder]).pictures[:most]:
        yield tensor(pictures.read_file(source.path).pixels)


def _manifest(results: Path) -> dict[str, Any]:
    try:
        held: dict[str, Any] = json.loads((results / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{results} has no manifest that can be read ({error}); name a results folder") from error
    return held


def _card(asked: argparse.Namespace, manifest: dict[str, Any], model: trained.Trained, compared: Compared) -> str:
    code, data = manifest.get("code", {}), manifest.get("data", {})
    tables = [
        f"### {name}\n\n{file.read_text(encoding='utf-8').strip()}\n"
        for name in TABLES
        if (file := asked.results / "tables" / f"{name}.md").is_file()
    ]
    measured = [file.read_text(encoding="utf-8").strip() + "\n" for file in asked.table]
    look = (
        f"![covers, marked pictures, and {strip.TIMES} times the difference]({strip.FILE})\n\nFrom above: "
        f"{len(asked.strip)} covers, the marked pictures, and {strip.TIMES} times the difference about a middle grey. "
        "No network saw these pictures.\n"
    )
    return "\n".join(
        [
            f"# {asked.name}, version {asked.model_version}\n",
            f"Writes {model.bits} bits, {asked.tag} of them a check, into pictures of any size, and reads them; "
            f"{model.size} px inside. {asked.survives}\n",
            "## Data and rights\n",
            f"{asked.rights}\n",
            f"Data set `{data.get('name')}`, digest `{str(data.get('digest'))[:12]}`. The weights: {asked.licence}.\n",
            "## Recipe\n",
            f"`ftbench run benchmarks/{manifest.get('benchmark')}.yaml`, scale `{manifest.get('scale')}`, cell "
            f"`{model.key[:12]}` ({model.label}). {manifest.get('caption', '')}\n",
            f"Commit `{code.get('commit')}`, torch {code.get('torch')}, Python {code.get('python')}. "
            f"{compared.sentence}\n",
            *(["## What it looks like\n", look] if asked.strip else []),
            "## What it reads\n",
            *measured,
            *tables,
            "## What it does not survive\n",
            f"{asked.fails}\n",
        ]
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models.pack", description=__doc__)
    parser.add_argument("results", type=Path, help="a finished results folder")
    parser.add_argument("name", help="what the model is called, e.g. portrait-256")
    parser.add_argument("--setting", help="which of its trained cells")
    parser.add_argument("--store", type=Path, help="where the weights are; default: the .store of the results")
    parser.add_argument("--out", type=Path, default=ROOT / "plugins" / "ftbench_models", help="the catalogue's folder")
    parser.add_argument("--pictures", type=Path, required=True, help="pictures that the network never saw")
    parser.add_argument("--count", type=int, default=100, help="how many of them are read at most")
    parser.add_argument("--model-version", type=int, default=1, help="raise it with every training")
    parser.add_argument("--tag", type=int, default=16, help="bits of a payload that are a check")
    parser.add_argument("--licence", default="MIT", help="SPDX identifier of the weights")
    parser.add_argument("--survives", required=True, help="one line for ftbench models")
    parser.add_argument("--fails", required=True, help="for the card: what it does not survive")
    parser.add_argument("--rights", required=True, help="for the card: what it was trained on, and by which right")
    parser.add_argument(
        "--table", type=Path, action="append", default=[], help="a Markdown file for the card: what was measured"
    )
    parser.add_argument(
        "--strip", type=Path, nargs="+", default=[], help="pictures that the card shows marked; anybody may see them"
    )
    return parser


if __name__ == "__main__":
    main()
