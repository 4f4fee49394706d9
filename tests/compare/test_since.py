"""What ``compare`` says of code that changed since a folder's cells were made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ftbench.claims.since import changed_since
from ftbench.parts.fingerprint import code_evidence, today
from ftbench.storage.manifest import Folder, open_folder
from tests.compare.made_results import three, write


def folder(tmp_path: Path, **more: Any) -> Folder:
    kept = tmp_path / "kept"
    opened = open_folder(kept if kept.exists() else write(kept, three()))
    return Folder(opened.path, {**opened.raw, **more}, opened.manifest)


def test_code_that_is_as_it_was_and_code_that_is_not(tmp_path: Path) -> None:
    behind = code_evidence("ftbench_networks.compact", ["ftbench_networks"])
    assert behind == today(behind)
    assert changed_since(folder(tmp_path, behind=behind)).startswith(f"none of the {len(behind)} files")
    other = {**behind, "ftbench_networks/compact.py": "0" * 12, "ftbench_networks/gone.py": "1" * 12}
    said = changed_since(folder(tmp_path, behind=other))
    assert "ftbench_networks/compact.py changed" in said
    assert "ftbench_networks/gone.py is gone" in said


def test_a_manifest_that_names_no_files_says_so(tmp_path: Path) -> None:
    assert "does not say which files" in changed_since(folder(tmp_path, behind=None, code={"commit": "abc"}))
    assert "abc" in changed_since(folder(tmp_path, behind=None, code={"commit": "abc"}))
    assert "an unknown commit" in changed_since(folder(tmp_path, behind=[1], code=None))
