"""What a face network's recipe costs beside the network: aligning, pasting and colours, by size of the face."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.speed.clock import Spread, Took, in_turn, ratios, spread
from benchmarks.speed.lines import Line
from ftbench.machine.memory import keep_freed
from ftbench.testing.material import pictures
from ftbench_faces.colours import matched
from ftbench_faces.masks import box
from ftbench_faces.paste import pasted
from ftbench_faces.similarity import back, crop_points, onto
from ftbench_faces.templates import TEMPLATES
from ftbench_faces.warp import warped

SIZE, BATCH = 256, 16
FACES = (("arcface-128", 128), ("arcface-128", 256), ("ffhq-512", 512))
OPENCV, UNIT = "OpenCV, one image at a time", "ms an image"


@dataclass(frozen=True)
class Work:
    """A batch whose faces are cut out, and what is laid over them."""

    picture: Tensor
    way: Tensor
    side: int
    mask: Tensor
    face: Tensor

    def ours(self) -> Tensor:
        """Cut out, and paste."""
        warped(self.picture, self.way, self.side)
        return pasted(self.picture, self.face, self.way, self.mask)

    def library(self) -> list[np.ndarray]:
        """The same by OpenCV."""
        cv2: Any = importlib.import_module("cv2")
        ways, homes = (one.expand(BATCH, -1, -1).numpy() for one in (self.way, back(self.way)))
        mask, fakes = self.mask[0, 0].numpy(), []
        home_sized: dict[str, Any] = {"dsize": (SIZE, SIZE)}
        for image, face, way, home in zip(_planes(self.picture), _planes(self.face), ways, homes, strict=True):
            cv2.warpAffine(image, way, (self.side, self.side), borderMode=cv2.BORDER_REPLICATE)
            share = cv2.warpAffine(mask, home, **home_sized)[..., None]
            laid = cv2.warpAffine(face, home, **home_sized, borderMode=cv2.BORDER_REPLICATE)
            fakes.append(image + share * (laid - image))
        return fakes

    def colours(self) -> Tensor:
        """Give the faces each other's colours."""
        return matched(self.face, self.face.roll(1, 0), self.mask)


def faces(threads: tuple[int, ...], repeats: int, warm: int, **_: Any) -> Iterator[Line]:
    """Images of 256 px in batches of 16, by processor time of one thread."""
    cv2: Any = importlib.import_module("cv2")
    torch.set_num_threads(1)
    # As a run does.
    keep_freed()
    cv2.setNumThreads(1)
    with torch.inference_mode():
        for name, side in FACES:
            for what, own in (("one way for all", False), ("a way each", True)):
                work = made(name, side, own)
                took = in_turn({"ours": work.ours, "library": work.library}, repeats, warm)
                faster = ratios(took["library"], took["ours"], 1)
                yield Line("faces", f"{what}, {name} at {side} px", UNIT, each(took["ours"]), OPENCV, faster)
            took = in_turn({"ours": work.colours}, repeats, warm)
            yield Line("faces", f"colours at {side} px", UNIT, each(took["ours"]))


def made(name: str, side: int, own: bool) -> Work:
    """The work of a template at a side; ``own``: each face lies elsewhere."""
    picture = pictures(BATCH, SIZE, seed=3)
    moved = torch.randn(BATCH, 5, 2, generator=torch.Generator().manual_seed(4)) * own
    points = crop_points(SIZE) + 2 * moved.double()
    way = onto(points if own else points[:1], TEMPLATES[name], side)
    return Work(picture, way, side, box(side, 0.3), warped(picture, way, side).flip(1))


def each(took: Sequence[Took]) -> Spread:
    """Milliseconds an image."""
    return spread([1000 * one.cpu / BATCH for one in took])


def _planes(image: Tensor) -> list[np.ndarray]:
    return [one.permute(1, 2, 0).contiguous().numpy() for one in image]
