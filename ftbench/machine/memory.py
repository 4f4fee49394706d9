"""How the C library hands memory to this process, and how it is told that there is no more."""

from __future__ import annotations

import ctypes
import gc
import os
import re
import sys
from functools import cache

from ftbench.errors import told

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Numbers of mallopt(3)."""
LARGEST_BLOCK, LARGEST_REST = 2**30, 2**31 - 1

EXHAUSTED = re.compile(
    # torch on Linux, elsewhere, of a GPU; C++ as torch and onnxruntime pass it on; NVIDIA's libraries.
    r"DefaultCPUAllocator: (can't allocate|not enough) memory|CUDA (error: )?out of memory"
    r"|std::bad_alloc|bad allocation|CU(DNN|BLAS|FFT|SOLVER)_STATUS_ALLOC_FAILED"
    r"|(failed|unable|not able) to allocate (memory|.{0,40} bytes)",
    re.IGNORECASE,
)
"""How libraries tell it in words, in errors that are of no kind of their own."""


def ran_out(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, says that memory, of the machine or of a GPU, is all in use."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        # By its name: torch is not imported for it.
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            return True
        if EXHAUSTED.search(told(error)):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def give_back() -> None:
    """Return what nobody uses any more to the system and to the GPU, for another try."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


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
