"""What a data set holds, in lines for the planner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ftbench.data.images import Data
from ftbench.plaintext import shown

PEOPLE_NAMED = 20
SET_ASIDE_NAMED = 20


def overview(data: Data) -> list[str]:
    """People, images a split, what the data set says of itself and what it set aside; a line each."""
    images = Counter(data.place(item) for item in data.items)
    everybody = len({item.identity for item in data.source.items})
    chosen = "" if everybody == len(data.people) else f" (of {everybody})"
    lines = [
        f"Data {shown(data.name)} ({data.digest[:12]}), {data.size} px: {len(data.items)} images of "
        f"{len(data.people)} people{chosen}: {_splits(images, data)}"
    ]
    if len(data.people) <= PEOPLE_NAMED:
        lines += [f"  {shown(who)}: {_splits(count, data)}" for who, count in data.counts().items()]
    else:
        lines.append("  people shown: " + ", ".join(f"{count} in {split}" for split, count in data.shown().items()))
    lines += [f"  {shown(note)}" for note in data.source.notes]
    left = data.source.set_aside
    if left:
        lines.append(f"Set aside: {len(left)}")
        lines += [f"  {shown(name)}: {shown(reason)}" for name, reason in left[:SET_ASIDE_NAMED]]
    if len(left) > SET_ASIDE_NAMED:
        lines.append(f"  and {len(left) - SET_ASIDE_NAMED} more; the manifest of a run names them all")
    return lines


def _splits(count: Mapping[str, int], data: Data) -> str:
    return ", ".join(f"{count.get(split, 0)} {split}" for split in data.splits)
