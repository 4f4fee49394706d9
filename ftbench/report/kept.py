"""A table as JSON and back: what it takes to print it again without what it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from ftbench.report.table import Column, Measured, Table
from ftbench.statistics.estimates import Estimate


def table_json(table: Table) -> dict[str, Any]:
    """Everything that a table says."""
    rows = [
        [entry if isinstance(entry, str) else asdict(entry) for entry in row]
        for row in table.frame.itertuples(index=False, name=None)
    ]
    return {
        "name": table.name,
        "title": table.title,
        "columns": [asdict(column) for column in table.columns],
        "rows": rows,
        "notes": list(table.notes),
        "nothing": table.nothing,
        "group": table.group,
        "printed": table.printed,
        "cells": table.cells,
        "lead": table.lead,
    }


def table_of(said: Mapping[str, Any]) -> Table:
    """The table that ``table_json`` made this of. Raises KeyError or TypeError where nothing of the kind did."""
    columns = tuple(Column(**{**column, "cells": tuple(column.get("cells", ()))}) for column in said["columns"])
    rows = [[_entry(entry) for entry in row] for row in said["rows"]]
    frame = pd.DataFrame(rows, columns=[column.key for column in columns], dtype=object)
    notes, cells = tuple(said["notes"]), tuple(map(tuple, said.get("cells", ())))
    lead = tuple(map(tuple, said.get("lead", ())))
    about = said["nothing"], said["group"], said["printed"], cells, lead
    return Table(said["name"], said["title"], columns, frame, notes, *about)


def _entry(said: Any) -> str | Measured:
    if isinstance(said, str):
        return said
    estimate = said["estimate"]
    return Measured(**{**said, "estimate": estimate and Estimate(**estimate)})
