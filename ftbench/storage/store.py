"""Finished and half-finished cells on disk, found by identity.

One folder a cell: its settings, then what it made. ``done.json`` is written last, so a cell without it is
unfinished; it holds the size and the digest of each file, and of itself, and what is read is held against them. Every
file appears whole or not at all; a lock and a claim keep two runs from working on one cell.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import filelock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ftbench.errors import BadInput, CannotWrite, CellFailed
from ftbench.storage.claims import Held, Lost, claimed, ended_inside, own_files, still_held
from ftbench.storage.files import write_atomically, write_bytes, write_json
from ftbench.storage.places import is_remote, sizes
from ftbench.storage.seal import digest_of, own_digest

__all__ = ["CellFolder", "Damaged", "Held", "Lost", "Store", "held", "write_atomically", "write_json"]

Made = TypeVar("Made")
DONE = "done.json"
CELL = "cell.json"
UNFINISHED = "checkpoint.safetensors"
"""What a training goes on from; removed when its cell is done."""
PICKLED = "checkpoint.pt"
"""The same as an earlier release wrote it; never read."""
RUNNING = "running.json"
"""Of earlier releases, where a process ended inside a cell."""
FAILED = "failed.json"
"""Why it could not be finished; see ``storage.failure``."""
LOCK, CLAIM, SHARED = ".lock", ".claim", "tables.lock"
SET_ASIDE = ".damaged-"
WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)
"""What a file system says that has no locks."""
_LOOK = 0.2


class Damaged(CellFailed):
    """A file of a cell is not what was written there; ``file`` is its path, ``reason`` a few words."""

    def __init__(self, message: str, file: Path = Path(), reason: str = "") -> None:
        super().__init__(message)
        self.file, self.reason = file, reason


class _File(BaseModel):
    model_config = ConfigDict(strict=True)
    bytes: int
    sha256: str


FileName = Annotated[str, Field(pattern=r"^[^./\\][^/\\]*$")]


class _Done(BaseModel):
    """What ``done.json`` must say. Stores of earlier releases list their files without digests."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)
    status: Literal["done", "stalled"]
    files: dict[FileName, _File] | list[FileName]
    seconds: float = Field(0, ge=0)
    images: int = Field(0, ge=0)
    digest: str = ""


@dataclass(frozen=True)
class CellFolder:
    """The place of one cell."""

    path: Path

    @property
    def summary(self) -> dict[str, Any] | None:
        """What the finished cell says of itself, or None when it is unfinished; sizes are checked, digests are not.

        Raises BadInput where it may not be read.
        """
        try:
            found = self._done()
            there = sizes(self.path) if found else {}
            for name, size in _sizes(found).items():
                # A cell that lost a file, to a clean-up or a copy that broke off, is done again.
                if name not in there or size not in (None, there[name]):
                    return None
        except (Damaged, OSError):
            return None
        return found

    def file(self, name: str) -> Path:
        """The path of one of its files."""
        return self.path / name

    def read(self, name: str) -> bytes:
        """A file's content, held against the digest that was kept of it.

        Raises Damaged where it is not what was written, BadInput where it may not be read.
        """
        return self._held_against(name, self._kept(name))

    def _held_against(self, name: str, known: Mapping[str, Any] | None) -> bytes:
        content = self._bytes(name)
        if known and (len(content), hashlib.sha256(content).hexdigest()) != (known["bytes"], known["sha256"]):
            raise self._damaged(name, "it is not as it was written")
        return content

    def load(self, name: str, parse: Callable[[bytes], Made]) -> Made:
        """``parse`` of what ``read`` gives; whatever it raises means that the file is damaged."""
        content = self.read(name)
        try:
            return parse(content)
        except Exception as error:
            # No room for it says nothing of the file; torch has an error of its own for that.
            if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
                raise
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise self._damaged(name, f"it cannot be read: {said}") from error

    def faults(self, parsers: Mapping[str, Callable[[bytes], object]]) -> dict[str, str]:
        """File -> what is wrong with it, of a cell that says it is done; {} too where it is plainly unfinished.

        ``parsers`` are the files that it must have; in stores without digests they show at least that one is whole.
        """
        try:
            found = self._done()
        except Damaged as error:
            return {DONE: error.reason}
        if found is None:
            return {}
        wrong: dict[str, str] = {}
        known = found["files"] if isinstance(found["files"], dict) else {}
        for name in dict.fromkeys((*found["files"], *parsers)):
            try:
                if name in known:
                    self._held_against(name, known[name])
                else:
                    self.load(name, parsers.get(name, len))
            except Damaged as error:
                wrong[name] = error.reason
        return wrong

    def set_aside(self, names: Iterable[str]) -> list[str]:
        """Rename damaged files, so that the cell is unfinished and nothing is lost; the names that they have now."""
        moved = []
        try:
            for name in names:
                number = 1
                while (target := self.file(f"{name}{SET_ASIDE}{number}")).exists():
                    number += 1
                with contextlib.suppress(FileNotFoundError):
                    self.file(name).rename(target)
                    moved.append(target.name)
            self.file(DONE).unlink(missing_ok=True)
        except OSError as error:
            raise CannotWrite(f"cannot set a damaged file aside in {self.path}: {error.strerror}") from error
        return moved

    def begin(self, settings: Mapping[str, Any]) -> None:
        """Write down what the cell is, so that its folder can be read without the benchmark file."""
        write_json(self.file(CELL), dict(settings))

    def restamp(self, settings: Mapping[str, Any]) -> None:
        """Write anew what a cell is, of a finished one too; its other files keep the digests that they had."""
        found = self._done()
        self.begin(settings)
        if found is not None and isinstance(found["files"], dict):
            file = self.file(CELL)
            own = {CELL: {"bytes": file.stat().st_size, "sha256": digest_of(file)}}
            whole = {**found, "files": {**found["files"], **own}}
            write_json(self.file(DONE), {**whole, "digest": own_digest(whole)})

    def finish(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """Mark the cell as done, the last thing written; what ``summary`` gives from now on."""
        made = {name: size for name, size in sorted(sizes(self.path).items()) if _is_kept(name)}
        files = {name: {"bytes": size, "sha256": digest_of(self.file(name))} for name, size in made.items()}
        # As it will be read: a tuple comes back as a list.
        whole: dict[str, Any] = json.loads(json.dumps({**summary, "files": files}))
        still_held(self.file(CLAIM))
        write_json(self.file(DONE), {**whole, "digest": own_digest(whole)})
        for name in (UNFINISHED, FAILED):
            self.file(name).unlink(missing_ok=True)
        return whole

    def write(self, name: str, content: bytes) -> None:
        """Write one of its files, whole or not at all. Raises CannotWrite, and Lost where it is another's meanwhile."""
        still_held(self.file(CLAIM))
        write_bytes(self.file(name), content)

    def tidy(self) -> None:
        """Remove what a run left that was killed; only while the cell is held."""
        finished = self.summary is not None
        for name in self._left_over():
            if finished or name not in (UNFINISHED, PICKLED, FAILED):
                self.file(name).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what a run left in a finished cell that was killed in its last moments, unless another holds it."""
        with contextlib.suppress(Held, CannotWrite, OSError):
            if self._left_over() and self.summary is not None:
                with self.locked():
                    self.tidy()

    def _left_over(self) -> list[str]:
        own = {LOCK, *own_files(self.file(CLAIM))}
        names = [file.name for file in self.path.iterdir()]
        hidden = [name for name in names if name.startswith(".") and name not in own]
        return [*hidden, *(name for name in names if name in (RUNNING, UNFINISHED, PICKLED, FAILED))]

    @contextlib.contextmanager
    def locked(self, who: Mapping[str, str] | None = None) -> Iterator[None]:
        """Hold the cell; raise Held when another run does. ``who``: what others may read of its holder, label and kind.

        The claim outlives only a process that ended inside the cell.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWrite(f"cannot write into {self.path.parent}: {error.strerror}; use --out") from error
        with held(self.file(LOCK), seconds=0, who=who):
            yield

    def is_free(self) -> bool:
        """Whether no other run holds it; what a dead one left of its claim is gone then."""
        try:
            with self.locked():
                return True
        except Held:
            return False

    def ended_its_process(self) -> bool:
        """Whether a process ended inside this cell, as far as this machine can know."""
        return ended_inside(self.file(CLAIM))

    def _bytes(self, name: str) -> bytes:
        try:
            return self.file(name).read_bytes()
        except PermissionError as error:
            raise BadInput(f"cannot read {self.file(name)}: {error.strerror}; mend its permissions") from error
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._damaged(name, "it is missing") from error
        except OSError as error:
            raise self._damaged(name, f"it cannot be read: {error.strerror}") from error

    def _done(self) -> dict[str, Any] | None:
        """``done.json`` as written, None where there is none. Raises Damaged where it is not what finish writes."""
        try:
            content = self._bytes(DONE)
        except Damaged as error:
            if isinstance(error.__cause__, (FileNotFoundError, NotADirectoryError)):
                return None
            raise
        try:
            found: dict[str, Any] = json.loads(content)
            seal = _Done.model_validate(found).digest
        except (ValueError, RecursionError) as error:
            kind = "it is not what a finished cell writes" if isinstance(error, ValidationError) else "it is no JSON"
            raise self._damaged(DONE, kind) from error
        if isinstance(found["files"], dict) and seal != own_digest(found):
            raise self._damaged(DONE, "it is not as it was written")
        return {key: value for key, value in found.items() if key != "digest"}

    def _kept(self, name: str) -> dict[str, Any] | None:
        """Size and digest of a file, where the cell is done and keeps them."""
        with contextlib.suppress(Damaged):
            files = (self._done() or {}).get("files")
            if isinstance(files, dict):
                return files.get(name)
        return None

    def _damaged(self, name: str, reason: str) -> Damaged:
        said = f"{name} of cell {self.path.name} is damaged ({reason}); run its benchmark again, which makes it anew"
        return Damaged(said, self.file(name), reason)


@dataclass(frozen=True)
class Store:
    """All cells of a results folder."""

    root: Path

    def cell(self, kind: str, identity: str) -> CellFolder:
        """The folder of a cell, there or not."""
        return CellFolder(self.root / f"{kind}-{identity[:24]}")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold what all runs of the folder share, waiting for those that do: its tables and settings, no cell.

        Half written files beside it are then a killed run's, and removed. Raises CannotWrite.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWrite(f"cannot write into {self.root}: {error.strerror}; use --out") from error
        with held(self.root / SHARED, seconds=-1):
            with contextlib.suppress(OSError):
                for file in self.root.glob(".*.json"):
                    file.unlink(missing_ok=True)
            yield


@contextlib.contextmanager
def held(file: Path, seconds: float, who: Mapping[str, str] | None = None) -> Iterator[None]:
    """Hold a lock file and the claim beside it, waiting ``seconds`` for them, for ever where negative.

    Raises Held when another process does. Where there are no locks the claim serves alone: of a lock that is granted
    on a network drive nobody knows what it is worth.
    """
    until = time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        try:
            _lock(file, seconds, stack)
            while True:
                try:
                    stack.enter_context(claimed(file.with_name(file.name.removesuffix("lock") + CLAIM[1:]), who or {}))
                    break
                except Held:
                    if seconds >= 0 and time.monotonic() >= until:
                        raise
                time.sleep(_LOOK)
        except OSError as error:
            raise CannotWrite(f"cannot write into {file.parent}: {error.strerror or error}; use --out") from error
        yield


def _lock(file: Path, seconds: float, stack: contextlib.ExitStack) -> None:
    if is_remote(file):
        # Object stores have none.
        return
    # The library's own stand-in for a lock outlives a process that is killed, on other machines for ever.
    lock = filelock.FileLock(file, fallback_to_soft=False)
    try:
        lock.acquire(timeout=seconds)
    except filelock.Timeout as error:
        raise Held("another run is working on this cell; wait for it, then run again") from error
    except NotImplementedError:
        return
    except OSError as error:
        if error.errno in WITHOUT_LOCKS:
            return
        raise
    stack.callback(lock.release)


def _sizes(found: Mapping[str, Any] | None) -> dict[str, int | None]:
    """File -> bytes, None where only its presence is known."""
    files = found["files"] if found else {}
    return {name: files[name]["bytes"] if isinstance(files, dict) else None for name in files}


def _is_kept(name: str) -> bool:
    own = (DONE, UNFINISHED, RUNNING, PICKLED, FAILED)
    return not name.startswith(".") and name not in own and SET_ASIDE not in name
