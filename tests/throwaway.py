"""Throw-away distributions: wheels written by hand and unpacked into a folder of their own, as pip does."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import ready


@dataclass(frozen=True)
class Installed:
    """A folder of installed distributions, and how to call ftbench with them."""

    folder: Path
    command: Sequence[str] = tuple(ready.COMMAND)

    def ftbench(self, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Call the command line; the exit code is the caller's to judge."""
        found = [str(self.folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        return subprocess.run(
            [*self.command, *arguments],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(found), "COLUMNS": "300", **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


def install(
    folder: Path,
    plugins: Mapping[str, str],
    distributions: Mapping[str, str] | None = None,
    command: Sequence[str] = ready.COMMAND,
) -> Installed:
    """Install one distribution a plugin: name -> source of its module; the entry point has the plugin's name.

    ``command`` is how ftbench is called with them. ``distributions`` gives a plugin another distribution's name than
    ``hostile-<plugin>``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wheels = [
        _wheel(folder, plugin, (distributions or {}).get(plugin, f"hostile-{plugin}"), source)
        for plugin, source in plugins.items()
    ]
    target = folder / "site"
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(target)
    return Installed(target, command)


def _wheel(folder: Path, plugin: str, distribution: str, source: str) -> Path:
    safe = distribution.replace("-", "_")
    module = f"{safe}_plugin"
    info = f"{safe}-1.0.dist-info"
    files = {
        f"{module}.py": source.replace("MODULE", module),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[ftbench]\n{plugin} = {module}\n",
    }
    lines = [f"{name},sha256={_digest(text)},{len(text.encode())}" for name, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""])
    path = folder / f"{safe}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
