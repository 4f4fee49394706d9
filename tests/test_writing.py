"""Whatever a library raises when a disk is full, the user hears one sentence."""

from __future__ import annotations

import errno
import gzip
import time
from pathlib import Path

import pandas as pd
import pytest
import safetensors.torch
import torch

from ftbench.errors import CannotWrite
from ftbench.storage import checkpoint
from ftbench.storage import files as writing
from ftbench.storage.files import csv_bytes, gzipped, write_atomically
from ftbench.storage.store import UNFINISHED
from ftbench.train import loop
from tests.small_pair import run


def full(self: Path, content: bytes) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("file", ["checkpoint.safetensors", "weights.safetensors", "curve.csv"])
def test_a_disk_that_fills_in_a_training_is_one_sentence(
    tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    honest = Path.write_bytes

    def fills(self: Path, content: bytes) -> int:
        return full(self, content) if self.name.startswith(f".{file.partition('.')[0]}-") else honest(self, content)

    monkeypatch.setattr(Path, "write_bytes", fills)
    with pytest.raises(CannotWrite, match=rf"cannot write '{file}'.*No space left on device.*--out"):
        run(tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_the_writers_of_libraries_never_meet_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # safetensors raises SafetensorError there, torch RuntimeError "unexpected pos": neither says what is wrong.
    def to_disk(*given: object, **more: object) -> None:
        raise AssertionError(f"{given} went past ftbench.storage.files")

    monkeypatch.setattr(torch, "save", to_disk)
    monkeypatch.setattr(safetensors.torch, "save_file", to_disk)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    run(tmp_path)
    assert not hasattr(loop, "save_file")
    assert not hasattr(checkpoint, "save_file")
    assert (tmp_path / UNFINISHED).exists()


def test_a_disk_error_that_a_library_hid_is_found(tmp_path: Path) -> None:
    def hides(path: Path) -> None:
        try:
            full(path, b"")
        except OSError as error:
            raise RuntimeError("unexpected pos 3244416 vs 3244308") from error

    with pytest.raises(CannotWrite, match="No space left on device"):
        write_atomically(tmp_path / "x", hides)

    def plain(path: Path) -> None:
        raise RuntimeError("a fault of its own")

    with pytest.raises(RuntimeError, match="of its own"):
        write_atomically(tmp_path / "x", plain)


def test_equal_tables_are_equal_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"name": ["λ", "a,b"], "value": [0.1, float("nan")]})
    first = gzipped(csv_bytes(frame))
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert gzipped(csv_bytes(frame)) == first
    assert gzip.decompress(first) == 'name,value\nλ,0.1\n"a,b",\n'.encode()
    # Neither a time nor a name in the header (RFC 1952): flags 0, and four bytes of time that are 0.
    assert first[3:8] == b"\0\0\0\0\0"
    assert writing.gzipped(b"x") != first
