"""The ``folder`` data set: photographs of people, where they lie."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ftbench.contract.protocols import Item, Split
from ftbench.data.splits import SHARES, SPLITS, cut_val, split_groups, spread
from ftbench.errors import BadInput
from ftbench_datasets import duplicates, images, layout, originals
from ftbench_datasets.found import Found
from ftbench_datasets.index import FILE
from ftbench_datasets.landmarks import in_square
from ftbench_datasets.layout import Entry

# Fewer than these in train or in test, and nothing can be learned, or said with an interval.
FEWEST = 2

# A JPEG is fingerprinted from no fewer pixels a side than this; its every byte is decoded all the same.
_COARSE = 256
# The originals among copies are told by finer detail.
_DETAILED = 1024


@dataclass(frozen=True)
class _Photo:
    entry: Entry
    key: str
    seen: duplicates.Views


class FolderSource:
    """A folder of images, opened: every image is decoded once, so that none fails in the middle of a run.

    An item's key is the SHA-256 of its file, so its split and payloads stay when files are renamed, moved
    or added. Near-duplicates share a split, that of the one the others seem to be made from (``originals``): a
    copy that was cut, shrunk or saved with more loss joins its original and moves nothing. A copy that looks
    better than its original may move it, and no others.

    Raises BadInput when there is no such folder, when it is laid out ambiguously, when its ``index.csv``
    cannot be trusted, and when fewer than two images are left for train or for test.
    """

    def __init__(
        self,
        *,
        path: str,
        split_by: Literal["image", "identity"],
        minimum_pixels: int,
        landmarks: bool = False,
        detector: str = "",
    ) -> None:
        root = layout.folder(path)
        found = Found(detector) if landmarks and detector else None
        listing = layout.list_folder(root, landmarks, found is not None)
        photos, refused = _open(listing.entries, minimum_pixels)
        kept, disagreeing, copies = _distinct(photos, flat=listing.flat)
        faceless = found.look({photo.key: photo.entry for photo in kept}) if found else {}
        kept = [photo for photo in kept if photo.key not in faceless]
        alike = [[photo.key for photo in _ranked([kept[row] for row in group])] for group in _alike(kept)]
        splits, said = _split(kept, alike, by_identity=split_by == "identity" and not listing.flat, flat=listing.flat)
        self.name = re.sub(r"[^a-z0-9_]+", "-", root.name.lower()).strip("-") or "folder"
        self.items: Sequence[Item] = tuple(
            Item(photo.key, photo.entry.name, photo.entry.identity, splits[photo.key]) for photo in kept
        )
        self.set_aside: Sequence[tuple[str, str]] = tuple(
            sorted([*listing.set_aside, *refused, *disagreeing, *faceless.values()])
        )
        self.notes: Sequence[str] = (
            *said,
            *_told(copies, "{} byte-for-byte copies of other images were left out."),
            *(found.notes if found else ()),
            *_told(listing.unlisted, f"{{}} images that {FILE} does not name were left out."),
        )
        self._paths = {photo.key: photo.entry.path for photo in kept}
        self._points = {photo.key: photo.entry.points for photo in kept if photo.entry.points}
        self._found = found.points if found else {}
        told = [*sorted(self._points.items()), *sorted(self._found.items())]
        self.landmarks_digest = hashlib.sha256(repr(told).encode()).hexdigest() if told else ""
        seen = len(listing.entries) + len(listing.set_aside)
        _enough(root, seen, self.items, self.set_aside, by_identity=split_by == "identity")

    def load(self, item: Item, size: int) -> images.Pixels:
        """Upright RGB, uint8 (size, size, 3), centre-cropped. Raises BadInput if the file changed."""
        try:
            data = images.read_bytes(self._paths[item.key])
            if hashlib.sha256(data).hexdigest() != item.key:
                raise images.UnreadableImage("changed since the data set was opened")
            return images.fit_square(np.asarray(images.decode(data)), size)
        except images.UnreadableImage as error:
            raise BadInput(
                f"{item.name} in data set {self.name}: {error}; run again with the folder at rest."
            ) from error

    def landmarks(self, item: Item) -> np.ndarray | None:
        """Five points as the extra input ``landmarks`` has them, (5, 2); None unless they were asked for."""
        if item.key in self._found:
            return np.array(self._found[item.key])
        points = self._points.get(item.key)
        return (
            None
            if points is None
            else in_square(points, *images.upright_size(images.read_bytes(self._paths[item.key])))
        )


def _open(entries: Sequence[Entry], minimum: int) -> tuple[list[_Photo], list[tuple[str, str]]]:
    """Decode every image on all cores: the sound ones, and (name, reason) of the others."""

    def examine(entry: Entry) -> _Photo | tuple[str, str]:
        try:
            data = images.read_bytes(entry.path)
            seen = duplicates.view(images.decode(data, minimum=minimum, coarse=_COARSE))
        except images.UnreadableImage as error:
            return entry.name, str(error)
        return _Photo(entry, hashlib.sha256(data).hexdigest(), seen)

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        results = list(pool.map(examine, entries))
    return [r for r in results if isinstance(r, _Photo)], [r for r in results if isinstance(r, tuple)]


def _alike(photos: Sequence[_Photo]) -> list[list[int]]:
    return duplicates.clusters(np.stack([photo.seen for photo in photos])) if photos else []


def _ranked(copies: Sequence[_Photo]) -> list[_Photo]:
    """The original first, as far as can be seen; where two are as good, the smaller key's."""
    try:
        files = [images.read_bytes(photo.entry.path) for photo in copies]
        steps = [images.coarseness(file) for file in files]
        decoded = [images.decode(file, coarse=_DETAILED) for file in files]
    except images.UnreadableImage as error:
        names = ", ".join(photo.entry.name for photo in copies)
        raise BadInput(
            f"One of {names} changed while it was read ({error}); run again with the folder at rest."
        ) from error
    ranks = originals.ranks(decoded, steps)

    def order(row: int) -> tuple[float, bool, int, str]:
        # Of equals the lossy file comes first, for what is without loss was made from it; then the larger.
        image = decoded[row]
        return -ranks[row], steps[row] is None, -image.width * image.height, copies[row].key

    return [copies[row] for row in sorted(range(len(copies)), key=order)]


def _distinct(photos: Sequence[_Photo], *, flat: bool) -> tuple[list[_Photo], list[tuple[str, str]], int]:
    """One photo a key, the first by name; the copies that contradict it; and how many do not."""
    first: dict[str, _Photo] = {}
    disagreeing: list[tuple[str, str]] = []
    copies = 0
    for photo in sorted(photos, key=lambda photo: photo.entry.name):
        kept = first.setdefault(photo.key, photo).entry
        mine = photo.entry
        if kept is mine:
            continue
        # In a flat folder the identity is only the file's name, and a copy's differs by nature.
        if mine.identity != kept.identity and not flat:
            disagreeing.append((mine.name, f"the same file as {kept.name}, which shows {kept.identity}"))
        elif mine.split != kept.split:
            disagreeing.append(
                (mine.name, f"the same file as {kept.name}, which {FILE} puts in {kept.split or 'none'}")
            )
        else:
            copies += 1
    return list(first.values()), disagreeing, copies


def _split(
    photos: Sequence[_Photo], alike: Sequence[Sequence[str]], *, by_identity: bool, flat: bool
) -> tuple[dict[str, Split], list[str]]:
    """The split of every key, and the sentences that say how it came about."""
    pins = {photo.key: photo.entry.split for photo in photos if photo.entry.split is not None}
    people = _by_identity(photos)
    families = _families([photo.key for photo in photos], alike)
    splits = split_groups(people if by_identity else families, pins=pins)
    notes: list[str] = []
    if len(pins) < len(photos):
        whole = "an identity" if by_identity else "near-duplicates"
        percent = ", ".join(f"{share:.0%} {split}" for split, share in zip(SPLITS, SHARES, strict=True))
        digest = "the identity's name" if by_identity else "the image's content"
        notes.append(f"Split by a hash of {digest} ({percent}), {whole} kept in one split.")
    if pins:
        notes.append(f"{FILE} names the split of {len(pins)} of {len(photos)} images.")
    if pins and len(pins) == len(photos):
        splits, said = _completed(splits, people if not flat else {}, families)
        notes += said
    across = spread(alike, splits)
    notes += _told(
        len(alike),
        "{} groups of near-duplicates (re-saved, rescaled, brightened, cropped, framed or mirrored copies) were found.",
    )
    reasons = [f"{FILE} puts them there"] * bool(pins) + ["identities are kept whole"] * (by_identity or not flat)
    notes += _told(across, f"{{}} of these groups lie in more than one split, because {' or '.join(reasons)}.")
    if not any(split == "val" for split in splits.values()):
        notes.append("No image is in val.")
    return splits, notes


def _completed(
    splits: dict[str, Split], people: Mapping[str, Collection[str]], families: Mapping[str, Collection[str]]
) -> tuple[dict[str, Split], list[str]]:
    """Give an index's splits the ones that it lacks: val serves as test, and a new val comes out of train."""
    notes: list[str] = []
    present = set(splits.values())
    if "val" in present and "test" not in present:
        splits = {key: "test" if split == "val" else split for key, split in splits.items()}
        notes.append(f"{FILE} names no test split: its val is used as test.")
        present = set(splits.values())
    if "val" not in present and {"train", "test"} <= present:
        disjoint = bool(people) and not spread(people.values(), splits)
        splits = cut_val(splits, people if disjoint else families)
        taken = sum(split == "val" for split in splits.values())
        whole = "whole identities" if disjoint else "images"
        notes.append(f"{FILE} then names no val split: {taken} train images ({whole}, by hash) serve as val.")
    return splits, notes


def _by_identity(photos: Sequence[_Photo]) -> dict[str, list[str]]:
    people: dict[str, list[str]] = {}
    for photo in photos:
        people.setdefault(photo.entry.identity, []).append(photo.key)
    return people


def _families(keys: Sequence[str], alike: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """Groups of near-duplicates, named by their original, and single images."""
    joined = {key for group in alike for key in group}
    return {group[0]: list(group) for group in [*alike, *([key] for key in keys if key not in joined)]}


def _told(count: int, sentence: str) -> list[str]:
    return [sentence.format(count)] if count else []


def _enough(
    root: Path, found: int, items: Sequence[Item], set_aside: Sequence[tuple[str, str]], *, by_identity: bool
) -> None:
    counts = {split: sum(item.split == split for item in items) for split in SPLITS}
    if min(counts["train"], counts["test"]) >= FEWEST:
        return
    reasons = f" ({layout.sample(set_aside)})" if set_aside else ""
    left = ", ".join(f"{count} {split}" for split, count in counts.items())
    other = ", set split_by: image" if by_identity else ""
    raise BadInput(
        f"{root}: {found} images found, {len(set_aside)} set aside{reasons}, which leaves {left}; train "
        f"and test need {FEWEST} each: add or mend images{other}, or name their splits in {FILE}."
    )
