"""Results on a store that fsspec reaches: one path class, through which every request of ftbench goes.

Nothing is remembered between two requests, so that what another machine wrote is seen. One that fails in passing is
repeated (``ftbench.storage.patience``).
"""

from __future__ import annotations

import errno
import io
import uuid
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any, cast

import fsspec
from upath.extensions import ProxyUPath
from upath.types import StatResultType

from ftbench.errors import BadInput
from ftbench.storage.patience import patiently

WHOLE = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")
"""Stores whose puts are there whole or not at all; on others a file is written beside its place and moved there."""
S3 = {
    # One request a file, so that no file is read half before and half after it was replaced.
    "max_concurrency": 1,
    # Trying again is done here, where it can be stopped and told of.
    "config_kwargs": {"retries": {"total_max_attempts": 1}},
}


class Remote(ProxyUPath):
    """A place on a remote store: as much of ``pathlib.Path`` as is used on results.

    Folders are there as soon as a file in them is. Raises CannotWrite where the store cannot be reached.
    """

    __slots__ = ()

    def read_bytes(self) -> bytes:
        """The whole file, as it was at one moment."""
        return bytes(patiently(self, lambda: self.fs.cat_file(self.path)))

    def read_text(self, encoding: str | None = None, errors: str | None = None, newline: str | None = None) -> str:
        """``read_bytes``, decoded."""
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    def open(self, mode: str = "r", *arguments: Any, **options: Any) -> IO[Any]:  # type: ignore[override]
        """The whole file in memory: for reading, or with ``xb`` for making one that is not there.

        Of two makers one gets FileExistsError when it closes the file, which is when it is sent.
        """
        if mode == "xb":
            return _New(self)
        if mode not in ("r", "rb"):
            raise ValueError(f"a remote file is written whole, and not opened with {mode!r}")
        content = io.BytesIO(self.read_bytes())
        if mode == "rb":
            return content
        return io.TextIOWrapper(content, options.get("encoding") or "utf-8", newline=options.get("newline"))

    def write_bytes(self, data: bytes) -> int:
        """Put a file in its place, whole or not at all."""
        if self.protocol in WHOLE:
            patiently(self, lambda: self.fs.pipe_file(self.path, data))
        else:
            patiently(self, lambda: self._written(data))
        return len(data)

    def _written(self, data: bytes) -> None:
        beside = self.with_name(f".{uuid.uuid4().hex}")
        self.fs.makedirs(self.parent.path, exist_ok=True)
        try:
            self.fs.pipe_file(beside.path, data)
            self.fs.mv(beside.path, self.path)
        except BaseException:
            if self.fs.exists(beside.path):
                self.fs.rm_file(beside.path)
            raise

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        """Whether there is a file or a folder."""
        return self._kind() is not None

    def is_file(self) -> bool:
        """Whether it is a file."""
        return self._kind() == "file"

    def is_dir(self) -> bool:
        """Whether anything lies in it."""
        return self._kind() == "directory"

    def _kind(self) -> str | None:
        try:
            return str(patiently(self, lambda: self.fs.info(self.path))["type"])
        except (FileNotFoundError, NotADirectoryError):
            return None

    def stat(self, *, follow_symlinks: bool = True) -> StatResultType:
        """Size and time of a file."""
        return patiently(self, self.__wrapped__.stat)

    def iterdir(self) -> Iterator[Remote]:
        """What lies in a folder. Raises FileNotFoundError where nothing does."""
        for name, _ in listed(self):
            yield self / name

    def glob(self, pattern: str, **options: Any) -> Iterator[Remote]:
        """Names that match; unlike fsspec's, it takes signs in this place's own name as they are."""
        name, deeper, rest = pattern.partition("/")
        try:
            found = [path for path in self.iterdir() if fnmatchcase(path.name, name)]
        except (FileNotFoundError, NotADirectoryError):
            return
        for path in found:
            if deeper:
                yield from path.glob(rest)
            else:
                yield path

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: a folder comes with its files, and a bucket is not made by a slip of the pen."""

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove a file; object stores do not say whether it was there."""
        try:
            patiently(self, lambda: self.fs.rm_file(self.path))
        except FileNotFoundError:
            if not missing_ok:
                raise

    def replace(self, target: Any) -> Remote:
        """Move a file. It is copied first: what breaks off in between leaves it in both places."""
        patiently(self, lambda: self.fs.cp_file(self.path, target.path))
        self.unlink(missing_ok=True)
        return cast("Remote", target)

    def rename(self, target: Any, **options: Any) -> Remote:
        """``replace``."""
        return self.replace(target)


def reached(word: str, protocol: str) -> Path:
    """The place that a URL names; nothing is asked of its store yet. Raises BadInput where that cannot be."""
    if "::" in word or protocol in ("memory", "http", "https", "data", "zip", "tar", "github", "git", "reference"):
        raise BadInput(f"{word} holds no results that several processes share; give a place such as s3://bucket/folder")
    try:
        own = fsspec.config.conf.get(protocol, {})
        options = {**(S3 if protocol in ("s3", "s3a") else {}), "use_listings_cache": False, **own}
        found = Remote(word, **(options if protocol in WHOLE else own))
        # A missing package is found here.
        _ = found.fs
    except (ImportError, ValueError) as error:
        raise BadInput(f"{word} cannot be used: {error}") from error
    # All that is used of a Path here works on it too.
    return cast("Path", found.resolve())


class _New(io.BytesIO):
    """A file that is made where none is, once it is closed; its content must be nobody else's."""

    def __init__(self, path: Remote) -> None:
        super().__init__()
        self.path = path

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            self.close()
        else:
            super().close()

    def close(self) -> None:
        """Send it. Raises FileExistsError."""
        if self.closed:
            return
        content = self.getvalue()
        super().close()
        patiently(self.path, lambda: self._sent(content))

    def _sent(self, content: bytes) -> None:
        fs, path = self.path.fs, self.path.path
        try:
            fs.pipe_file(path, content, mode="create")
        except (OSError, ValueError) as error:
            # By which error a store says that it is there is its own affair. And where the answer to a put got lost
            # that had succeeded, the next put meets its own file.
            try:
                held = fs.cat_file(path)
            except FileNotFoundError:
                raise error from None
            if held != content:
                raise FileExistsError(errno.EEXIST, "it is there already", str(self.path)) from error


def listed(folder: Any) -> Iterator[tuple[str, int | None]]:
    """Name and bytes of each file in a folder, None of a folder in it. Raises FileNotFoundError where there is none."""
    for entry in patiently(folder, lambda: folder.fs.ls(folder.path, detail=True)):
        path = str(entry["name"]).rstrip("/")
        # Some tools mark a folder by an empty object of its name.
        if path != folder.path.rstrip("/"):
            yield path.rpartition("/")[2], int(entry["size"]) if entry["type"] == "file" else None


def remove_all(folder: Path) -> None:
    """Remove every file below a folder."""
    try:
        found = list(listed(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name, size in found:
        if size is None:
            remove_all(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)


def check_store(out: Path) -> None:
    """Ask a store for all that a run asks of it. Raises BadInput with what is missing: bucket, credentials, rights.

    A store that lets two makers of one file both succeed is refused: two runs would work on one cell.
    """
    probe = out / ".store" / f".probe-{uuid.uuid4().hex}"
    try:
        once = _made(probe, b"first") and not _made(probe, b"second") and probe.read_bytes() == b"first"
        probe.unlink()
        # Where listing is not allowed, S3 does not say of a file that it is not there.
        left = probe.exists()
    except FileNotFoundError as error:
        raise BadInput(f"{out}: there is no such place ({error.strerror}); make it first") from error
    except OSError as error:
        raise BadInput(f"{out}: {error.strerror}; its user must be allowed to read, list, write and delete") from error
    if left:
        raise BadInput(f"{out}: a file that was removed is still there; choose another store")
    if not once:
        raise BadInput(
            f"{out}: this store lets a second writer replace a file that is to be made once (If-None-Match), so that "
            "two runs could spoil each other's cells; choose another store"
        )


def _made(file: Path, content: bytes) -> bool:
    try:
        with file.open("xb") as opened:
            opened.write(content)
    except FileExistsError:
        return False
    return True
