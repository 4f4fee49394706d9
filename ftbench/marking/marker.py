"""``ftbench.marker()``: marks and reads pictures from Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from ftbench.console import Console
from ftbench.errors import BadInput, CannotWrite, told
from ftbench.marking import anysize, catalogue, finding, given, inference, pictures, presence, sources, tracing
from ftbench.marking.load import load_model
from ftbench.marking.register import REGISTER
from ftbench.marking.trained import Trained
from ftbench.progress import Silent, begin
from ftbench.storage.places import place

Pixels = npt.NDArray[np.uint8]
Result = TypeVar("Result")


@dataclass(frozen=True)
class MarkedImage:
    """A picture and the payload in it."""

    image: Any
    """Marked; of the kind that was given, a PIL image or an array (h,w,3) uint8."""
    payload: str
    """``0110``, its check included: keep it, without it a mark proves nothing."""
    psnr: float
    """Of the marked picture against the cover, dB."""


@dataclass(frozen=True)
class Reading:
    """What was found in a picture."""

    payload: str
    """``0110``, its check included; of an unmarked picture, what it happens to read as."""
    marked: bool | None
    """Whether the check within the payload is right; None: the model's payloads have none."""
    false_positives: float | None
    """How often an unmarked picture would count as marked by what was tried, at most."""
    place: dict[str, Any]
    """Of the mark's frame in the picture: left, top, right, bottom in pixels, mirrored, turned in degrees."""
    matches: int | None = None
    """Bits that agree with the nearest of the payloads that were expected."""
    closest: str | None = None
    """That payload."""
    p_value: float | None = None
    """Chance of so many matches by accident, multiplied by all that was tried; None: none was expected."""


@dataclass(frozen=True)
class Marker:
    """A model, ready to mark and to read. Made by ``ftbench.marker``; it draws no random numbers but payloads."""

    trained: Trained = field(repr=False)
    key: bytes = field(default=presence.PUBLIC, repr=False)

    @property
    def bits(self) -> int:
        """Of a payload that a user may give."""
        return self.trained.bits - self.trained.tag

    def embed(
        self, image: Image.Image | Pixels, payload: str | None = None, *, psnr: float | None = None
    ) -> MarkedImage:
        """Write a payload into a PIL image or an array (h,w,3) uint8 in RGB, which stays as it is.

        ``payload``: bits, hexadecimal after ``0x``, ``int:5`` or ``text:ab``; None draws one. ``psnr`` in dB; None:
        what the model was trained for. A PIL image comes back upright in RGB, or RGBA where it had transparency, with
        its colour profile and no other metadata. Raises BadInput for pictures too small, of one colour, damaged, or
        with several frames or other colours than 8-bit RGB or grey, and for payloads that do not fit.
        """
        pixels, alpha, obstacle = _pixels(image)
        if obstacle:
            raise BadInput(obstacle)
        word = given.draw(self.trained, self.key) if payload is None else given.whole(payload, self.trained, self.key)
        cover = tracing.tensor(pixels)
        aim = self.trained.target_psnr if psnr is None else psnr
        done = anysize.mark(self.trained.pair, cover, self.trained.code(word), self.trained.size, aim)
        marked = np.ascontiguousarray(done.permute(1, 2, 0).numpy())
        layers = marked if alpha is None else np.dstack([marked, alpha])
        result = _like(image, layers) if isinstance(image, Image.Image) else marked
        return MarkedImage(result, word, anysize.psnr_of(cover, done))

    def extract(
        self,
        image: Image.Image | Pixels,
        *,
        expect: Sequence[str] = (),
        false_positives: float = finding.BOUND,
        seconds: float | None = None,
    ) -> Reading:
        """Read a PIL image or an array (h,w,3) uint8 in RGB.

        ``expect``: drawn payloads, one of which it may carry. ``seconds`` to search for a mark that was cut, framed,
        mirrored or turned; 0 looks at the picture as a whole alone; None: 3 where payloads have a check, else 0.
        Raises BadInput for a picture that is too small or damaged, and a bound that the check cannot keep.
        """
        known = tuple(finding.Known(given.whole(word, self.trained, self.key)) for word in dict.fromkeys(expect))
        rules = finding.rules(self.trained, false_positives, seconds, self.key)
        pixels = tracing.readable(self.trained, _pixels(image)[0])
        found = finding.find(self.trained, pixels, finding.Candidates(known), rules)
        match = found.match
        if match is None:
            return Reading(found.payload, found.marked, found.chance, found.place)
        compared = (match.equal, match.known.payload, match.p_value)
        return Reading(found.payload, found.marked, found.chance, found.place, *compared)

    def embed_folder(
        self,
        folder: str | Path,
        out: str | Path = "marked",
        *,
        payload: str | None = None,
        psnr: float | None = None,
        register: str | Path | None = None,
        note: str = "",
        overwrite: bool = False,
        quiet: bool = False,
    ) -> dict[Path, inference.Marked | BadInput]:
        """Mark every picture below a folder into ``out`` as PNG, as ``ftbench embed`` does, with a bar of progress.

        Picture -> what became of it: one that cannot be marked stops no other. Payloads go into ``register``, a CSV or
        ``.sqlite`` file; None: ``payloads.csv`` in ``out``. Raises BadInput where nothing can be marked.
        """
        wanted, note = given.spoken(payload, note)
        into = Path(out)
        gathered = sources.gather([Path(folder)], leave_out=into)
        order = inference.Order(
            trained=self.trained,
            register=tracing.opened(Path(register) if register else into / REGISTER),
            payload=None if wanted is None else given.whole(wanted, self.trained, self.key),
            psnr=psnr,
            format="png",
            quality=95,
            overwrite=overwrite,
            key=self.key,
            note=note,
        )
        jobs = sources.plan(gathered.pictures, into, order.format)
        return _each({job.source: job for job in jobs}, lambda job: inference.embed(order, job), "embed", quiet)

    def extract_folder(
        self,
        folder: str | Path,
        among: str | Path | None = None,
        *,
        false_positives: float = finding.BOUND,
        seconds: float | None = None,
        quiet: bool = False,
    ) -> dict[Path, dict[str, Any] | BadInput]:
        """Read every picture below a folder: picture -> what ``ftbench extract --json`` says of it, or why it cannot.

        ``among``: a register, CSV or SQLite. Raises BadInput where there is no picture, or no such register.
        """
        candidates = finding.Candidates() if among is None else tracing.registered(Path(among), self.trained)
        rules = finding.rules(self.trained, false_positives, seconds, self.key)
        gathered = sources.gather([Path(folder)])

        def one(source: sources.Source) -> dict[str, Any]:
            if source.obstacle:
                raise BadInput(source.obstacle)
            return tracing.extract(self.trained, source.path, candidates, rules)

        return _each({source.path: source for source in gathered.pictures}, one, "extract", quiet)


def marker(
    model: str | Path = catalogue.DEFAULT,
    *,
    setting: str | None = None,
    store: str | Path | None = None,
    key: bytes | None = None,
    tag: int | None = None,
) -> Marker:
    """A marker with an installed model, a model's folder, or a trained cell of a results folder.

    ``key``: of the check within payloads; None: one that everybody knows. ``tag``: bits of that check; None: the
    model's. ``setting`` and ``store`` choose a cell, as on the command line. Raises BadInput.
    """
    trained = load_model(str(model), setting, None if store is None else place(store))
    if key is not None and len(key) < presence.SHORTEST_KEY:
        raise BadInput(f"the key has {len(key)} bytes and needs {presence.SHORTEST_KEY}")
    return Marker(given.with_tag(trained, tag), presence.PUBLIC if key is None else key)


def _pixels(image: Image.Image | Pixels) -> tuple[Pixels, Pixels | None, str]:
    """RGB (h,w,3) as viewers show it, opacity (h,w) where there is one, and why it cannot be marked, if so."""
    if isinstance(image, Image.Image):
        return pictures.of_image(image)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise BadInput(f"a picture is a PIL image or an array (h, w, 3) of uint8, and this is {what}")
    return image, None, ""


def _like(image: Image.Image, layers: Pixels) -> Image.Image:
    """Layers (h,w,3 or 4) as an image whose colours mean what they meant in another."""
    made = Image.fromarray(layers)
    if profile := image.info.get("icc_profile"):
        made.info["icc_profile"] = profile
    return made


def _each(
    items: dict[Path, Any], work: Callable[[Any], Result], label: str, quiet: bool
) -> dict[Path, Result | BadInput]:
    progress = Silent() if quiet else begin(label, Console(stderr=True))
    outcome: dict[Path, Result | BadInput] = {}
    progress.start(len(items))
    try:
        for path, item in items.items():
            try:
                outcome[path] = work(item)
            except CannotWrite:
                raise
            except Exception as error:
                # Whatever goes wrong with one picture: the others are not to wait for it.
                outcome[path] = error if isinstance(error, BadInput) else BadInput(told(error))
            progress.advance(len(outcome), {})
    finally:
        progress.stop()
    return outcome
