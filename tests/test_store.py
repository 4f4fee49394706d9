"""Files that appear whole or not at all, and cells that one run at a time may hold."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ftbench.errors import BadInput, CellFailed
from ftbench.storage.files import write_atomically, write_json
from ftbench.storage.store import CellFolder, Store


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("old")

    def fails(path: Path) -> None:
        path.write_text("half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_atomically(file, fails)
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_a_full_or_forbidden_disk_is_one_sentence(tmp_path: Path) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(BadInput, match=r"cannot write 'x\.json'.*No space left on device.*--out"):
        write_atomically(tmp_path / "x.json", full)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="--out"):
        write_json(tmp_path / "file" / "x.json", {})


def test_a_cell_without_its_last_file_is_unfinished(tmp_path: Path) -> None:
    cell = Store(tmp_path).cell("train", "f" * 64)
    assert cell.summary is None
    cell.begin({"kind": "train"})
    assert cell.summary is None
    cell.file("weights.safetensors").write_bytes(b"x")
    cell.file("checkpoint.pt").write_bytes(b"x")
    cell.finish({"status": "done"})
    assert cell.summary is not None
    assert cell.summary["status"] == "done"
    assert cell.summary["files"]["weights.safetensors"] == {"bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
    assert sorted(cell.summary["files"]) == ["cell.json", "weights.safetensors"]
    assert not cell.file("checkpoint.pt").exists()
    cell.file("weights.safetensors").unlink()
    assert cell.summary is None, "a cell that lost a file is done again"
    (cell.path / "done.json").write_text('{"status": ')
    assert cell.summary is None


def test_cells_of_other_identities_have_other_folders(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert len({store.cell(kind, identity).path for kind in ("fit", "train") for identity in ("a" * 64, "b" * 64)}) == 4


def test_json_keeps_letters(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"label": "λ=1"})
    assert "λ=1" in (tmp_path / "x.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8")) == {"label": "λ=1"}


def test_one_run_at_a_time_holds_a_cell(tmp_path: Path) -> None:
    cell = CellFolder(tmp_path / "cell")
    with cell.locked(), pytest.raises(CellFailed, match="another run"), CellFolder(tmp_path / "cell").locked():
        pass
    with cell.locked():
        pass
