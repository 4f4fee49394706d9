"""What the numbers of a run hang on beside its settings, out of its manifest: where two agree, they can be compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from ftbench.storage.readings import READINGS

GROUNDS = "grounds"
LIBRARIES = ("python", "torch", "timm", "kornia", "numpy", "pandas", "pillow", "scipy", "onnxruntime")
COMPUTE = ("device", "precision", "threads", "processes", "compile", "deterministic")
SHOWN = 3
"""Files of code that are named one by one."""


def grounds(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Name -> what it is, of a manifest of any release; what it does not say is left out.

    Libraries and machine are those that the cells were made with, several where they differ.
    """
    cells = [cell for cell in _list(manifest.get("cells")) if isinstance(cell, dict)]
    made_with = [_mapping(cell.get("made_with")) for cell in cells] + [_mapping(manifest.get("code"))]
    made_on = [_mapping(cell.get("made_on")) for cell in cells if cell.get("made_on")]
    compute, behind = _mapping(manifest.get("compute")), _mapping(manifest.get("behind"))
    finished = [one for one in made_with[:-1] if one] or made_with
    found = {
        "images": str(_mapping(manifest.get("data")).get("digest", ""))[:12],
        "split": str(manifest.get("split", "")),
        "code": _digest(behind)[:12] if behind else "",
        **{name: _all(one.get(name) for one in finished) for name in LIBRARIES},
        **{name: str(compute.get(name, "")) for name in COMPUTE},
        **{name: _all(one.get(name) for one in made_on or [_mapping(manifest.get("machine"))]) for name in MACHINE},
    }
    return {name: text for name, text in found.items() if text}


MACHINE = ("system", "processor", "gpus")


def stated(manifest: Mapping[str, Any]) -> dict[str, str]:
    """What a manifest states of its grounds; ``digest``: the same for all runs that can be compared with it."""
    found = grounds(manifest)
    return {"digest": _digest(found), **found}


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """What keeps two runs from being compared, by their manifests: a few words each; none where they can be."""
    a, b = grounds(first), grounds(second)
    names = [name for name in dict.fromkeys([*a, *b]) if a.get(name) != b.get(name)]
    return [
        f"code ({_files(_mapping(first.get('behind')), _mapping(second.get('behind')))})"
        if name == "code"
        else f"{name} ({a.get(name, 'unknown')} and {b.get(name, 'unknown')})"
        for name in names
    ]


def sentence(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """Whether two runs can be compared."""
    found = differences(first, second)
    return f"comparable: no, these differ: {'; '.join(found)}" if found else "comparable: yes"


def in_both(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[int, list[str]]:
    """How many finished cells two runs share by their keys, and which of those came out otherwise, in words."""
    a, b = _finished(first), _finished(second)
    shared = [key for key in a if key in b]
    otherwise = []
    for key in shared:
        held, other = _made(a[key]), _made(b[key])
        names = [name for name in dict.fromkeys([*held, *other]) if held.get(name) != other.get(name)]
        if READINGS in names and (READINGS not in held or READINGS not in other):
            # An earlier release kept none, of the same readings.
            names.remove(READINGS)
        if names:
            otherwise.append(
                f"{a[key].get('kind')} {str(a[key].get('label')).removeprefix('fit ')} ({', '.join(names)})"
            )
    return len(shared), otherwise


def _finished(manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    cells = [cell for cell in _list(manifest.get("cells")) if isinstance(cell, dict)]
    return {str(cell.get("identity")): cell for cell in cells if isinstance(cell.get("files"), dict)}


def _made(cell: Mapping[str, Any]) -> dict[str, str]:
    """Digests of what a cell made; what it says of itself may name another library or label."""
    files = _mapping(cell.get("files")).items()
    return {name: str(_mapping(file).get("sha256")) for name, file in files if name != "cell.json"}


def _files(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    names = sorted(name for name in {*first, *second} if first.get(name) != second.get(name))
    more = f" and {len(names) - SHOWN} more files" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _all(values: Iterable[Any]) -> str:
    texts = (", ".join(map(str, value)) if isinstance(value, list) else str(value) for value in values if value)
    return " and ".join(sorted(set(texts)))


def _digest(said: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
