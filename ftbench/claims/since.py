"""Has the code behind a folder's numbers changed since they were made?"""

from __future__ import annotations

from ftbench.parts.fingerprint import differences, today
from ftbench.storage.manifest import Folder

SHOWN = 3


def changed_since(folder: Folder) -> str:
    """A sentence: nothing changed, which files did, or why that is not known."""
    behind = folder.raw.get("behind")
    if not (isinstance(behind, dict) and behind and all(isinstance(digest, str) for digest in behind.values())):
        code = folder.raw.get("code")
        commit = str(code.get("commit", "") if isinstance(code, dict) else "")[:12] or "an unknown commit"
        return f"its cells are of {commit}, and its manifest does not say which files stand behind them"
    changed = differences(behind, today(behind))
    if not changed:
        return f"none of the {len(behind)} files of code behind its cells has changed since"
    more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
    return f"code behind its cells has changed since they were made: {', '.join(changed[:SHOWN])}{more}"
