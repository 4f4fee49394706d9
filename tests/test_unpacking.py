"""Compressed files of strangers, which may be far larger inside than outside."""

from __future__ import annotations

import gzip
import tracemalloc

import pandas as pd
import pytest

from ftbench.storage.files import csv_bytes, gzipped, unzipped
from ftbench.storage.manifest import rows_of


def test_what_was_packed_comes_out() -> None:
    frame = pd.DataFrame({"image": ["NA"], "strength": [0.5], "right": [3]})
    content = gzipped(csv_bytes(frame))
    assert unzipped(content) == gzip.decompress(content)
    assert rows_of(content).to_dict("records") == frame.to_dict("records")


def test_a_bomb_is_refused_before_it_fills_the_memory() -> None:
    bomb = gzip.compress(bytes(300 * 2**20), 9)
    assert len(bomb) < 2**20
    tracemalloc.start()
    with pytest.raises(ValueError, match="unpacks to more than"):
        unzipped(bomb, most=2**20)
    assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("cut", [0, 5, 20])
def test_a_cut_file_is_no_file(cut: int) -> None:
    with pytest.raises((EOFError, OSError)):
        unzipped(gzipped(b"a,b\n1,2\n" * 50)[:cut] or b"x")
