"""What code writes to standard output, caught also where it goes past Python."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from ftbench.testing import places


@dataclass
class Printed:
    """Filled when the code has run."""

    text: str = ""
    where: str = ""
    """``file:line`` of the first print; ``""`` when the text came past Python."""


@contextlib.contextmanager
def captured_output() -> Iterator[Printed]:
    """Everything written to standard output inside, by Python or to file descriptor 1; the caller's stays clean."""
    printed, python = Printed(), _Listener()
    with contextlib.redirect_stdout(python), tempfile.TemporaryFile() as file:
        _flush()
        saved = os.dup(1)
        os.dup2(file.fileno(), 1)
        try:
            yield printed
        finally:
            _flush()
            os.dup2(saved, 1)
            os.close(saved)
            file.seek(0)
            printed.text = python.getvalue() + file.read().decode("utf-8", "replace")
            printed.where = python.where


class _Listener(io.StringIO):
    where = ""

    def write(self, text: str) -> int:
        if not self.where:
            frame = sys._getframe(1)
            self.where = places.shown(frame.f_code.co_filename, frame.f_lineno)
        return super().write(text)


def _flush() -> None:
    if sys.__stdout__ is not None and not sys.__stdout__.closed:
        sys.__stdout__.flush()
