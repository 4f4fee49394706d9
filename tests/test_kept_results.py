"""What the repository keeps of results: no picture of real people's faces."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ftbench.report.layout import WIDTH

ROOT = Path(__file__).parents[1]
ALLOWED = ("procedural-faces-", "portraits-")
"""How folders begin whose pictures may be shown."""


def _shown(files: list[str]) -> list[str]:
    pictures = [Path(file) for file in files if Path(file).name in ("samples.png", "report.html")]
    return [str(one) for one in pictures if not one.parts[2].startswith(ALLOWED)]


def test_no_table_is_wider_than_a_page() -> None:
    wide = [
        f"{file.relative_to(ROOT)}: {len(line)}"
        for file in (ROOT / "results").rglob("*.md")
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith("|") and len(line) > WIDTH
    ]
    assert not wide


def test_no_picture_of_a_real_face_is_kept() -> None:
    assert _shown(["results/paper/two_identity-small/figures/samples.png"])
    # The page holds the pictures too.
    assert _shown(["results/paper/two_identity-small/report.html"])
    assert not _shown(["results/quick/procedural-faces-small/figures/samples.png"])
    listed = subprocess.run(
        ["git", "ls-files", "results"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    # An exported tree has no list, and nothing that could be committed.
    assert not _shown(listed.stdout.splitlines())
