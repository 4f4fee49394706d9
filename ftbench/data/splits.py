"""Which split an image belongs to, decided by content alone.

A share of the keys, not a share of a list: adding, removing or renaming files never moves another image, unless a
group of them takes another name (docs/data.md). The price is that the sizes are binomial about the shares, not exact.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Mapping

from ftbench.contract.protocols import Split

Shares = tuple[float, float, float]

SPLITS: tuple[Split, Split, Split] = ("train", "val", "test")
SHARES: Shares = (0.7, 0.1, 0.2)


def split_of(key: str, shares: Shares = SHARES) -> Split:
    """Hash ``key``, any string, into [0, 1) and see in which share it falls.

    ``shares`` are those of train, val and test; they sum to 1. Raises ValueError when they do not.

    >>> split_of("a photograph's digest") == split_of("a photograph's digest")
    True
    >>> split_of("anything", (0, 0, 1))
    'test'
    """
    if min(shares) < 0 or not math.isclose(sum(shares), 1, abs_tol=1e-9):
        raise ValueError(f"the shares {shares} are not three numbers of at least 0 that sum to 1")
    # Payloads hang on the same keys: the prefix keeps the two draws independent.
    digest = hashlib.sha256(f"split:{key}".encode()).digest()
    # 53 bits, so that the quotient is exact and never rounds up to 1.
    position = (int.from_bytes(digest[:8], "big") >> 11) / 2**53
    train, val, test = shares
    if position < train:
        return "train"
    # Comparing from the nearer end keeps a share of 0 empty, whatever the rounding of the sums.
    return "val" if val > 0 and (test == 0 or position < 1 - test) else "test"


def split_groups(
    groups: Mapping[str, Collection[str]],
    *,
    pins: Mapping[str, Split] | None = None,
    shares: Shares = SHARES,
) -> dict[str, Split]:
    """The split of every key, each group of keys in one.

    ``groups`` names each group; the name is hashed, so it must not depend on file names. ``pins`` are
    splits already decided: they stay, and the rest of a pinned group follows the first pinned split in
    the order train, val, test. A group may so be spread over splits by its pins alone.
    """
    pins = pins or {}
    splits: dict[str, Split] = {}
    for name, keys in groups.items():
        held = {pins[key] for key in keys if key in pins}
        chosen = next((split for split in SPLITS if split in held), None) or split_of(name, shares)
        splits.update((key, pins.get(key, chosen)) for key in keys)
    return splits


def cut_val(
    splits: Mapping[str, Split],
    groups: Mapping[str, Collection[str]],
    share: float = SHARES[1] / (SHARES[0] + SHARES[1]),
) -> dict[str, Split]:
    """Move ``share`` of the train keys to val, whole groups at a time; other keys stay as they are."""
    moved = dict(splits)
    for name, keys in groups.items():
        # A draw of its own: the first one may be what put the group in train.
        if split_of(f"val:{name}", (1 - share, share, 0.0)) == "val":
            moved.update((key, "val") for key in keys if splits[key] == "train")
    return moved


def spread(groups: Iterable[Collection[str]], splits: Mapping[str, Split]) -> int:
    """How many of the groups lie in more than one split."""
    return sum(len({splits[key] for key in keys}) > 1 for keys in groups)
