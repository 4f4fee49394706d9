"""Numbers that can be believed: estimates with intervals, exact tests, and what is different beyond chance.

Imports no other room. Names scipy's modules in full, which scipy loads when they are first used: it takes longer than
all of ftbench without torch.
"""

from ftbench.statistics.detection import capacity, false_positive_rate, p_value, smallest_match, traced_share
from ftbench.statistics.estimates import (
    Estimate,
    clustered_rate,
    clustered_rates,
    difference_over_images,
    difference_over_seeds,
    mean_over_images,
    mean_over_seeds,
    means_over_images,
    paired_difference,
    unseen_share,
    wilson,
    worst_rate,
)
from ftbench.statistics.significance import holm, sign_flip

__all__ = [
    "Estimate",
    "capacity",
    "clustered_rate",
    "clustered_rates",
    "difference_over_images",
    "difference_over_seeds",
    "false_positive_rate",
    "holm",
    "mean_over_images",
    "mean_over_seeds",
    "means_over_images",
    "p_value",
    "paired_difference",
    "sign_flip",
    "smallest_match",
    "traced_share",
    "unseen_share",
    "wilson",
    "worst_rate",
]
