"""Parts from a Python file beside a benchmark: to try one before packaging it.

A benchmark file may name such files under ``plugins``; none is run unless the command line allows it as well, so
that opening somebody's benchmark never runs their code.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ftbench.errors import BadInput

if TYPE_CHECKING:
    from ftbench.benchfile.document import Document


@dataclass(frozen=True)
class LocalFile:
    """A plugin that is one file; ``text`` is what was read once and is what will run."""

    path: Path
    text: bytes

    @property
    def version(self) -> str:
        """A file has no version; its content stands for one."""
        return f"sha256:{hashlib.sha256(self.text).hexdigest()[:12]}"

    @property
    def module(self) -> str:
        """A name that no installed package has, and that another content does not share."""
        stem = re.sub(r"\W", "_", self.path.stem)
        return f"ftbench_local_{stem}_{hashlib.sha256(self.text).hexdigest()[:12]}"

    def load(self) -> ModuleType:
        """Run the file as a module, once a process. Raises whatever the file raises."""
        if self.module in sys.modules:
            return sys.modules[self.module]
        spec = importlib.util.spec_from_file_location(self.module, self.path)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        # Its factories are found by this name while the file itself is still running.
        sys.modules[self.module] = module
        try:
            exec(compile(self.text, str(self.path), "exec"), module.__dict__)
        except BaseException:
            del sys.modules[self.module]
            raise
        return module


def permitted(document: Document, named: Sequence[str], home: Path, allowed: Sequence[Path]) -> tuple[LocalFile, ...]:
    """The files that a benchmark names and the command line allows; raises BadInput for one that is only either.

    ``home`` is the benchmark file's folder, which the names start from.
    """
    granted = {path.expanduser().resolve(): path for path in allowed}
    found: dict[Path, LocalFile] = {}
    for index, name in enumerate(named):
        place = f"{document.place(('plugins', index))}, plugins"
        path = (home / Path(name).expanduser()).resolve()
        if path.suffix != ".py" or not path.is_file():
            raise BadInput(f"{place}: there is no Python file {name!r}; paths start from the benchmark file's folder")
        if path not in granted:
            raise BadInput(
                f"{place}: the benchmark wants to run the code in {name!r}; read that file, then allow it with "
                f"--allow-plugin {name}"
            )
        found[path] = LocalFile(path, path.read_bytes())
    for path, written in granted.items():
        if path not in found:
            raise BadInput(f"--allow-plugin {written}: the benchmark does not name that file under plugins; add it")
    return tuple(found.values())
