"""How the C library hands memory to this process."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Numbers of mallopt(3)."""
LARGEST_BLOCK, LARGEST_REST = 2**30, 2**31 - 1


@cache
def keep_freed() -> bool:
    """Let this process keep the memory of tensors that are gone for the next ones; whether that could be set.

    glibc gives a block of 32 MiB or more back to the system when it is freed, so that whoever needs one next touches
    fresh pages, each of them a fault: an eighth of a step at 64 px. Other C libraries are left as they are, and so is
    one that the user has set by MALLOC_MMAP_THRESHOLD_ or GLIBC_TUNABLES.
    """
    if {"MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"} & os.environ.keys():
        return False
    return give_back_from(LARGEST_BLOCK, LARGEST_REST)


def give_back_from(block: int, rest: int) -> bool:
    """Bytes of a block, and of what is free at the heap's end, from which on memory goes back to the system.

    Whether that could be set: only glibc can.
    """
    library = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
    if library is None or not hasattr(library, "gnu_get_libc_version"):
        return False
    return bool(library.mallopt(M_MMAP_THRESHOLD, block) and library.mallopt(M_TRIM_THRESHOLD, rest))
