"""Lets something hostile be tried: how long it took, what it raised, and what it touched outside its folder.

A sentence is an ``FtbenchError``, printed as the command line prints it. Anything else that is raised, more than
``SECONDS`` of processor time, a control character on the terminal, a file written, a process started or a connection
opened elsewhere is a finding.
"""

from __future__ import annotations

import faulthandler
import io
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from ftbench.console import Console
from ftbench.errors import FtbenchError
from ftbench.plaintext import shown_lines

SECONDS = 5.0
"""Of processor time: others on the machine do not count."""
WAITED = 120.0
"""Seconds by the clock, after which something that waits for ever ends everything with a traceback."""
LONGEST = 20_000
"""Characters of a sentence; of a file with many mistakes each has one."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PATHS = {
    **dict.fromkeys(("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.chown", "os.utime"), 1),
    **dict.fromkeys(("os.rename", "os.link", "os.symlink"), 2),
}
_NEVER = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect", "socket.bind"}
_NEVER |= {"pickle.find_class"}
_ITS_OWN = {"git", "/sbin/ldconfig"}
"""Programs that the harness and ctypes ask about the machine, whatever the file says."""


class TooLong(BaseException):
    """Raised where something works for longer than it may; no handler for errors swallows it."""


@dataclass
class Watch:
    """What is being tried now."""

    allowed: Path | None = None
    """Where it may write; None while nothing is tried."""
    touched: list[str] = field(default_factory=list)

    def hook(self, event: str, given: tuple[Any, ...]) -> None:
        """An audit hook, which can never be taken out again."""
        if self.allowed is None:
            return
        if event in _NEVER and given[0] not in _ITS_OWN:
            self.touched.append(f"{event} {given[:2]}")
        elif event == "open" and isinstance(given[2], int) and given[2] & _WRITING:
            self._path(event, given[0])
        elif event in _PATHS:
            for path in given[: _PATHS[event]]:
                self._path(event, path)

    def _path(self, event: str, path: object) -> None:
        if not isinstance(path, str | bytes | os.PathLike) or self.allowed is None:
            return
        whole = Path(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 - a hook must not look at the disk
        # torch makes a folder for its compiler when that is imported, whatever is done then.
        its_own = whole == Path(os.devnull) or whole.name.startswith("torchinductor_")
        if not its_own and not whole.is_relative_to(self.allowed):
            self.touched.append(f"{event} {whole}")


_WATCH = Watch()


@dataclass(frozen=True)
class Tried:
    """How something ended."""

    how: str
    """``run``, ``sentence``, or what was found: a few words that are the same for the same fault."""
    said: str = ""
    """The sentence, or the traceback."""
    seconds: float = 0.0
    """Of processor time."""

    @property
    def found(self) -> bool:
        """Whether something is to be mended."""
        return self.how not in ("run", "sentence")


def prepare() -> None:
    """Watch this process from now on."""
    sys.dont_write_bytecode = True
    if not getattr(_WATCH, "hooked", False):
        sys.addaudithook(_WATCH.hook)
        _WATCH.hooked = True  # type: ignore[attr-defined]


def tried(work: Callable[[], object], allowed: Path) -> Tried:
    """Do it, while it may write under ``allowed`` alone."""
    begin = time.process_time()
    said, how = "", "run"
    try:
        with _limited(), _watched(allowed):
            work()
    except FtbenchError as error:
        how, said = "sentence", str(error)
    except TooLong:
        how, said = "over the time", traceback.format_exc()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        how, said = f"{type(error).__name__} in {_place(error)}", traceback.format_exc()
    seconds = time.process_time() - begin
    if _WATCH.touched:
        how, said = f"touched {_WATCH.touched[0]}", "\n".join(_WATCH.touched)
        _WATCH.touched.clear()
    elif how == "sentence" and (fault := _fault(said)):
        how = fault
    elif how in ("run", "sentence") and seconds > SECONDS:
        how, said = "over the time", said or f"{seconds:.1f} s"
    return Tried(how, said, seconds)


def _fault(sentence: str) -> str:
    """What is wrong with a sentence as the command line would print it; empty where nothing is."""
    held = io.StringIO()
    Console(file=held, soft_wrap=True).print(f"ftbench: {sentence}", highlight=False, markup=False)
    told = held.getvalue()
    if not sentence.strip():
        return "an empty sentence"
    if "Traceback" in told:
        return "a traceback in a sentence"
    if shown_lines(told) != told:
        return "a control character in a sentence"
    return "a sentence without an end" if len(told) > LONGEST else ""


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "ftbench" in frame.filename] or list(frames)
    last = ours[-1] if ours else None
    return f"{Path(last.filename).name}:{last.name}" if last else "?"


@contextmanager
def _watched(allowed: Path) -> Iterator[None]:
    _WATCH.allowed = allowed
    try:
        yield
    finally:
        _WATCH.allowed = None


@contextmanager
def _limited() -> Iterator[None]:
    def ends(number: int, frame: FrameType | None) -> None:
        raise TooLong

    faulthandler.dump_traceback_later(WAITED, exit=True, file=sys.__stderr__ or sys.stderr)
    if not hasattr(signal, "setitimer"):
        # Windows has no such clock: judged by the seconds alone.
        yield
        faulthandler.cancel_dump_traceback_later()
        return
    before = signal.signal(signal.SIGPROF, ends)
    # A few seconds later than counts as too long: what is late shall show where.
    signal.setitimer(signal.ITIMER_PROF, 2 * SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        faulthandler.cancel_dump_traceback_later()
