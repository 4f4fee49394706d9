"""Which files stand behind a part, and what of them counts."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

import ftbench
import ftbench_networks
from ftbench.parts.catalogue import Plugins
from ftbench.parts.fingerprint import closure, code_evidence, differences, module_digest, packages_of
from ftbench.parts.sourcefile import understood

PLAIN = '''"""Says what it is."""

import math


class Network:
    """A network."""

    width: int = 3
    """Channels."""

    def forward(self, x, text="a, b"):
        """Run it."""
        # Half of it.
        return (math.sin(x) + 0.5, f"{x}{text}")
'''


@pytest.fixture(autouse=True)
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))


def written(root: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def digest(root: Path, content: str | bytes) -> str:
    written(root, {"one.py": content})
    # The second writing of a file of the same size may fall into the same tick of the clock.
    path = (root / "one.py").rename(root / f"{time.monotonic_ns()}.py")
    return module_digest(path)


@pytest.mark.parametrize(
    "same",
    [
        PLAIN.replace("# Half of it.", "# Another word."),
        PLAIN.replace('"""Run it."""', '"""Run it, with care."""'),
        PLAIN.replace('        """Run it."""\n', ""),
        PLAIN.replace('"""Channels."""', ""),
        PLAIN.replace('"""Says what it is."""', ""),
        PLAIN.replace('"a, b"', "'a, b'"),
        PLAIN.replace("(math.sin(x) + 0.5, f", "(\n            math.sin( x )+.5,\n            f"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("int = 3", "int = 0x3"),
        PLAIN.replace('text="a, b"', 'text=u"a, b"'),
        f'__version__ = "7.1"\n{PLAIN}',
        PLAIN.replace("import math", "import math\n\nif TYPE_CHECKING:\n    import torch"),
    ],
)
def test_what_the_interpreter_does_not_see_changes_nothing(tmp_path: Path, same: str) -> None:
    assert same != PLAIN
    assert digest(tmp_path, same) == digest(tmp_path, PLAIN)


@pytest.mark.parametrize(
    "other",
    [
        PLAIN.replace("0.5", "0.25"),
        PLAIN.replace("int = 3", "int = 4"),
        PLAIN.replace("sin(x) +", "sin(x) -"),
        PLAIN.replace('"a, b"', '"a,b"'),
        PLAIN.replace("sin", "cos"),
        PLAIN.replace("        return", "    return"),
        PLAIN.replace("{x}{text}", "{x!r}{text}"),
    ],
)
def test_what_it_does_see_changes_the_digest(tmp_path: Path, other: str) -> None:
    assert other != PLAIN
    assert digest(tmp_path, other) != digest(tmp_path, PLAIN)


def test_a_digest_is_the_same_under_every_python(tmp_path: Path) -> None:
    # Kept cells meet newer interpreters: a digest that hung on one would run everything again.
    assert digest(tmp_path, PLAIN) == "9e678d63ff0f"


def test_files_that_nobody_can_parse_count_by_their_bytes(tmp_path: Path) -> None:
    latin = "# coding: latin-1\nname = 'é'\n".encode("latin-1")
    assert digest(tmp_path, latin) == digest(tmp_path, "name = 'é'\n")
    for broken in (b"name = '\xe9'\n", b"def f(:\n", b"a = 1\0", b"\xff\xfe", b"(" * 5000, b"x = 0x" + b"f" * 9000):
        assert digest(tmp_path, broken) != digest(tmp_path, broken + b" ")
    deep = b"x = " + b"+".join([b"1"] * 700)
    assert digest(tmp_path, deep) == digest(tmp_path, deep + b"  # a sum")
    assert digest(tmp_path, b"x = '\\d'") == digest(tmp_path, b"x = '\\\\d'")


LAZY = {
    "parts/__init__.py": "",
    "parts/network.py": """
from __future__ import annotations
from typing import TYPE_CHECKING
import importlib
import parts.direct
from . import beside, CONSTANT
from .inner import deep
from elsewhere import foreign
if TYPE_CHECKING:
    from parts import types_only

FACTORY = "parts.named:Factory"

def build(name, kind):
    from parts import inside_function
    importlib.import_module("parts.by_text")
    importlib.import_module(".relative", __package__)
    importlib.import_module(f"parts.kinds.{kind}")
    try:
        import parts.optional
    except ImportError:
        pass
""",
    **{
        f"parts/{name}.py": "x = 1\n"
        for name in (
            *("direct", "beside", "named", "inside_function", "by_text", "relative"),
            *("optional", "types_only", "unused"),
        )
    },
    "parts/inner/__init__.py": "from ..further import y\n",
    "parts/inner/deep.py": "from parts.network import build\n",
    "parts/inner/unused.py": "",
    "parts/further.py": "from .star import *\ny = 1\n",
    "parts/star/__init__.py": "__all__ = ['ray']\n",
    "parts/star/ray.py": "",
    "parts/kinds/__init__.py": "",
    "parts/kinds/one.py": "",
    "elsewhere.py": "",
}


def test_modules_are_followed_through_every_kind_of_import(tmp_path: Path) -> None:
    written(tmp_path, LAZY)
    reached = closure("parts.network", ["parts"])
    ours = [name for name in reached if "unused" not in name]
    assert set(reached) == {
        *("parts", "parts.network", "parts.direct", "parts.beside", "parts.named", "parts.inside_function"),
        *("parts.by_text", "parts.relative", "parts.optional", "parts.inner", "parts.inner.deep", "parts.further"),
        *("parts.star", "parts.star.ray", "parts.kinds", "parts.kinds.one"),
    }
    assert len(ours) == len(reached)
    assert reached["parts.inner"] == tmp_path / "parts" / "inner" / "__init__.py"
    assert "parts.network" not in sys.modules
    assert "elsewhere" in closure("parts.network", ["parts", "elsewhere"])
    fewer = closure("parts.network", ["parts"], without=["parts.inner", "parts.named"])
    assert set(reached) - set(fewer) == {
        *("parts.inner", "parts.inner.deep", "parts.further", "parts.star", "parts.star.ray", "parts.named"),
    }


def test_a_changed_number_in_any_module_reached_is_named_and_a_readme_is_not(tmp_path: Path) -> None:
    written(tmp_path, LAZY)
    before = code_evidence("parts.network", ["parts"])
    assert "parts/inner/deep.py" in before
    for name in before:
        path = tmp_path / name
        kept = path.read_text()
        path.write_text(f"{kept}\ndef more():\n    return 0.125\n")
        assert differences(before, code_evidence("parts.network", ["parts"])) == [f"{name} changed"]
        path.write_text(f"# A comment.\n{kept}")
    written(tmp_path, {"parts/README.md": "Read me.", "parts/unused.py": "x = 2", "parts/new.py": ""})
    assert code_evidence("parts.network", ["parts"]) == before


def test_files_that_come_and_go_are_told_of() -> None:
    old, new = {"a.py": "1", "b.py": "2", "c.py": "3"}, {"a.py": "1", "b.py": "9", "d.py": "4"}
    assert differences(old, new) == ["b.py changed", "c.py is gone", "d.py is new"]
    assert differences(old, old) == []


def test_data_that_the_code_names_counts_by_its_bytes(tmp_path: Path) -> None:
    named = {
        "marks/table.csv": "1",
        "marks/deep/weights.bin": b"\0",
        "marks/deep/small_palette.json": "{}",
        "marks/faces/one.raw": "1",
        "marks/faces/two.raw": "2",
    }
    ignored = {"marks/README.md": "", "marks/other.csv": "", "marks/py.typed": "", "marks/.hidden.json": "{}"}
    code = """
from pathlib import Path
HERE = Path(__file__).parent
TABLE = HERE / "table.csv"
WEIGHTS = "deep/weights.bin"

def palette(size):
    '''Reads README.md and other.csv.'''
    return HERE / f"{size}_palette.json", list((HERE / "faces").iterdir())
"""
    written(tmp_path, {"marks/__init__.py": "", "marks/code.py": code, **named, **ignored})
    before = code_evidence("marks.code", ["marks"])
    assert set(before) == {"marks/__init__.py", "marks/code.py", *named}
    written(tmp_path, {"marks/deep/weights.bin": b"\0\1"})
    assert differences(before, code_evidence("marks.code", ["marks"])) == ["marks/deep/weights.bin changed"]


def test_packages_without_init_and_single_modules_are_read(tmp_path: Path) -> None:
    written(tmp_path, {"space/marks/code.py": "import space.other.code\nimport lone\n", "space/other/code.py": ""})
    written(tmp_path, {"lone.py": ""})
    assert set(code_evidence("space.marks.code", ["space", "lone"])) == {
        *("lone.py", "space/marks/code.py", "space/other/code.py"),
    }
    # Another distribution's share of the same name space is not this part's code.
    assert set(code_evidence("space.marks.code", ["space.marks"])) == {"space/marks/code.py"}
    assert code_evidence("nowhere.at_all", ["nowhere"]) == {}


def test_a_package_in_an_archive_counts_as_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "zipped.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped/__init__.py", "")
        file.writestr("zipped/code.py", "import zipped.more")
    monkeypatch.syspath_prepend(str(archive))
    assert list(code_evidence("zipped.code", ["zipped"])) == ["zipped.zip"]


def test_one_spelling_of_a_file_is_found_on_systems_that_ignore_case(tmp_path: Path) -> None:
    written(tmp_path, {"cased/__init__.py": "from cased import compact\nfrom cased.compact import Compact\n"})
    written(tmp_path, {"cased/compact.py": "class Compact: ...\n", "cased/Readme.py": ""})
    assert set(code_evidence("cased", ["cased"])) == {"cased/__init__.py", "cased/compact.py"}


def numbers_in(data: bytes) -> list[tuple[int, int]]:
    """Where the numbers stand inside functions: first and last byte of each."""
    lines = data.split(b"\n")
    begins = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines) + 1)]
    functions = [node for node in ast.walk(ast.parse(data)) if isinstance(node, ast.FunctionDef)]
    found = {
        (begins[node.lineno - 1] + node.col_offset, begins[node.end_lineno - 1] + node.end_col_offset)
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float)
        if node.end_lineno is not None and node.end_col_offset is not None
    }
    return sorted(found)


def test_in_every_file_of_the_harness_and_its_parts_numbers_count_and_comments_do_not() -> None:
    homes = Path(ftbench.__path__[0]), *Path(ftbench_networks.__path__[0]).parent.glob("ftbench_*")
    files = sorted({path for home in homes for path in home.rglob("*.py")})
    assert len(files) > 100
    for path in files:
        data = path.read_bytes()
        before = understood(data)
        assert understood(b"# A comment.\n" + data + b"\n# Another.\n") == before, path
        numbers = numbers_in(data)
        if numbers:
            begin, end = numbers[len(numbers) // 2]
            changed = data[:begin] + b"(%s + 1)" % data[begin:end] + data[end:]
            assert understood(changed).digest != before.digest, (path, data[begin:end])


def test_the_packages_of_a_distribution_are_those_it_lists_and_those_its_parts_live_in(tmp_path: Path) -> None:
    about = "Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
    written(tmp_path, {"waves-1.dist-info/METADATA": about.format(name="waves")})
    written(tmp_path, {"waves-1.dist-info/top_level.txt": "waves\nwaves_core\n"})
    written(tmp_path, {"crests-1.dist-info/METADATA": about.format(name="crests")})
    record = "crests/__init__.py,,\ncrest_tools.py,,\ncrests-1.dist-info/METADATA,,\n../../bin/crest,,\n"
    written(tmp_path, {"crests-1.dist-info/RECORD": record, "crests/__init__.py": "", "crest_tools.py": ""})
    # Metadata is remembered by a folder's time, and a fast disk makes all of these within one tick.
    importlib.invalidate_caches()
    assert packages_of("waves", ["waves_extra.parts:Wave"]) == {"waves", "waves_core", "waves_extra"}
    assert packages_of("crests", []) == {"crests", "crest_tools"}
    # A file beside a benchmark has no distribution.
    assert packages_of("mine.py", ["ftbench_local_mine_0:Wave"]) == {"ftbench_local_mine_0"}
    assert {"ftbench", "ftbench_networks"} <= packages_of("ftbench", ["ftbench_networks.compact:Encoder"])


IMPORTER = """
import importlib, json, sys
reached = {}
for module in json.load(sys.stdin):
    for name in [name for name in sys.modules if name.partition("_")[0].partition(".")[0] == "ftbench"]:
        del sys.modules[name]
    importlib.import_module(module)
    reached[module] = [name for name in sys.modules if name.partition("_")[0].partition(".")[0] == "ftbench"]
print(json.dumps(reached))
"""


def test_no_module_that_a_built_in_part_or_the_harness_imports_is_overlooked(plugins: Plugins) -> None:
    built_in = [part.record.factory.partition(":")[0] for part in plugins.parts if part.distribution == "ftbench"]
    asked = sorted({*built_in, "ftbench.runner.jobs"})
    done = subprocess.run(
        [sys.executable, "-c", IMPORTER], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    reached: dict[str, list[str]] = json.loads(done.stdout)
    packages = packages_of("ftbench", [part.record.factory for part in plugins.parts if part.distribution == "ftbench"])
    for module, imported in reached.items():
        assert set(imported) <= set(closure(module, packages)), module


def test_what_did_not_change_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, LAZY)
    before = code_evidence("parts.network", ["parts"])

    def read(path: Path) -> bytes:
        raise AssertionError(f"{path} was read again")

    monkeypatch.setattr(Path, "read_bytes", read)
    assert code_evidence("parts.network", ["parts"]) == before


def test_another_name_in_the_front_of_the_package_is_no_difference() -> None:
    old = {"ftbench/__init__.py": "a", "ftbench_networks/__init__.py": "a"}
    assert differences(old, {**old, "ftbench/__init__.py": "b"}) == []
    assert differences(old, {**old, "ftbench_networks/__init__.py": "b"}) == ["ftbench_networks/__init__.py changed"]
