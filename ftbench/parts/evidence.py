"""Does a cell that is found by its key still stand for what would be computed now? One rule, and why not in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from ftbench.parts.fingerprint import differences
from ftbench.storage.cellfile import Evidence

Rerun = Literal["key", "code", "code+libraries"]
SHOWN = 3
"""Files that are named one by one."""


def why_again(old: Evidence, new: Evidence, rerun: Rerun, labels: Mapping[str, str]) -> str:
    """Why a cell is to be made again although its key is there; empty where it stands.

    ``labels``: key -> label of the cells that it needs. A migrated cell, of which no code is known, stands, unless
    what it needs was made anew; so does any cell where ``rerun`` is ``key``.
    """
    again = [name for key, name in labels.items() if _known_to_differ(key, old, new)]
    if again:
        return f"it was made with another {again[0].removeprefix('fit ')}"
    return "" if rerun == "key" or old.migrated else against(old, new, libraries=rerun == "code+libraries")


def against(old: Evidence, new: Evidence, libraries: bool = False) -> str:
    """What of the code, and of ``libraries``, is not as it was when a cell was made; empty where all is."""
    changed = differences(old.code, new.code)
    told = [
        *changed,
        *(
            f"the record of {name} changed"
            for name in new.records
            if name in old.records and old.records[name] != new.records[name]
        ),
        *(
            f"{name} was {old.libraries.get(name, 'not there')} and is {new.libraries.get(name, 'gone')}"
            for name in sorted(old.libraries.keys() | new.libraries.keys())
            if libraries and old.libraries.get(name) != new.libraries.get(name)
        ),
    ]
    if not told:
        return ""
    more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return f"since it was made, {', '.join(told[:SHOWN])}{more}"


def _known_to_differ(key: str, old: Evidence, new: Evidence) -> bool:
    before, now = old.inputs.get(key), new.inputs.get(key)
    return before is not None and now is not None and before != now
