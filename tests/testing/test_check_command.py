"""``ftbench check``: hostile plugins of throw-away distributions, unknown names, parameters."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ftbench.cli import check as check_command
from ftbench.errors import BadInput
from ftbench.testing import places
from ftbench.testing.apart import Entry, Part, survey_parts

HEAD = "import ftbench\n"
HOOK = HEAD + "@ftbench.hookimpl\ndef ftbench_decoders():\n"
YIELD = "    yield ftbench.Decoder(name='NAME', factory='MODULE:make', summary='x')\n"
FINE = HOOK + YIELD
# How each module is written, then its finding: check, words of what happened, text of the line it points at.
LISTED = {
    "raises": (
        "import json\nraise ValueError('no licence')\n",
        "import",
        "no licence",
        "raise ValueError",
    ),
    "exits": ("exit(3)\n", "import", "SystemExit: 3", "exit(3)"),
    "leaves": ("import os\n\nos._exit(0)\n", "exit", "os._exit(0)", "os._exit(0)"),
    "crashes": ("import ctypes\nctypes.string_at(0)\n", "exit", "signal 11", "import ctypes"),
    "hangs": ("import time\n\ntime.sleep(600)\n", "time", "still running", "time.sleep"),
    "prints": (FINE + "print('hello')\n", "standard output", "it printed 'hello'", "print('hello')"),
    "writes": (FINE + "import os\nos.write(1, b'hello')\n", "standard output", "it printed 'hello'", "import ftbench"),
    "heavy": (FINE + "import numpy\n", "lazy import", "imported numpy", "import numpy"),
    "dtype": (
        FINE + "import torch; torch.set_default_dtype(torch.float64)\n",
        "lazy import",
        "imported",
        "import torch",
    ),
    "variable": (FINE + "import os; os.environ['OMP_NUM_THREADS'] = '7'\n", "process", "changed it", "import ftbench"),
    "warns": (
        FINE + "import warnings; warnings.simplefilter('error')\n",
        "process",
        "changed it",
        "import ftbench",
    ),
    "threads": (
        FINE + "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), name='mine').start()\n",
        "process",
        "left thread 'mine' running",
        "import ftbench",
    ),
    "hides": (FINE + "import sys\nsys.modules['json'] = None\n", "process", "from sys.modules", "import ftbench"),
    "odd-type": (HOOK + "    yield 'a decoder'\n", "records", "yielded 'a decoder'", ("@ftbench.hookimpl", "def ")),
    "half": (FINE + "    raise KeyError('second')\n", "records", "KeyError: 'second'", "raise KeyError"),
    "bad-name": (HOOK + YIELD.replace("NAME", "Bad Name"), "records", "'Bad Name' is not lower-case", "yield"),
    "no-factory": (HOOK + "    yield ftbench.Decoder(name='a', summary='x')\n", "records", "'factory'", "yield"),
    "twice": (FINE + "ftbench_encoders = ftbench_decoders\n", "hooks", "are one function", ("@ftbench", "def ")),
    "newer": (FINE.replace("decoders", "decoderz"), "hooks", "nearest: ftbench_decoders", ("@ftbench", "def ")),
    "unmarked": (FINE.replace("@ftbench.hookimpl\n", ""), "hooks", "so nobody calls it", "def ftbench_decoders"),
    "argument": (FINE.replace("()", "(size)", 1), "hooks", "PluginValidationError", "import ftbench"),
    "empty": ("import json\n", "hooks", "it has none", "import json"),
    "same-name": (FINE + YIELD, "records", "decoder same-name more than once", "import ftbench"),
}
MAKES = """
import torch
from torch import nn
class Read(nn.Module):
    def __init__(self, size, bits):
        super().__init__()
        self.read = nn.Linear(3 * size * size, bits)
    def forward(self, image):
        return self.read(image.flatten(1))
"""
Blocks = dict[str, list[tuple[str, str, str]]]
Said = tuple[Path, Blocks, str]


def distribute(site: Path, name: str, source: str, entries: tuple[str, ...] = ("",)) -> str:
    """A distribution of one module on ``site``; an entry point for each suffix. Its name."""
    module = f"{name.replace('-', '_')}_plugin"
    (site / f"{module}.py").write_text(source.replace("NAME", name).replace("MODULE", module), encoding="utf-8")
    info = site / f"throwaway_{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: throwaway-{name}\nVersion: 1.0\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    points = "".join(f"{name}{suffix} = {module}\n" for suffix in entries)
    (info / "entry_points.txt").write_text(f"[ftbench]\n{points}", encoding="utf-8")
    return f"throwaway-{name}"


def call(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ftbench", "check", *arguments],
        cwd=site,
        env={**os.environ, "PYTHONPATH": str(site), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def blocks(output: str) -> Blocks:
    """What the command said of each part and plugin: (check, happened, where) of its findings."""
    found: Blocks = {}
    lines = output.splitlines()
    for index, line in enumerate(lines):
        if line[:1] in "✓✗":
            found[line[2:].partition(" (")[0]] = []
        elif match := re.match(r"    ([a-z_ ]+): promised ", line):
            found[list(found)[-1]].append((match[1], lines[index + 1].strip(), lines[index + 2].strip()))
    return found


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Said:
    """One call that examines every hostile distribution; none of their modules has a working factory."""
    site = tmp_path_factory.mktemp("site")
    names = {name: distribute(site, name, source) for name, (source, *_) in LISTED.items()}
    names["two-doors"] = distribute(site, "two-doors", FINE, ("-a", "-b"))
    slow = names.pop("hangs")
    calls = [call(site, *names.values()), call(site, slow, "--seconds", "3")]
    assert [done.returncode for done in calls] == [1, 1]
    assert [done.stderr for done in calls] == ["", ""]
    output = "".join(done.stdout for done in calls)
    return site, blocks(output), output


@pytest.mark.parametrize("name", LISTED)
def test_each_hostile_plugin_is_found_and_placed(name: str, said: Said) -> None:
    site, found, output = said
    _, check, words, pointed = LISTED[name]
    module = f"{name.replace('-', '_')}_plugin"
    findings = found[f"plugin {name} = {module}"]
    # Two promises are broken by a plugin that loads torch to change it.
    expected = [check, "process"] if name == "dtype" else [check]
    assert [finding[0] for finding in findings] == expected, output
    assert words in findings[0][1]
    file, _, line = findings[0][2].rpartition(":")
    source = (site / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
    assert any(text in source for text in ((pointed,) if isinstance(pointed, str) else pointed)), findings


def test_what_a_plugin_does_to_torch_is_told(said: Said) -> None:
    _, found, _ = said
    assert "from torch.float32 to torch.float64" in found["plugin dtype = dtype_plugin"][1][1]


def test_a_module_with_two_entry_points_and_the_sum_of_all(
    said: Said,
) -> None:
    _, found, output = said
    assert found["plugin two-doors-a = two_doors_plugin"] == []
    ((check, happened, _),) = found["plugin two-doors-b = two_doors_plugin"]
    assert check == "hooks"
    assert "also entry point 'two-doors-a'" in happened
    assert re.search(r"^\d+ promises broken by \d+ of \d+ parts and plugins$", output, re.MULTILINE)


def test_a_part_that_ends_its_process_or_hangs_leaves_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = HEAD + "@ftbench.hookimpl\ndef ftbench_decoders():\n"
    for name in ("leaves", "fine", "hangs"):
        source += f"    yield ftbench.Decoder(name='{name}', factory='doomed_plugin:{name}', summary='x')\n"
    source += "def __getattr__(name):\n    import doomed_parts\n    return getattr(doomed_parts, name)\n"
    (tmp_path / "doomed_plugin.py").write_text(source, encoding="utf-8")
    doomed = f"import os, time\n{MAKES}\ndef leaves(size, bits):\n    os._exit(5)\n"
    doomed += "def hangs(size, bits):\n    while True:\n        time.sleep(0.1)\nfine = Read\n"
    (tmp_path / "doomed_parts.py").write_text(doomed, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    entry = Entry("doomed", "doomed_plugin", "throwaway")
    listed = [Part("decoder", name, entry) for name in ("leaves", "fine", "hangs")]
    reports = {part.name: report for part, report, _ in survey_parts(listed, 16, 4, {}, seconds=5)}
    assert list(reports) == ["leaves", "fine", "hangs"]
    assert reports["fine"].findings == ()
    (leaves,), (hangs,) = reports["leaves"].findings, reports["hangs"].findings
    assert (leaves.check, hangs.check) == ("exit", "time")
    assert "os._exit(5)" in leaves.happened
    assert leaves.where == places.shown(
        str(tmp_path / "doomed_parts.py"), 1 + doomed.splitlines().index("    os._exit(5)")
    )


def test_parts_distributions_and_parameters(tmp_path: Path) -> None:
    distribute(tmp_path, "fine", FINE.replace("MODULE:make", "fine_parts:Read"))
    (tmp_path / "fine_parts.py").write_text(MAKES, encoding="utf-8")
    done = call(tmp_path, "fine@throwaway-fine", "Throwaway.Fine", "jpeg", "--size", "32", "--bits", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(blocks(done.stdout)) == ["plugin fine = fine_plugin", "decoder fine", "distortion jpeg"]
    assert "3 parts and plugins break no promise" in done.stdout
    set_one = call(tmp_path, "jpeg", "--set", "quality=200")
    assert (set_one.returncode, set_one.stdout) == (2, "")
    assert "quality: " in set_one.stderr


def test_a_local_plugin_is_examined_by_its_path(tmp_path: Path) -> None:
    text = FINE.replace("'MODULE:make'", "f'{__name__}:Read'").replace("NAME", "mine") + MAKES
    (tmp_path / "mine.py").write_text(text.replace("import torch\n", "from torch import nn\n", 1), encoding="utf-8")
    done = call(tmp_path, "./mine.py", "--size", "32", "--bits", "4")
    # Its torch is imported at the top, so listing waits for it; the decoder itself is fine.
    assert done.returncode == 1, done.stdout + done.stderr
    assert list(blocks(done.stdout)) == [f"plugin mine = {tmp_path / 'mine.py'}", "decoder mine"]
    assert "lazy import: promised no heavy library imported by listing" in done.stdout
    assert "        mine.py:6\n" in done.stdout
    assert "1 promise broken by 1 of 2 parts and plugins" in done.stdout
    (tmp_path / "mine.py").write_text("raise OSError('no weights')\n", encoding="utf-8")
    broken = call(tmp_path, "./mine.py")
    assert (broken.returncode, broken.stderr) == (1, "")
    assert "OSError: no weights" in broken.stdout
    missing = call(tmp_path, "./mien.py")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "there is no file './mien.py'" in missing.stderr


def test_bad_names_are_refused_with_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribute(tmp_path, "fine", FINE)
    monkeypatch.syspath_prepend(tmp_path)
    for names, words in (
        ((), "--all"),
        (("jpg",), "nearest: jpeg"),
        (("jpeg@throwaway-fine",), "nearest: jpeg"),
        (("throwaway-fin",), "nearest: throwaway-fine"),
    ):
        with pytest.raises(BadInput, match=words):
            check_command.check(list(names))
    with pytest.raises(BadInput, match="one part, and 2 are named"):
        check_command.check(["jpeg", "hue"], assignments=["quality=50"])


def test_an_encoder_pairs_with_decoders_that_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribute(tmp_path, "fine", FINE)
    monkeypatch.syspath_prepend(tmp_path)
    fine = Entry("fine", "fine_plugin", "throwaway-fine")
    pairing = Part("encoder", "pairing", fine, ("fine", "fin"))
    decoders = check_command._decoders([pairing], [], [fine], seconds=30)
    assert decoders == {"fine"}
    (finding,) = check_command._pairs(pairing, decoders)
    assert (finding.check, finding.happened) == ("pairs_with", "there is no decoder 'fin'; nearest: fine")
