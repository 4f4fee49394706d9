"""Numbers that can be believed: estimates with intervals, exact tests, and what is different beyond chance.

Imports no other room. Names ``scipy.stats`` in full, which scipy loads when it is first used: it takes longer than all
of ftbench without torch.
"""

from ftbench.statistics.estimates import (
    Estimate,
    capacity,
    clustered_rate,
    difference_over_images,
    difference_over_seeds,
    mean_over_images,
    p_value,
    paired_difference,
    smallest_match,
    unseen_share,
    wilson,
)
from ftbench.statistics.significance import holm, sign_flip

__all__ = [
    "Estimate",
    "capacity",
    "clustered_rate",
    "difference_over_images",
    "difference_over_seeds",
    "holm",
    "mean_over_images",
    "p_value",
    "paired_difference",
    "sign_flip",
    "smallest_match",
    "unseen_share",
    "wilson",
]
