"""What the family declares, one module a category: records and parameters, nothing heavy is imported here."""

from __future__ import annotations

from ftbench_distortions.records import blur, colour, compression, erasure, geometry, noise

SINGLE = (
    *compression.RECORDS,
    *blur.RECORDS,
    *noise.RECORDS,
    *geometry.RECORDS,
    *colour.RECORDS,
    *erasure.RECORDS,
)
"""Every distortion but ``chain``, which is made of these."""
