"""A disk that is full or read-only: at each write of a run in turn, and for real on a small tmpfs.

Must show: exit code 2 and one sentence that says what the disk said; the same command goes on afterwards, to the same
tables. ``writes`` makes the operating system's answer at the n-th write, for every n, and at all that follow. ``tmpfs``
mounts one as an ordinary user in a namespace of its own (Linux), smaller than the results, and makes it larger then.
"""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reliability.tiny_run import Ended, TinyRun

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
PAGE = 4096
"""Bytes: a tmpfs counts whole pages."""


def main(arguments: list[str]) -> int:
    """Try both; 1 where something fell short."""
    parser = argparse.ArgumentParser(prog="disk", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="fail at every N-th write only")
    parser.add_argument("--sizes", type=int, default=20, help="sizes of the tmpfs")
    parser.add_argument("--only", choices=("writes", "tmpfs"), help="one of the two")
    parser.add_argument("--within", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.within:
        return 1 if tmpfs(given.within, given.sizes) else 0
    print("must show: exit code 2, one sentence, and the same tables after the same command again")
    began, short = time.perf_counter(), 0
    with tempfile.TemporaryDirectory() as home:
        if given.only != "tmpfs":
            short += writes(Path(home) / "writes", given.every)
        if given.only != "writes":
            short += _in_a_namespace(Path(home), given.sizes)
    print(f"{time.perf_counter() - began:.0f} s")
    return 1 if short else 0


def writes(home: Path, every: int = 1, first: int = 1, numbers: Sequence[int] = (errno.ENOSPC, errno.EROFS)) -> int:
    """Fail at the n-th write and at all later ones, for every n from ``first`` on; how many fell short.

    ``numbers``: what the system answers.
    """
    tiny = TinyRun(home)
    original = _original(tiny)
    short = 0
    for number in numbers:
        counts: Counter[str] = Counter()
        n, reached = first, True
        while reached:
            shutil.rmtree(tiny.results, ignore_errors=True)
            with _failing(tiny.results, n, number) as disk:
                ended = tiny.run()
            reached = disk.failed > 0
            if reached:
                wrong = [*_sentence(ended, os.strerror(number)), *_goes_on(tiny, original)]
                counts["fell short" if wrong else "a sentence, and went on"] += 1
                for line in wrong:
                    print(f"FOUND at write {n} ({disk.first}), {os.strerror(number)}: {line}", flush=True)
            n += every
        short += counts["fell short"]
        print(f"{os.strerror(number)} at each of {disk.seen} writes: {dict(counts)}", flush=True)
    return short


def tmpfs(mounted: Path, sizes: int) -> int:
    """On a tmpfs that is too small, then large enough, then read-only; how many fell short."""
    with tempfile.TemporaryDirectory() as home:
        tiny = TinyRun(Path(home), mounted / "results")
        _remount(mounted, "size=256m,rw")
        original = _original(tiny)
        files = [file.stat().st_size for file in tiny.results.rglob("*")]
        needed = sum(PAGE * -(-size // PAGE) for size in files)
        short = 0
        counts: Counter[str] = Counter()
        for step in range(1, sizes + 1):
            shutil.rmtree(tiny.results, ignore_errors=True)
            size = needed * step // (sizes + 1)
            _remount(mounted, f"size={max(PAGE, size)},rw")
            ended = tiny.run()
            wrong = list(_sentence(ended, os.strerror(errno.ENOSPC)))
            _remount(mounted, "size=256m,rw")
            wrong += _goes_on(tiny, original)
            # A finished run needs hardly any room to find that it is finished; nothing may be lost where it has none.
            _remount(mounted, "size=256m,ro")
            ended = tiny.run()
            wrong += _sentence(ended, os.strerror(errno.EROFS)) if ended.code else []
            wrong += ["read-only: another table"] if tiny.tables() != original else []
            _remount(mounted, "size=256m,rw")
            counts["fell short" if wrong else "a sentence, and went on"] += 1
            for line in wrong:
                print(f"FOUND on {size} of {needed} bytes: {line}", flush=True)
        short += counts["fell short"]
        print(f"tmpfs of {sizes} sizes under {needed} bytes, then read-only: {dict(counts)}", flush=True)
    return short


@dataclass
class Disk:
    """A disk that takes so many writes and no more; an audit hook, which can never be taken out again."""

    root: Path | None = None
    takes: int = 0
    error: int = 0
    seen: int = 0
    failed: int = 0
    first: str = ""

    def hook(self, event: str, given: tuple[Any, ...]) -> None:
        """Raise what the disk would, instead of what is about to be done."""
        if self.root is None or not given or not isinstance(given[0], str | bytes | os.PathLike):
            return
        path = Path(os.path.abspath(os.fsdecode(given[0])))  # noqa: PTH100 - the hook hears of each look at the disk
        if not path.is_relative_to(self.root) or not self._needs(event, given, path):
            return
        self.seen += 1
        if self.seen >= self.takes:
            self.failed += 1
            self.first = self.first or f"{event} {path.relative_to(self.root)}"
            raise OSError(self.error, os.strerror(self.error), str(path))

    def _needs(self, event: str, given: tuple[Any, ...], path: Path) -> bool:
        """Whether it takes room, or where the disk is read-only, whether it changes anything."""
        if self.error == errno.EROFS and event in ("os.rename", "os.remove", "os.rmdir", "os.chmod", "os.mkdir"):
            return True
        opened = event == "open" and isinstance(given[2], int) and bool(given[2] & WRITING)
        if self.error == errno.EROFS:
            return opened
        return (opened or event == "os.mkdir") and not os.path.lexists(path)


_DISK = Disk()


@contextmanager
def _failing(root: Path, takes: int, number: int) -> Iterator[Disk]:
    if not _DISK.takes:
        sys.addaudithook(_DISK.hook)
    _DISK.takes, _DISK.error, _DISK.seen, _DISK.failed, _DISK.first = takes, number, 0, 0, ""
    _DISK.root = root
    try:
        yield _DISK
    finally:
        _DISK.root = None


def _original(tiny: TinyRun) -> dict[str, bytes]:
    first = tiny.run()
    if first.code:
        raise RuntimeError(f"the run did not end well:\n{first.said}")
    return tiny.tables()


def _sentence(ended: Ended, reason: str) -> Iterator[str]:
    last = ended.said.strip().splitlines()[-1]
    if ended.code != 2:
        yield f"exit code {ended.code}: {last}"
    elif not last.startswith("ftbench: ") or reason not in last:
        yield f"not one sentence that says {reason!r}: {last}"


def _goes_on(tiny: TinyRun, original: dict[str, bytes]) -> Iterator[str]:
    again = tiny.run()
    if again.code:
        yield f"the same command again: exit code {again.code}: {again.said.strip().splitlines()[-1]}"
    elif (made := tiny.tables()) != original:
        other = sorted(name for name in made.keys() | original.keys() if made.get(name) != original.get(name))
        yield f"the same command again: other tables: {other}"
    elif left := [file.name for file in tiny.results.rglob(".*-*") if file.is_file()]:
        yield f"the same command again leaves {left}"


def _in_a_namespace(home: Path, sizes: int) -> int:
    """``tmpfs`` in a namespace where this user may mount one; 0 and a sentence where that cannot be had."""
    mounted = home / "tmpfs"
    mounted.mkdir()
    mount = 'mount -t tmpfs -o size=256m none "$1" || exit 77; shift; exec "$@"'
    command = [sys.executable, "-m", "benchmarks.reliability", "disk", "--sizes", str(sizes), "--within", str(mounted)]
    whole = ["unshare", "-rm", "sh", "-c", mount, "sh", str(mounted), *command]
    if not shutil.which("unshare") or (code := subprocess.run(whole, check=False).returncode) == 77:
        print("tmpfs: not tried, since nobody may mount one here")
        return 0
    return code


def _remount(mounted: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(mounted)], check=True)
