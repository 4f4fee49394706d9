"""What the family declares, one module a category: records and parameters, nothing heavy is imported here."""

from __future__ import annotations

from ftbench_distortions.records import blur, channels, colour, compression, erasure, geometry, noise

SINGLE = (
    *compression.RECORDS,
    *blur.RECORDS,
    *noise.RECORDS,
    *geometry.RECORDS,
    *colour.RECORDS,
    *erasure.RECORDS,
    *channels.RECORDS,
)
"""Every distortion but ``chain``, which is made of these."""
