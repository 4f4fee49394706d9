"""Which words name a place for results, and what naming one imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ftbench.errors import BadInput
from ftbench.storage.places import is_remote, place

pytest.importorskip("moto.server")


@pytest.mark.parametrize("word", ["results", "/tmp/results", r"C:\results", "C:/results", "a:b", "s3"])
def test_a_folder_is_a_folder(word: str) -> None:
    assert place(word) == Path(word)
    assert not is_remote(place(word))
    assert place(Path(word)) == Path(word)


def test_a_file_url_is_a_folder(tmp_path: Path) -> None:
    assert place(tmp_path.as_uri()) == tmp_path


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("memory://results", "memory://results holds no results that several processes share"),
        ("simplecache::s3://bucket/results", "s3://bucket/folder"),
        ("https://example.org/results", "https://example.org/results holds no results"),
        ("nonsense://results", "cannot be used"),
        (Path("s3://bucket/results"), "give it as text"),
    ],
)
def test_what_cannot_hold_results_is_refused_with_a_sentence(word: str | Path, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        place(word)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ftbench.storage.remote", raising=False)
    monkeypatch.setitem(sys.modules, "upath.extensions", None)
    with pytest.raises(BadInput, match=r"pip install 'ftbench\[remote\]'"):
        place("s3://bucket/results")


def test_nothing_of_it_is_imported_before_a_remote_place_is_named() -> None:
    asks = "import sys, ftbench.cli; print(sorted({'fsspec', 'upath', 's3fs', 'aiohttp'} & sys.modules.keys()))"
    said = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
