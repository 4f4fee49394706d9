"""Does a results folder agree with itself? Every file and number in it, against what it was made from."""

from __future__ import annotations

from collections.abc import Iterator

from ftbench.claims.recount import against_rows
from ftbench.storage.manifest import MANIFEST, Folder
from ftbench.storage.seal import digest_of, files_of, own_digest


def faults(folder: Folder) -> list[str]:
    """One sentence for each way in which the folder is not what was written; none where it is sound."""
    # Without rows the digests are all there is: they catch accidents, and no one who makes them anew.
    return [*_seal(folder), *_files(folder), *(against_rows(folder) if folder.has_rows else [])]


def _seal(folder: Folder) -> Iterator[str]:
    if own_digest(folder.raw) != folder.manifest.digest:
        yield f"{MANIFEST}: something in it has changed since it was written; its own digest differs"


def _files(folder: Folder) -> Iterator[str]:
    there, listed = files_of(folder.path), folder.manifest.files
    for name in dict.fromkeys([*listed, *folder.row_files]):
        if name not in listed:
            yield f"{name}: the manifest names these rows but holds no digest of them"
        elif name not in there:
            # Rows may be left out, all of them, and readings, whichever.
            if name not in folder.reading_files and (name not in folder.row_files or folder.has_rows):
                yield f"{name} is missing"
        elif digest_of(there[name]) != listed[name]:
            yield f"{name} has changed since it was written; its digest is not the manifest's"
    yield from (f"{name} is not in the manifest: nothing vouches for it" for name in there if name not in listed)
