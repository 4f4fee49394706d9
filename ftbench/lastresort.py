"""What only a process of ftbench's own may do about plugins: catch their every output, and start again without one.

Python stops code by raising in it, and code that catches everything, or that turns the alarm off, goes on. The
command line then replaces its process by the same command, which is told whom to leave out. Nothing is lost: plugins
are loaded before any work begins. A notebook, or a test, is never replaced.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

LEFT_OUT = "FTBENCH_LEFT_OUT"
"""Environment variable between a command and itself: the plugins that it goes on without."""
GRACE = 2.0
"""Seconds beyond its time that a plugin has to come to its end."""
_LOOK = 0.25
_STREAMS = (0, 1, 2)


@dataclass(frozen=True)
class LeftOut:
    """A plugin that would not stop, and what the list says of it."""

    plugin: str
    distribution: str
    stage: str
    reason: str


@dataclass(frozen=True)
class _Command:
    """How this process was started, before any plugin could change that."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    folder: str


_command: list[_Command] = []
"""Empty where the process is not ftbench's own."""


def own_process() -> None:
    """Called by a command line at its start: this process does nothing else, and may be replaced."""
    # A folder that was removed has no name to come back to.
    with contextlib.suppress(OSError):
        _command[:] = [_Command((sys.executable, *sys.orig_argv[1:]), dict(os.environ), os.getcwd())]  # noqa: PTH109


def left_out() -> tuple[LeftOut, ...]:
    """Whom this command was started again without; nobody, where the variable is not ftbench's own writing."""
    try:
        return tuple(LeftOut(**one) for one in json.loads(os.environ.get(LEFT_OUT, "[]")))
    except (ValueError, TypeError):
        return ()


@dataclass
class Watch:
    """Over the plugins of one discovery."""

    streams: _Streams | None = None
    _deadline: float = 0.0
    _about: LeftOut | None = None
    _over: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def over(self, plugin: str, distribution: str, stage: str, seconds: float) -> Iterator[None]:
        """While code of a plugin runs that has this many seconds."""
        reason = f"hangs: it took more than {seconds:g} s and would not stop, so the command began again without it"
        self._deadline = time.monotonic() + seconds + GRACE
        self._about = LeftOut(plugin, distribution, stage, reason)
        try:
            yield
        finally:
            self._about = None

    def _look(self, command: _Command) -> None:
        while not self._over.wait(_LOOK):
            about = self._about
            if about and time.monotonic() > self._deadline:
                if self.streams:
                    self.streams.put_back()
                _start_again(command, about)


@contextlib.contextmanager
def watching() -> Iterator[Watch]:
    """For a discovery: catches what plugins write past Python, and ends one that does not end by itself.

    Does neither where the process is not ftbench's own.
    """
    watch = Watch()
    if not _command:
        yield watch
        return
    watch.streams = _Streams()
    guard = threading.Thread(target=watch._look, args=(_command[0],), name="ftbench watches plugins", daemon=True)
    guard.start()
    try:
        yield watch
    finally:
        watch._over.set()
        guard.join()
        watch.streams.close()


def _start_again(command: _Command, without: LeftOut) -> None:
    told = json.dumps([asdict(one) for one in (*left_out(), without)])
    with contextlib.suppress(OSError):
        os.chdir(command.folder)
        # An alarm outlives the process it was set in, and the new one does not expect it.
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        os.execve(command.arguments[0], command.arguments, {**command.environment, LEFT_OUT: told})


class _Streams:
    """The three standard descriptors: kept, standard output led to a file, and put back whatever a plugin did."""

    def __init__(self) -> None:
        _flush()
        self._kept = {number: copy for number in _STREAMS if (copy := _copied(number)) is not None}
        with tempfile.TemporaryFile() as file:
            caught = _copied(file.fileno())
        assert caught is not None
        self._caught = caught
        self._read = 0
        os.dup2(self._caught, 1)
        self._known = {number: _identity(number) for number in _STREAMS}

    def misdeeds(self) -> list[str]:
        """What was done to them since the last look, one sentence each, its subject left out."""
        _flush()
        found = []
        for number, known in self._known.items():
            if _identity(number) != known:
                found.append(f"closed or moved file descriptor {number}")
                self._lead(number)
        text = self._written().decode("utf-8", "replace").strip()
        if text:
            found.append(f"printed {text.splitlines()[0][:60]!r} to file descriptor 1")
        return found

    def put_back(self) -> None:
        """As they were at the start."""
        for number, copy in self._kept.items():
            os.dup2(copy, number)

    def close(self) -> None:
        """``put_back``, for good."""
        _flush()
        self.put_back()
        for copy in (*self._kept.values(), self._caught):
            os.close(copy)

    def _written(self) -> bytes:
        # What comes next goes to the end of the file again: descriptor 1 shares this place in it.
        end = os.lseek(self._caught, 0, os.SEEK_END)
        os.lseek(self._caught, self._read, os.SEEK_SET)
        first = os.read(self._caught, 4096)
        self._read = os.lseek(self._caught, end, os.SEEK_SET)
        return first

    def _lead(self, number: int) -> None:
        source = self._caught if number == 1 else self._kept.get(number)
        if source is not None:
            os.dup2(source, number)


def _copied(number: int) -> int | None:
    """Another descriptor of the same file; None of one that is closed."""
    try:
        os.fstat(number)
    except OSError:
        return None
    if sys.platform == "win32":
        return os.dup(number)
    import fcntl
    import resource

    # Far up, beyond what code closes that closes everything it did not open.
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    high = 4096 if most == resource.RLIM_INFINITY else min(4096, most)
    return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, max(10, high - 16))


def _identity(number: int) -> tuple[int, int] | None:
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _flush() -> None:
    for stream in (sys.stdout, sys.__stdout__):
        # A closed one, or none at all.
        with contextlib.suppress(ValueError, OSError, AttributeError):
            stream.flush()  # type: ignore[union-attr]
