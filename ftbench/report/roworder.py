"""Rows in the order of a benchmark file, whichever order they were measured in."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import pandas as pd

from ftbench.storage.files import csv_bytes, gzipped, unzipped

DRAW = "draw"


def in_order(rows: pd.DataFrame, order: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """The rows sorted by draw, then by the place of their entries in ``order``, column by column; ties stay.

    Rows whose entries already come in that order are given back as they are.
    """
    columns = {column: list(values) for column, values in order.items() if column in rows.columns}
    if all(_agrees(list(dict.fromkeys(rows[column])), values) for column, values in columns.items()):
        return rows
    places = pd.DataFrame(
        {
            column: rows[column].map({name: place for place, name in enumerate(values)})
            for column, values in columns.items()
        }
    )
    places.insert(0, DRAW, pd.to_numeric(rows[DRAW]))
    sorted_places = places.sort_values(list(places.columns), kind="stable", na_position="last")
    return rows.loc[sorted_places.index].reset_index(drop=True)


def file_in_order(content: bytes, order: Mapping[str, Sequence[str]]) -> bytes:
    """A gzipped CSV file of rows, sorted as ``in_order`` does; every field stays letter by letter."""
    rows = pd.read_csv(io.BytesIO(unzipped(content)), dtype=str, keep_default_na=False)
    ordered = in_order(rows, order)
    return content if ordered is rows else gzipped(csv_bytes(ordered))


def _agrees(found: Sequence[str], wanted: Sequence[str]) -> bool:
    known = set(wanted)
    return [name for name in found if name in known] == [name for name in wanted if name in set(found)]
