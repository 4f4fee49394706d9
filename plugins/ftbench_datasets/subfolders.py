"""Whether sub-folders are people: folders of splits, and a folder round the people's, are not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ftbench.errors import BadInput
from ftbench_datasets.index import FILE, SPLIT_WORDS

_MANY = "faces|images?|imgs?|pics|pictures|photos|photographs|people|persons|identities|files"
_SET = f"data|set|dataset|split|folder|crops?|cropped|aligned|{_MANY}"
_WRAPPER = re.compile(f"(the|my|all|raw)?({_SET}|jpe?g|png)+[0-9]*")
_SPLIT = re.compile(f"({_SET})*({'|'.join(SPLIT_WORDS)}|dev|eval|evaluation)({_SET})*[0-9]*")
# What may be a person's name as well: a Val among others is one.
_SHORT = frozenset({"val", "dev", "eval"})


def check(root: Path, pictures: Sequence[tuple[str, ...]]) -> None:
    """Raise BadInput where the sub-folders of ``root``, by the parts of its pictures' paths, are no people."""
    names = sorted({parts[0] for parts in pictures})
    splits = [name for name in names if _SPLIT.fullmatch(_letters(name))]
    sure = [name for name in splits if _letters(name) not in _SHORT]
    if sure or len(splits) == len(names):
        raise BadInput(
            f"Sub-folders of {root} ({', '.join(splits)}) are named like splits, not people; add an {FILE} with "
            "path,identity,split, or set path to a folder that holds one sub-folder a person."
        )
    if len(names) > 1:
        return
    [only] = names
    inner = sorted({parts[1] for parts in pictures if len(parts) > 2})
    if (root / only / FILE).exists():
        found = f"holds an {FILE}"
    elif len(inner) > 1 and all(len(parts) > 2 for parts in pictures):
        found = f"holds {len(inner)} sub-folders ({', '.join(inner[:3])}{', …' if len(inner) > 3 else ''})"
    elif _WRAPPER.fullmatch(_letters(only)):
        found = "is not named like a person"
    else:
        return
    raise BadInput(
        f"{root} holds one sub-folder, {only}, which {found}: set path to {root / only}, or, if {only} is a person, "
        f"add an {FILE} of path,identity."
    )


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())
