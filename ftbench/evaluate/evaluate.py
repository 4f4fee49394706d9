"""Testing a trained pair: every image of a split, several payloads each, under every simulator and distortion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ftbench.benchfile.schema import EvaluateSection
from ftbench.contract.protocols import ChannelCode, QualityMeasure
from ftbench.data.donors import donors, draw_donors
from ftbench.data.images import Images
from ftbench.evaluate.attackers import Attackers
from ftbench.evaluate.readings import Columns, GridDistortion, Readings
from ftbench.machine.randomness import derive, generator
from ftbench.pipeline.inputs import Inputs
from ftbench.pipeline.known import mean_residual
from ftbench.pipeline.stages import Held, Pair, SimulatorStage, eight_bit, encoded
from ftbench.progress import Progress
from ftbench.storage.results import AFTER
from ftbench.train.batches import fixed_payloads

BATCH = 64
"""Fixed, because random distortions are drawn a batch at a time and must not depend on the machine."""
SHOWN = 3
"""Images of each person in the picture grid."""
MARKED = "none"
UNMARKED = "unmarked"
OF_COVER, OF_MARKED = "fake of cover:", "fake of marked:"
"""What the names of sample pictures begin with; the simulator follows."""
AVERAGED = 32
"""Marked images of one payload that an attacker averages over who does not say of how many."""


@dataclass(frozen=True)
class Findings:
    """What one evaluation found, one row a measurement."""

    rows: pd.DataFrame
    """image, name, identity, draw, simulator, distortion, category, strength, code_errors, payload_errors."""
    quality: pd.DataFrame
    """image, name, identity, draw, of ("marked", "fake:<simulator>", or of an attacker who knows pictures before and
    after marking what ``Attackers.compared`` says), one column a metric. With ``quality_after`` also "after": what
    simulator and distortion, two more columns, left of the marked image, against the reference that it has without the
    distortion."""
    readings: Mapping[str, Any]
    """logits (rows, n); and of each image and draw: carried (image, draw), payload (…, k), code (…, n)."""
    samples: Mapping[str, np.ndarray]
    """cover, marked, and of every simulator ``fake of cover:<simulator>`` and ``fake of marked:<simulator>``: uint8
    (rows, s, s, 3); names: str (rows,)."""


@torch.no_grad()
def evaluate(
    pair: Pair,
    codec: ChannelCode,
    attacks: Mapping[str, SimulatorStage],
    conditions: Sequence[GridDistortion],
    metrics: Mapping[str, QualityMeasure],
    images: Images,
    settings: EvaluateSection,
    bits: int,
    held: Held | None,
    device: str,
    progress: Progress,
    known: Images | None = None,
) -> Findings:
    """Measure ``pair`` on ``images``: in float32, every stage 8-bit, a fresh payload an image and draw.

    ``held``: what every marked image is held at; None: whatever the encoder paints. ``known``: images that attackers
    know before and after marking, none of them among ``images``; those who say how many need it.

    Random distortions draw from the evaluation's seed, the draw and the batch, never from the pair: two pairs
    meet the same payloads and the same noise, so their rows can be compared one by one.
    """
    pair.eval()
    attackers = Attackers(attacks, pair, codec, bits, held, settings.seed, known, device).studied()
    rows, quality, carried = Columns(), Columns(), Columns()
    samples: dict[str, list[np.ndarray]] = {}
    batches = list(_batches(len(images)))
    progress.start(settings.draws * len(batches))
    for draw in range(settings.draws):
        for number, index in enumerate(batches):
            torch.manual_seed(derive(settings.seed, "layers", draw, number))
            covers = images.covers(index, device).contiguous(memory_format=torch.channels_last)
            keys = [images.keys[i] for i in index.tolist()]
            # Drawn under another key, as by somebody else who has the same pair.
            identity = images.identity[index]
            fresh = generator(settings.seed, "nonce", draw, number)
            again = encoded(codec, fixed_payloads(keys, derive(settings.seed, "again"), draw, bits), fresh).to(device)
            payloads = fixed_payloads(keys, settings.seed, draw, bits)
            code = encoded(codec, payloads, fresh).to(device)
            alike = partial(attackers.alike, payloads, code, draw, number)
            own = Inputs(
                identity=identity.to(device),
                donor=partial(donors, images, identity, generator(settings.seed, "donor", draw, number), device),
                **_landmarks(images, index, partial(generator, settings.seed, "donor", draw, number), device),
                averaged=partial(
                    mean_residual, alike(), images.covers(_some(images, settings.seed, draw, number), device), len(code)
                ),
                cover=covers,
                remarked=pair.marking(again, held),
            )
            inputs = attackers.inputs(own, alike, again, (draw, number))
            marked = pair.mark(covers, code, held)
            # The marked image and its cover meet the same draw: what is left between their fakes is the mark's doing.
            fakes, unfaked = (attackers.fakes(image, inputs, (draw, number)) for image in (marked, covers))
            about = _about(images, index, draw)
            carried.add({"image": keys}, draw=draw, payload=payloads, code=(code > 0).cpu())
            views = {MARKED: (marked, covers), **{name: (fake, unfaked[name]) for name, fake in fakes.items()}}
            measured = partial(_measured, metrics, partial(derive, settings.seed, "metric"), (draw, number))
            readings = Readings(pair, codec, rows, about, code, payloads)
            for view, (image, reference) in {**views, UNMARKED: (covers, covers)}.items():
                for condition in conditions:
                    if view == UNMARKED and not condition.plain:
                        continue
                    noise = generator(settings.seed, "distortion", condition.label, draw, number)
                    # For one that draws from torch's own generator: whatever was done before it changes nothing.
                    torch.manual_seed(derive(settings.seed, "distortion", condition.label, draw, number))
                    damaged = condition.damage(image, noise)
                    readings.add(view, condition, damaged)
                    if settings.quality_after and view != UNMARKED:
                        after = {"of": AFTER, "simulator": view, "distortion": condition.label}
                        quality.add(about, **after, **measured(reference, damaged))
            readings.finish()
            blank = {"simulator": "", "distortion": ""} if settings.quality_after else {}
            for view, (image, reference) in views.items():
                against = (
                    {"marked": reference} if view == MARKED else attackers.compared(view, reference, marked, covers)
                )
                for of, other in against.items():
                    quality.add(about, of=of, **blank, **measured(other, image))
            rows.fetch()
            quality.fetch()
            if draw == 0:
                pictures = {"cover": covers, "marked": marked}
                # Of every simulator: which is listed first, and shown, is the report's affair.
                pictures |= {OF_COVER + name: fake for name, fake in unfaked.items()}
                pictures |= {OF_MARKED + name: fake for name, fake in fakes.items()}
                for name, image in pictures.items():
                    samples.setdefault(name, []).append(_pixels(image))
            progress.advance(draw * len(batches) + number + 1, {})
    shown = _shown(images)
    kept = {name: np.concatenate(parts)[shown] for name, parts in samples.items()}
    kept["names"] = np.array([images.people[int(images.identity[i])] for i in shown])
    read = {"logits": rows.taken("logits"), "payload": carried.taken("payload"), "code": carried.taken("code")}
    return Findings(rows.frame(), quality.frame(), {**read, "carried": carried.frame()}, kept)


def _measured(
    metrics: Mapping[str, QualityMeasure],
    seed: Callable[..., int],
    place: tuple[int, int],
    reference: Tensor,
    image: Tensor,
) -> dict[str, Tensor]:
    """A column (b,) a metric; ``seed`` and ``place`` are what one that draws is seeded with."""
    values = {}
    for name, metric in metrics.items():
        torch.manual_seed(seed(name, *place))
        values[name] = metric(reference, image)
    return values


def _landmarks(
    images: Images, index: Tensor, randomness: Callable[[], torch.Generator], device: str
) -> dict[str, Callable[[], Tensor]]:
    """Where the faces lie, and those of the donors that ``randomness`` draws; nothing where the data do not say."""
    points = images.landmarks
    if points is None:
        return {}
    return {
        "landmarks": lambda: points[index].to(device),
        "donor_landmarks": lambda: points[draw_donors(images, images.identity[index], randomness())].to(device),
    }


def _some(images: Images, seed: int, draw: int, number: int) -> Tensor:
    """Places of images whose residuals are averaged."""
    return torch.randint(len(images), (AVERAGED,), generator=generator(seed, "averaged", draw, number))


def _batches(count: int) -> Iterator[Tensor]:
    for start in range(0, count, BATCH):
        yield torch.arange(start, min(start + BATCH, count))


def _about(images: Images, index: Tensor, draw: int) -> dict[str, list[Any]]:
    picked = index.tolist()
    return {
        "image": [images.keys[i] for i in picked],
        "name": [images.names[i] for i in picked],
        "identity": [images.people[int(images.identity[i])] for i in picked],
        "draw": [draw] * len(picked),
    }


def _pixels(image: Tensor) -> np.ndarray:
    array: np.ndarray = (eight_bit(image) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return array


def _shown(images: Images) -> list[int]:
    identity = images.identity.numpy()
    return [int(i) for who in range(len(images.people)) for i in np.nonzero(identity == who)[0][:SHOWN]][: 4 * SHOWN]
