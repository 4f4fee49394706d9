"""What can be read as a file at all."""

from __future__ import annotations

import stat
from pathlib import Path


def unfit(path: Path) -> str:
    """Why ``path`` is no file that can be read, a few words that name no path; empty where it is one."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "not found"
    except OSError as error:
        return closed(error)
    if stat.S_ISREG(mode):
        return ""
    # To open a pipe without a writer is to wait for ever, and a device may have no end.
    return "a folder" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"


def closed(error: OSError) -> str:
    """What the system says, in words that name no path."""
    return f"cannot be opened: {(error.strerror or 'unknown error').lower()}"
