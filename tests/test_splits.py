import hashlib
from collections import Counter
from fractions import Fraction
from itertools import pairwise

import pytest

from ftbench.data.splits import SHARES, SPLITS, cut_val, split_groups, split_of, spread

KEYS = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(2000)]


def test_shares_are_met_within_four_standard_deviations():
    count = Counter(map(split_of, KEYS))
    for split, share in zip(SPLITS, SHARES, strict=True):
        deviation = (len(KEYS) * share * (1 - share)) ** 0.5
        assert abs(count[split] - len(KEYS) * share) < 4 * deviation


def test_split_is_the_share_that_the_digest_falls_in():
    for key in [*KEYS[:300], "", "Zoë", "a b\n"]:
        position = Fraction(int(hashlib.sha256(b"split:" + key.encode()).hexdigest(), 16), 2**256)
        expected = "train" if position < Fraction(7, 10) else "val" if position < Fraction(8, 10) else "test"
        assert split_of(key) == expected


def test_splits_never_change_between_releases():
    # By `printf split:ada | sha256sum` and so on: b8e9…, 9a8a…, 4b96…, 198f…, cdfd…, ccc7…, bd01…, 53ab….
    splits = [split_of(name) for name in ("ada", "ben", "cleo", "dov", "eve", "fay", "gus", "hal")]
    assert splits == ["val", "train", "train", "train", "test", "val", "val", "train"]


def test_a_share_of_nothing_stays_empty():
    assert {split_of(key, (0.3, 0.0, 0.7)) for key in KEYS} == {"train", "test"}
    assert {split_of(key, (0.3, 0.7, 0.0)) for key in KEYS} == {"train", "val"}
    assert {split_of(key, (0.0, 0.1, 0.9)) for key in KEYS} == {"val", "test"}
    assert {split_of(key, (1.0, 0.0, 0.0)) for key in KEYS} == {"train"}


def test_a_larger_train_share_only_adds_to_train():
    trains = [{k for k in KEYS if split_of(k, (s, 0.9 - s, 0.1)) == "train"} for s in (0.2, 0.5, 0.8)]
    assert all(small < large for small, large in pairwise(trains))


@pytest.mark.parametrize("shares", [(0.5, 0.5, 0.5), (1.2, -0.2, 0.0), (0.7, 0.1, 0.1)])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(ValueError, match="sum to 1"):
        split_of("key", shares)


def test_groups_stay_whole_and_follow_their_name():
    groups = {f"g{number}": KEYS[number * 5 : number * 5 + 5] for number in range(200)}
    splits = split_groups(groups)
    assert splits.keys() == set(KEYS[:1000])
    assert spread(groups.values(), splits) == 0
    assert all(splits[keys[0]] == split_of(name) for name, keys in groups.items())
    # More groups, in another order, move nobody.
    more = {"new": ["x", "y"], **dict(reversed(groups.items()))}
    assert splits.items() <= split_groups(more).items()


def test_pins_stay_and_draw_their_group_along():
    groups = {"a": ["a1", "a2", "a3"], "b": ["b1", "b2"], "c": ["c1"]}
    splits = split_groups(groups, pins={"a2": "val", "b1": "test", "b2": "train"})
    assert splits == {"a1": "val", "a2": "val", "a3": "val", "b1": "test", "b2": "train", "c1": split_of("c")}
    assert spread(groups.values(), splits) == 1
    both = split_groups({"d": ["d1", "d2", "d3"]}, pins={"d1": "test", "d2": "train"})
    assert both["d3"] == "train"


def test_val_is_cut_from_train_alone_in_whole_groups():
    groups = {f"g{number}": KEYS[number * 2 : number * 2 + 2] for number in range(1000)}
    before = split_groups(groups, shares=(0.8, 0.0, 0.2))
    after = cut_val(before, groups)
    moved = {key for key in before if after[key] != before[key]}
    assert moved
    assert {(before[key], after[key]) for key in moved} == {("train", "val")}
    assert spread(groups.values(), after) == 0
    trains = sum(before[keys[0]] == "train" for keys in groups.values())
    assert abs(len(moved) / 2 - trains / 8) < 4 * (trains * 7 / 64) ** 0.5
    assert cut_val(before, groups) == after
