"""What the family declares, one module a kind of deepfake: records and parameters, nothing heavy is imported here."""

from __future__ import annotations

from ftbench_deepfakes.records import attribute, reenactment, swap, synthesis

ALL = (*swap.RECORDS, *reenactment.RECORDS, *attribute.RECORDS, *synthesis.RECORDS)
