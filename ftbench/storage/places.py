"""Where results lie: in a folder, or on a store that fsspec reaches, such as ``s3://bucket/results``.

Both are handled as a ``pathlib.Path``. A remote one only has the part of its interface that is used on results
(``ftbench.storage.remote``), and nothing of it is imported before one is named.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ftbench.errors import BadInput

_URL = re.compile(r"(?:[a-z0-9+.-]+::)*(?P<protocol>[a-z][a-z0-9+.-]+)://")
"""Two letters at least: ``C:`` is a drive."""
_COLLAPSED = re.compile(r"(s3a?|gc?s|az|abfss?|sftp|ssh|hdfs):[/\\][^/\\]")
"""What pathlib leaves of a remote place."""
LOCAL = ("file", "local")


def place(word: str | Path) -> Path:
    """The folder or file that a user named. Raises BadInput where it names a store that cannot hold results."""
    text = str(word)
    if _COLLAPSED.match(text):
        raise BadInput(f"{text} was a remote place before it became a pathlib.Path; give it as text, with its //")
    found = _URL.match(text)
    if not found or not isinstance(word, str):
        return Path(word)
    if found["protocol"] in LOCAL:
        return Path(url2pathname(urlsplit(text).path))
    try:
        from ftbench.storage.remote import reached
    except ImportError as error:
        raise BadInput(f"{text} needs a package that is missing ({error}): pip install 'ftbench[remote]'") from error
    return reached(text, found["protocol"])


def is_remote(path: Path) -> bool:
    """Whether a place is on no file system of this machine."""
    return not isinstance(path, Path)


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file in a folder, by name; {} where there is no folder. One request of a remote store."""
    found: dict[str, int] = {}
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if is_remote(folder):
            from ftbench.storage.remote import listed

            return {name: size for name, size in listed(folder) if size is not None}
        with os.scandir(folder) as entries:
            for entry in entries:
                # Some go meanwhile, such as another run's sign of life.
                with contextlib.suppress(FileNotFoundError):
                    if entry.is_file():
                        found[entry.name] = entry.stat().st_size
    return found


def check_place(out: Path) -> None:
    """See that a remote results folder can be used, before anything is computed; raises BadInput where it cannot."""
    if is_remote(out):
        from ftbench.storage.remote import check_store

        check_store(out)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that it holds, as far as that can be done."""
    if is_remote(folder):
        from ftbench.storage.remote import remove_all

        remove_all(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)
