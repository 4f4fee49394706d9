"""Files that appear whole or not at all, and cells that one run at a time may hold."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path

import filelock
import pytest

from ftbench.errors import BadInput, CannotWrite, CellFailed
from ftbench.storage.files import write_atomically, write_json
from ftbench.storage.store import UNFINISHED, CellFolder, Damaged, Held, Store


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
    cell.file(UNFINISHED).write_bytes(b"x")
    cell.finish({"status": "done"})
    assert cell.summary is not None
    assert cell.summary["status"] == "done"
    assert cell.summary["files"]["weights.safetensors"] == {"bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
    assert sorted(cell.summary["files"]) == ["cell.json", "weights.safetensors"]
    assert not cell.file(UNFINISHED).exists()
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


def finished(root: Path) -> CellFolder:
    cell = Store(root).cell("train", "f" * 64)
    cell.begin({"kind": "train"})
    cell.file("weights.safetensors").write_bytes(b"weights")
    cell.finish({"status": "done", "seconds": 1.5})
    return cell


MALFORMED = {
    "a list": "[]",
    "nothing": "null",
    "empty": "{}",
    "a number": "5",
    "no files": '{"status": "done"}',
    "files that are a number": '{"status": "done", "files": 5}',
    "files that are numbers": '{"status": "done", "files": [5]}',
    "a file elsewhere": '{"status": "done", "files": ["../x"]}',
    "another status": '{"status": "failed", "files": []}',
    "seconds that are a word": '{"status": "done", "files": [], "seconds": "x"}',
    "cut short": '{"status": ',
    "no text": "\ud800",
    "without end": "[" * 100_000,
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_finish_never_writes_is_unfinished_and_set_aside(case: str, tmp_path: Path) -> None:
    cell = finished(tmp_path)
    cell.file("done.json").write_bytes(MALFORMED[case].encode("utf-8", "surrogatepass"))
    assert cell.summary is None
    assert list(cell.faults({})) == ["done.json"]
    assert cell.set_aside(["done.json"]) == ["done.json.damaged-1"]
    assert not cell.file("done.json").exists()
    assert cell.faults({}) == {}


def test_a_changed_number_of_a_summary_is_noticed(tmp_path: Path) -> None:
    cell = finished(tmp_path)
    file = cell.file("done.json")
    file.write_text(file.read_text().replace("1.5", "7.5"))
    assert cell.summary is None
    assert cell.faults({}) == {"done.json": "it is not as it was written"}


def test_files_are_held_against_their_digests_when_read(tmp_path: Path) -> None:
    cell = finished(tmp_path)
    assert cell.read("weights.safetensors") == b"weights"
    assert cell.faults({}) == {}
    cell.file("weights.safetensors").write_bytes(b"weighty")
    assert cell.summary is not None, "sizes alone are cheap enough to be asked for often"
    assert cell.faults({}) == {"weights.safetensors": "it is not as it was written"}
    with pytest.raises(Damaged, match=r"weights\.safetensors of cell train-f+ is damaged"):
        cell.read("weights.safetensors")
    assert cell.set_aside(["weights.safetensors"]) == ["weights.safetensors.damaged-1"]
    assert cell.summary is None
    # What was set aside before is neither overwritten nor taken for a file of the cell.
    cell.file("weights.safetensors").write_bytes(b"weights")
    assert sorted(cell.finish({"status": "done"})["files"]) == ["cell.json", "weights.safetensors"]
    assert cell.set_aside(["weights.safetensors"]) == ["weights.safetensors.damaged-2"]


def test_a_file_that_is_gone_is_a_fault(tmp_path: Path) -> None:
    cell = finished(tmp_path)
    cell.file("weights.safetensors").unlink()
    assert cell.faults({}) == {"weights.safetensors": "it is missing"}
    assert cell.set_aside(["weights.safetensors"]) == []


def test_what_may_not_be_read_is_named_and_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = finished(tmp_path)

    def closed(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", closed)
    for ask in (lambda: cell.summary, lambda: cell.faults({}), lambda: cell.read("weights.safetensors")):
        with pytest.raises(BadInput, match=r"cannot read .*(done\.json|weights\.safetensors): Permission denied"):
            ask()


def test_no_memory_to_read_a_file_says_nothing_of_the_file(tmp_path: Path) -> None:
    def full(content: bytes) -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        finished(tmp_path).load("weights.safetensors", full)


def test_a_folder_that_takes_no_lock_for_a_reason_of_its_own_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(self: filelock.BaseFileLock, timeout: float) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(filelock.BaseFileLock, "acquire", refuses)
    with pytest.raises(CannotWrite, match=r"cannot write into .*--out"), CellFolder(tmp_path / "cell").locked():
        pass


@pytest.mark.parametrize(
    "error", [NotImplementedError("no flock"), OSError(errno.ENOLCK, "x"), OSError(errno.EOPNOTSUPP, "x"), None]
)
def test_where_locks_are_refused_or_granted_to_everyone_the_claim_serves_alone(
    tmp_path: Path, error: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(self: filelock.BaseFileLock, timeout: float) -> None:
        if error:
            raise error

    monkeypatch.setattr(filelock.BaseFileLock, "acquire", refuses)
    cell = CellFolder(tmp_path / "cell")
    with cell.locked():
        assert not CellFolder(tmp_path / "cell").is_free()
        with pytest.raises(Held, match=f"this cell, process {os.getpid()} on "), cell.locked():
            pass
    assert cell.is_free()
    assert not list(cell.path.glob(".claim*"))


def test_an_error_inside_a_held_cell_stays_what_it_is(tmp_path: Path) -> None:
    def works() -> None:
        with CellFolder(tmp_path / "cell").locked():
            raise PermissionError("a part's own")

    with pytest.raises(PermissionError, match="a part's own"):
        works()
