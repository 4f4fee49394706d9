"""``ftbench run`` in a process of its own, watched by a light one that tells how it ended if it cannot tell itself.

The run writes notes into a file: where its cells are, which call took too long, its exit code. A process that is
gone without an exit code in there was ended by something else: a crash, the system, or a part. Then the cell is named
that it was working on.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from ftbench import stopping
from ftbench.errors import BadInput
from ftbench.machine import watchdog
from ftbench.machine.scratch import scratch
from ftbench.plaintext import shown
from ftbench.storage import claims
from ftbench.storage.places import place

VARIABLE = "FTBENCH_NOTES"
"""Environment variable from the watching process to the run: its own number and the file of notes."""
WATCHED = ("run", "train-marker")
GRACE = 60.0
"""Seconds that an orphaned run has to keep a checkpoint."""
FAILED = 1
_FRAME = re.compile(r'File "(.+?)", line (\d+)')


def wanted(arguments: Sequence[str]) -> bool:
    """Whether a command line is one of a long run that nobody watches yet."""
    command = next((argument for argument in arguments if not argument.startswith("-")), "")
    return command in WATCHED and "--help" not in arguments and bool(sys.executable)


def watch() -> int:
    """Start this same command again, watched; its exit code, or FAILED with a sentence when it has none of its own."""
    with scratch() as folder:
        notes = folder / "notes"
        notes.touch()
        environment = {**os.environ, VARIABLE: f"{os.getpid()}:{notes}"}
        child = subprocess.Popen([sys.executable, *sys.orig_argv[1:]], env=environment)
        with _forwarded(child):
            code = child.wait()
        return _judged(code, child.pid, read_notes(notes), crash_place(notes.with_name("notes.crash")))


class Notes:
    """The run's side: what it writes down for the process that watches it; nothing where none does."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self.crash: TextIO | None = None
        """Where a crash of the interpreter is written down; None: on standard error."""
        self.tell: Callable[[Mapping[str, Any]], object] = lambda values: None
        """Who hears of notes as well."""

    def write(self, **values: Any) -> None:
        """Add a note."""
        self.tell(values)
        if self.file is None:
            return
        # A full disk is told of where something of worth is written.
        with contextlib.suppress(OSError), self.file.open("a", encoding="utf-8") as text:
            text.write(json.dumps(values) + "\n")


notes = Notes()


def report_to_parent() -> bool:
    """In the watched process, at its start: note things from now on, and end with the parent. False: nobody watches."""
    parent, _, file = os.environ.pop(VARIABLE, "").partition(":")
    # A stale variable, handed down by somebody else's process.
    if not parent.isdigit() or int(parent) != os.getppid():
        return False
    notes.file = Path(file)
    notes.crash = Path(file + ".crash").open("w", encoding="utf-8")  # noqa: SIM115  (open as long as the process)
    watchdog.end_with(int(parent), stopping.ask, GRACE)
    return True


@contextlib.contextmanager
def _forwarded(child: subprocess.Popen[bytes]) -> Iterator[None]:
    def forward(number: int, _: object) -> None:
        # On Windows the console tells both.
        if sys.platform != "win32":
            child.send_signal(number)

    before = {number: signal.getsignal(number) for number in stopping.SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, forward)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _judged(code: int, process: int, noted: Mapping[str, Any], crash: str = "") -> int:
    if "ended" in noted:
        return int(noted["ended"])
    if -code in stopping.SIGNALS:
        # Before it could listen.
        _say(f"stopped by {signal.Signals(-code).name}; the same command again goes on from here")
        return stopping.code_of(-code)
    where = None
    # A remote store may be away.
    with contextlib.suppress(BadInput):
        where = working_on(place(noted["store"]), process) if "store" in noted else None
    cell = f" while it worked on {where}" if where else ""
    if "slow" in noted:
        _say(
            f"the run was ended{cell}: {noted['slow']}; the same command again tries that cell last "
            "(FTBENCH_CALL_SECONDS sets the limit, 0 for none)"
        )
    else:
        kept = "finished cells are kept" + (", the same command again tries that cell last" if where else "")
        _say(f"the run did not finish: its process ended{cell} ({how_ended(code)}{crash}); {kept}")
    return FAILED


def how_ended(code: int) -> str:
    """In words: an exit code, or the signal that a negative one stands for."""
    if code >= 0:
        return f"with exit code {code}, which a part or a library must have asked for"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL":
        return "SIGKILL: by hand, or by the system when memory ran out"
    return f"{name}: a crash of a library or a part" if name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE") else name


def working_on(store: Path, process: int) -> str | None:
    """The cell that a process left without a word, as ``train conv7 … (3f2a91bc)``; None where none is found."""
    for folder, said in claims.owners(store):
        if said.get("pid") == process and "label" in said:
            label = str(said["label"]).removeprefix("fit ")
            return shown(f"{said.get('kind')} {label}, cell {folder.name}")
    return None


def read_notes(file: Path) -> dict[str, Any]:
    """All that a process noted, the last word on each thing; {} where there is nothing."""
    noted: dict[str, Any] = {}
    with contextlib.suppress(OSError):
        for line in file.read_text(encoding="utf-8").splitlines():
            # The last line may be cut.
            with contextlib.suppress(ValueError):
                noted |= json.loads(line)
    return noted


def crash_place(file: Path) -> str:
    """Where the interpreter crashed, as ``, at ends.py, line 15``; all that it said is shown where tracebacks are."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    if text and (os.environ.get("FTBENCH_TRACEBACK") or "--traceback" in sys.argv):
        print(text, file=sys.stderr)
    found = _FRAME.search(text)
    return f", at {shown(found[1])}, line {found[2]}" if found else ""


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(f"ftbench: {sentence}", file=sys.stderr, flush=True)
