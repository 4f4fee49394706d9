"""What is built and installed works away from a checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def test_the_wheel_holds_both_trees_and_the_benchmarks_and_plans_without_a_checkout(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(CHECKOUT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        packed = [name for name in names if name.endswith(".py")]
        written = {
            path.relative_to(root).as_posix()
            for root, package in ((CHECKOUT, "ftbench"), (CHECKOUT / "plugins", "."))
            for path in (root / package).rglob("*.py")
        }
        assert set(packed) == written
        for package in ("ftbench", "ftbench_faketagger", "ftbench_datasets"):
            assert f"{package}/py.typed" in names
        assert any(name.endswith("share/ftbench/benchmarks/paper.yaml") for name in names)

    home = tmp_path / "installed"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", str(home)],
        check=True,
        capture_output=True,
    )
    python = home / "bin" / "python"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "-q",
            "--no-deps",
            "--ignore-installed",
            str(wheel),
        ],
        check=True,
        capture_output=True,
    )
    # The libraries of the environment that runs the tests, but ftbench from the wheel.
    script = (
        "import sys; sys.path = [p for p in sys.path if p != ''] + "
        f"{[path for path in sys.path if 'site-packages' in path]!r}; "
        f"sys.argv = ['ftbench', 'plan', 'quick']; "
        f"import ftbench; assert {str(home)!r} in ftbench.__file__, ftbench.__file__; "
        "from ftbench.cli import main; main()"
    )
    done = subprocess.run([str(python), "-I", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "quick: scale small" in done.stdout
