"""The fixtures, used as a plugin's own tests use them."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = "pytester"

CONFTEST = """\
import ftbench
import pytest


class Strength(ftbench.Parameters):
    strength: float = 0.1


@pytest.fixture
def record():
    return ftbench.Distortion(
        name="grey", factory="grey:Grey", summary="x", parameters=Strength, differentiable=True, category="colour"
    )
"""
GREY = """\
class Grey:
    def __init__(self, strength):
        self.strength = strength

    def __call__(self, image, generator):
        return image.lerp(image.mean(1, keepdim=True), self.strength)
"""


OWN_TESTS = """import pytest
import torch
from ftbench.errors import BadInput


def test_sound(ftbench_check, record):
    ftbench_check(record, size=32)


def test_broken(ftbench_check, record):
    ftbench_check(record, size=32, strength=-20.0)


def test_faces(ftbench_faces):
    faces = ftbench_faces(5, size=48)
    assert faces.shape == (5, 3, 48, 48) and faces.dtype == torch.float32
    assert 0 <= faces.min() and faces.max() <= 1
    assert (faces * 255 - (faces * 255).round()).abs().max() < 1e-4
    assert len({face.numpy().tobytes() for face in faces}) == 5
    assert torch.equal(ftbench_faces(5, size=48), faces)


def test_parts(ftbench_parts):
    assert ftbench_parts.find("decoder", "conv7").distribution == "ftbench"


def test_run(ftbench_run, tmp_path):
    table = ftbench_run({"matrix": {"simulator": "none", "seed": [0, 1]}, "train": {"steps": 2}})
    assert list(table["label"]) == ["λ=1 α=0.1 seed 0", "λ=1 α=0.1 seed 1"]
    assert (tmp_path / "results" / "tiny" / "procedural-faces-plain" / "tables" / "overview.md").is_file()
    with pytest.raises(BadInput, match="no-such-file.yaml"):
        ftbench_run(tmp_path / "no-such-file.yaml")


def test_unknown_part(ftbench_run):
    with pytest.raises(BadInput, match="there is no simulator 'no-such-swap'"):
        ftbench_run({"matrix": {"simulator": "no-such-swap"}})
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(grey=GREY)
    # Not in this process: pytester forgets what an inner run imported, and torch cannot be loaded twice.
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    return pytester


def test_every_fixture_in_the_tests_of_a_plugin(project: pytest.Pytester) -> None:
    project.makepyfile(OWN_TESTS)
    result = project.runpytest_subprocess("-p", "no:cacheprovider", timeout=300)
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines(["*ContractBroken: distortion grey breaks 1 promise:", "*range: promised values in *"])


def test_a_run_of_pytest_that_uses_no_fixture_imports_nothing_heavy(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import sys

        def test_nothing():
            assert "ftbench.testing.pytest_plugin" in sys.modules
            assert not {"torch", "numpy", "pandas", "ftbench.parts.catalogue"} & set(sys.modules)
    """)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = subprocess.run([*command, "--fixtures"], cwd=project.path, capture_output=True, text=True, check=True)
    for name in ("ftbench_check", "ftbench_faces", "ftbench_parts", "ftbench_run"):
        assert name in listed.stdout
