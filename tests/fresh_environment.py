"""A virtual environment of its own, in which only what a test installs is new."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FreshEnvironment:
    """It sees the libraries of the environment that runs the tests, ftbench and torch among them; nothing that is
    installed into it is seen outside. Its commands reach no network.
    """

    home: Path

    @classmethod
    def make(cls, home: Path) -> FreshEnvironment:
        """A new one in the folder ``home``."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True, capture_output=True)
        (libraries,) = home.glob("lib/python*/site-packages")
        shared = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
        # Not their bare paths: the files within that point to editable installs must be read too.
        lines = [f"import site; site.addsitedir({path!r})" for path in shared]
        (libraries / "shared.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for command in ("ftbench", "pip", "pytest"):
            script = home / "bin" / command
            script.write_text(f'#!/bin/sh\nexec "{home}/bin/python" -m {command} "$@"\n', encoding="utf-8")
            script.chmod(0o755)
        return cls(home)

    def call(self, command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a line of shell in ``folder``, as after activating the environment."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("FTBENCH_", "PYTHON", "PIP_", "PYTEST_"))}
        environment = kept | {
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
            "VIRTUAL_ENV": str(self.home),
            "COLUMNS": "240",
            "PIP_NO_INDEX": "1",
            # pip takes the 0 as the value of build isolation.
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            **variables,
        }
        return subprocess.run(
            ["/bin/sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    def output(self, command: str, folder: Path, **variables: str) -> str:
        """``call`` for a command that must succeed; what it printed."""
        done = self.call(command, folder, **variables)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout
