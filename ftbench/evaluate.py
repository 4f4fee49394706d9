"""Testing a trained pair: every test image, several payloads each, under every simulator and distortion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ftbench.components import ChannelCode, QualityMeasure
from ftbench.config import EvaluateSection
from ftbench.data import Images, donating
from ftbench.pipeline import Attack, Damage, Pair, eight_bit, extra_inputs
from ftbench.progress import Progress
from ftbench.randomness import derive, generator
from ftbench.train import fixed_payloads

BATCH = 64
"""Fixed, because random distortions are drawn a batch at a time and must not depend on the machine."""
SHOWN = 3
"""Images of each person in the picture grid."""
MARKED = "none"
UNMARKED = "unmarked"
OF_COVER, OF_MARKED = "fake of cover:", "fake of marked:"
"""What the names of sample pictures begin with; the simulator follows."""
AVERAGED = 32
"""Marked images of one payload that an attacker averages over."""


@dataclass(frozen=True)
class Condition:
    """A distortion of the evaluation, with what its rows say of it."""

    label: str
    category: str
    strength: float | None
    damage: Damage
    plain: bool
    """The one without any distortion: where the unmarked control is read."""


@dataclass(frozen=True)
class Findings:
    """What one evaluation found, one row a measurement."""

    rows: pd.DataFrame
    """image, name, identity, draw, simulator, distortion, category, strength, code_errors, payload_errors."""
    quality: pd.DataFrame
    """image, name, identity, draw, of ("marked" or "fake:<simulator>"), one column a metric."""
    samples: Mapping[str, np.ndarray]
    """cover, marked, and of every simulator ``fake of cover:<simulator>`` and ``fake of marked:<simulator>``: uint8
    (rows, s, s, 3); names: str (rows,)."""


@dataclass
class _Columns:
    """Rows as they come, batch by batch."""

    parts: list[pd.DataFrame] = field(default_factory=list)

    def add(self, about: Mapping[str, object], **values: object) -> None:
        self.parts.append(pd.DataFrame({**about, **values}))

    def frame(self) -> pd.DataFrame:
        return pd.concat(self.parts, ignore_index=True)


@torch.no_grad()
def evaluate(
    pair: Pair,
    codec: ChannelCode,
    attacks: Mapping[str, Attack],
    conditions: Sequence[Condition],
    metrics: Mapping[str, QualityMeasure],
    images: Images,
    settings: EvaluateSection,
    bits: int,
    psnr: float | None,
    device: str,
    progress: Progress,
) -> Findings:
    """Measure ``pair`` on ``images``: in float32, every stage 8-bit, a fresh payload an image and draw.

    ``psnr``: dB that every marked image is held at; None: whatever the encoder paints.

    Random distortions draw from the evaluation's seed, the draw and the batch, never from the pair: two pairs
    meet the same payloads and the same noise, so their rows can be compared one by one.
    """
    pair.eval()
    rows, quality = _Columns(), _Columns()
    samples: dict[str, list[np.ndarray]] = {}
    batches = list(_batches(len(images)))
    progress.start(settings.draws * len(batches))
    for draw in range(settings.draws):
        for number, index in enumerate(batches):
            torch.manual_seed(derive(settings.seed, "layers", draw, number))
            covers = images.covers(index, device).contiguous(memory_format=torch.channels_last)
            keys = [images.keys[i] for i in index.tolist()]
            # Drawn under another key, as by somebody else who has the same pair.
            again = codec.encode(fixed_payloads(keys, derive(settings.seed, "again"), draw, bits)).to(device)
            identity = images.identity[index]
            donors = donating(images, identity, generator(settings.seed, "donor", draw, number), device)
            payloads = fixed_payloads(keys, settings.seed, draw, bits)
            code = codec.encode(payloads).to(device)
            some = torch.randint(len(images), (AVERAGED,), generator=generator(settings.seed, "averaged", draw, number))
            pattern = averaging(pair, partial(images.covers, some, device), code, psnr)
            inputs = {
                name: extra_inputs(identity.to(device), (attack.other or pair).marking(again, psnr), donors, pattern)
                for name, attack in attacks.items()
            }
            marked = pair.mark(covers, code, psnr)
            # The marked image and its cover meet the same draw: what is left between their fakes is the mark's doing.
            seeds = {name: derive(settings.seed, "simulator", name, draw, number) for name in attacks}
            fakes = {name: attack(marked, inputs[name], seeds[name]) for name, attack in attacks.items()}
            about = _about(images, index, draw)
            for view, image in {MARKED: marked, **fakes, UNMARKED: covers}.items():
                for condition in conditions:
                    if view == UNMARKED and not condition.plain:
                        continue
                    noise = generator(settings.seed, "distortion", condition.label, draw, number)
                    # For one that draws from torch's own generator: whatever was done before it changes nothing.
                    torch.manual_seed(derive(settings.seed, "distortion", condition.label, draw, number))
                    logits = pair.read(condition.damage(image, noise))
                    rows.add(
                        {**about, "simulator": view, "distortion": condition.label},
                        category=condition.category,
                        strength=np.nan if condition.strength is None else condition.strength,
                        code_errors=_errors((logits > 0).float(), code),
                        payload_errors=_errors(codec.decode(logits.cpu()), payloads),
                    )
            unfaked = {name: attack(covers, inputs[name], seeds[name]) for name, attack in attacks.items()}
            compared = {"marked": (covers, marked)}
            compared |= {f"fake:{name}": (unfaked[name], fake) for name, fake in fakes.items()}
            for of, (reference, image) in compared.items():
                values = {}
                for name, metric in metrics.items():
                    torch.manual_seed(derive(settings.seed, "metric", name, draw, number))
                    values[name] = metric(reference, image).cpu().numpy()
                quality.add({**about, "of": of}, **values)
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
    return Findings(rows.frame(), quality.frame(), kept)


def averaging(pair: Pair, covers: Callable[[], Tensor], code: Tensor, psnr: float | None) -> Callable[[Tensor], Tensor]:
    """What gives the mean of marked − cover over ``covers()`` (m,3,h,w), for each code (b,n): (b,3,h,w), signed.

    Worked out when first asked for, then the same whatever is attacked. Who averages has the covers too: the
    strongest attacker of this kind.
    """

    @cache
    def found() -> Tensor:
        alike = (cover.expand(len(code), -1, -1, -1) for cover in covers())
        return torch.stack([pair.mark(cover, code, psnr) - cover for cover in alike]).mean(dim=0)

    return lambda _: found()


def _batches(count: int) -> Iterator[Tensor]:
    for start in range(0, count, BATCH):
        yield torch.arange(start, min(start + BATCH, count))


def _about(images: Images, index: Tensor, draw: int) -> dict[str, object]:
    picked = index.tolist()
    return {
        "image": [images.keys[i] for i in picked],
        "name": [images.names[i] for i in picked],
        "identity": [images.people[int(images.identity[i])] for i in picked],
        "draw": draw,
    }


def _errors(read: Tensor, sent: Tensor) -> np.ndarray:
    wrong: np.ndarray = (read.cpu() != sent.cpu()).sum(dim=1).numpy()
    return wrong


def _pixels(image: Tensor) -> np.ndarray:
    array: np.ndarray = (eight_bit(image) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return array


def _shown(images: Images) -> list[int]:
    identity = images.identity.numpy()
    return [int(i) for who in range(len(images.people)) for i in np.nonzero(identity == who)[0][:SHOWN]][: 4 * SHOWN]
