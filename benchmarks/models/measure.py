"""What a model's marks survive, as the table of its card: ``python -m benchmarks.models.measure MODEL PICTURES``.

Every picture gets a drawn payload at the model's own PSNR, is damaged, and is read as ``extract`` reads it, without
knowing the payload. Intervals are over pictures.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps
from tabulate import tabulate

from ftbench.errors import FtbenchError
from ftbench.marking import anysize, finding, given, payloads, pictures, presence, sources
from ftbench.marking.load import load_model
from ftbench.marking.tracing import tensor
from ftbench.marking.trained import Trained
from ftbench.statistics.estimates import clustered_rate, wilson

Damage = Callable[[Image.Image, np.random.Generator], Image.Image]


def saved(image: Image.Image, kind: str, quality: int) -> Image.Image:
    """An image as it comes out of a file."""
    file = io.BytesIO()
    image.convert("RGB").save(file, kind, quality=quality)
    return Image.open(file).convert("RGB")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    asked = _parser().parse_args(arguments)
    try:
        model = given.with_tag(load_model(asked.model, asked.setting, asked.store), asked.tag)
        rules = finding.rules(model, asked.false_positives, asked.seconds, presence.PUBLIC)
        covers = list(_images(asked.pictures, asked.count))
        print(f"{len(covers)} pictures of `{asked.pictures.name}`, {model.label}, search of {rules.seconds:g} s.\n")
        print(tabulate(list(_rows(model, covers, rules)), headers="keys", tablefmt="github", disable_numparse=True))
        if asked.unmarked:
            print("\n" + _false(model, asked.unmarked, asked.unmarked_count, rules))
    except FtbenchError as error:
        sys.exit(f"measure: {error}")


def _rows(model: Trained, covers: Sequence[Image.Image], rules: finding.Rules) -> Iterator[dict[str, str]]:
    marked, words, psnrs = [], [], []
    for cover in covers:
        pixels, word = tensor(np.array(cover)), given.draw(model, rules.key)
        done = anysize.mark(model.pair, pixels, model.code(word), model.size, model.target_psnr)
        marked.append(Image.fromarray(done.permute(1, 2, 0).numpy()))
        words.append(word)
        psnrs.append(anysize.psnr_of(pixels, done))
    for name, damage in DAMAGES.items():
        right, found, seconds = [], 0, 0.0
        for number, (image, word) in enumerate(zip(marked, words, strict=True)):
            sent = tensor(np.array(damage(image, np.random.default_rng(number)).convert("RGB")))
            begun = time.process_time()
            read = finding.find(model, sent, finding.Candidates(), rules)
            seconds += time.process_time() - begun
            right.append(payloads.matches(read.payload, word))
            found += read.marked is True and read.payload == word
        bits, whole = clustered_rate(right, [model.bits] * len(right)), wilson(found, len(covers))
        yield {
            "after": name,
            "bits read": f"{100 * bits.value:.1f} % [{100 * bits.low:.1f}, {100 * bits.high:.1f}]",
            "named without a register": f"{found} of {len(covers)} [{100 * whole.low:.0f}, {100 * whole.high:.0f} %]",
            "CPU s a picture": f"{seconds / len(covers):.2f}",
        }
    yield {"after": "quality of the marked picture", "bits read": f"{np.mean(psnrs):.2f} dB PSNR"}


def _false(model: Trained, folder: Path, most: int, rules: finding.Rules) -> str:
    results = [
        finding.find(model, tensor(np.array(image)), finding.Candidates(), rules) for image in _images(folder, most)
    ]
    wrong = sum(result.marked is True for result in results)
    share = wilson(wrong, len(results))
    return (
        f"Of {len(results)} unmarked pictures {wrong} count as marked, {share.value:.2g} "
        f"[{share.low:.2g}, {share.high:.2g}], where {rules.bound:g} is allowed."
    )


def _images(folder: Path, most: int) -> Iterator[Image.Image]:
    for source in sources.gather([folder]).pictures[:most]:
        yield Image.fromarray(pictures.read_file(source.path).pixels)


def _noise(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    levels = np.asarray(image) + draw.normal(0, 0.05 * 255, (image.height, image.width, 3))
    return Image.fromarray(levels.round().clip(0, 255).astype(np.uint8))


def _cut(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    width, height = round(image.width * 0.5**0.5), round(image.height * 0.5**0.5)
    left, top = draw.integers(0, image.width - width + 1), draw.integers(0, image.height - height + 1)
    return saved(image.crop((left, top, left + width, top + height)), "JPEG", 75)


def _screenshot(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    scale = draw.uniform(0.6, 1.4)
    shown = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    border = tuple(int(side) for side in draw.integers(0, max(2, shown.width // 6), 4))
    return saved(ImageOps.expand(shown, border, (245, 245, 245)), "JPEG", 80)


def _text(image: Image.Image, _: np.random.Generator) -> Image.Image:
    shown = image.copy()
    for row in (0.1, 0.5, 0.85):
        ImageDraw.Draw(shown).text((image.width * 0.05, image.height * row), "who took this?", "white", font_size=40)
    return shown


def _network(image: Image.Image, _: np.random.Generator) -> Image.Image:
    large = image.resize((1080, round(1080 * image.height / image.width)), Image.Resampling.LANCZOS)
    small = saved(large, "JPEG", 80)
    small.thumbnail((320, 320))
    return small


def _small(image: Image.Image, _: np.random.Generator) -> Image.Image:
    small = image.resize((max(1, image.width // 4), max(1, image.height // 4)), Image.Resampling.BICUBIC)
    return small.resize(image.size, Image.Resampling.BICUBIC)


DAMAGES: dict[str, Damage] = {
    "nothing": lambda image, _: image,
    "JPEG 90": lambda image, _: saved(image, "JPEG", 90),
    "JPEG 75": lambda image, _: saved(image, "JPEG", 75),
    "JPEG 50": lambda image, _: saved(image, "JPEG", 50),
    "WebP 50": lambda image, _: saved(image, "WEBP", 50),
    "a quarter of its size and back": _small,
    "blur, σ 2": lambda image, _: image.filter(ImageFilter.GaussianBlur(2)),
    "noise, σ 0.05": _noise,
    "brightness × 0.5": lambda image, _: ImageEnhance.Brightness(image).enhance(0.5),
    "brightness × 1.5": lambda image, _: ImageEnhance.Brightness(image).enhance(1.5),
    "contrast × 0.5": lambda image, _: ImageEnhance.Contrast(image).enhance(0.5),
    "contrast × 1.5": lambda image, _: ImageEnhance.Contrast(image).enhance(1.5),
    "text over it": _text,
    "crop to half its area, JPEG 75": _cut,
    "turned by up to 10°": lambda image, draw: image.rotate(draw.uniform(-10, 10), Image.Resampling.BICUBIC),
    "mirrored": lambda image, _: ImageOps.mirror(image),
    "a screenshot": _screenshot,
    "a content network: 1080 px, JPEG 80, 320 px": _network,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models.measure", description=__doc__)
    parser.add_argument("model", help="a name, a model's folder or a results folder")
    parser.add_argument("pictures", type=Path, help="a folder of pictures that the network never saw")
    parser.add_argument("--count", type=int, default=200, help="how many of them at most")
    parser.add_argument("--setting")
    parser.add_argument("--store", type=Path)
    parser.add_argument("--tag", type=int)
    parser.add_argument("--seconds", type=float, help="of searching; default: as extract")
    parser.add_argument("--false-positives", type=float, help="default: as extract")
    parser.add_argument("--unmarked", type=Path, help="a folder of pictures to count false positives in")
    parser.add_argument("--unmarked-count", type=int, default=20_000)
    return parser


if __name__ == "__main__":
    main()
