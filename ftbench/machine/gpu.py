"""Is there a GPU? Asked of the driver first: where there is none, nobody has to wait for torch to be imported."""

from __future__ import annotations

import ctypes
import functools
import sys
from pathlib import Path

DRIVERS = {"win32": "nvcuda.dll", "linux": "libcuda.so.1"}
"""What torch itself opens to reach a GPU of NVIDIA's."""
OTHER = Path("/dev/kfd")
"""By which builds of torch for AMD reach theirs."""


def gpu_present() -> bool:
    """Whether CUDA can be used."""
    return gpu_count() > 0


def gpu_count() -> int:
    """How many GPUs CUDA can use."""
    # A torch that is there already costs nothing to ask.
    if "torch" not in sys.modules and not _driver():
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def gpu_names() -> list[str]:
    """What they are called."""
    count = gpu_count()
    if not count:
        return []
    import torch

    return [torch.cuda.get_device_name(number) for number in range(count)]


@functools.cache
def _driver() -> bool:
    """Whether there could be a GPU: False only where torch could reach none."""
    if OTHER.exists():
        return True
    try:
        ctypes.CDLL(DRIVERS[sys.platform])
    except (KeyError, OSError):
        return False
    return True
