"""The family's records. Defaults are one common training pool, so that a bare name means something.

The pool is SepMark's (Wu et al., ACM MM 2023): JPEG 50, resize .5, median 3, brightness, contrast and
saturation +.5, hue .1, dropout .3, salt-and-pepper .1, noise .1. Its blur, 3 taps of sigma 2, has the
variance of an untruncated Gaussian of sigma .8. What is not in that pool has a middling strength.
"""

from __future__ import annotations

from collections.abc import Iterable

import ftbench
from ftbench_distortions.records import SINGLE, chain


@ftbench.hookimpl
def ftbench_distortions() -> Iterable[ftbench.Distortion]:
    """Every distortion; all but ``identity``, ``flip`` and ``chain`` name the parameter that a strength grid varies."""
    yield from SINGLE
    yield chain.RECORD
