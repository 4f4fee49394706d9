"""Output that steers no terminal, in any encoding, with a reader or without one."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from ftbench.console import Console

NASTY = "a\x1b[31mred b\u202egnp.exe"
SAFE = "a\\x1b[31mred b\\u202egnp.exe"
SCRIPT = """
from ftbench.console import Console, prepare_streams
prepare_streams()
import sys
console = Console()
for number in range(3):
    console.print("line λ", number)
    {more}
print("went on", file=sys.stderr)
"""


def printed(what: object, coloured: bool = False) -> str:
    file = io.StringIO()
    Console(file=file, width=200, force_terminal=coloured).print(what, highlight=False, markup=False)
    return file.getvalue()


def test_what_strangers_call_things_is_written_out_in_lines_and_tables() -> None:
    assert printed(f"set aside: {NASTY}") == f"set aside: {SAFE}\n"
    table = Table("name")
    table.add_row(Text(NASTY))
    assert SAFE.partition(".")[0][:12] in printed(table)
    assert "\x1b" not in printed(table)
    # Our own colours are none of theirs.
    coloured = printed(Text(NASTY, "red"), coloured=True)
    assert SAFE.partition("[")[0] in coloured
    assert "\x1b[31mred" not in coloured


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_no_character_is_beyond_an_encoding(encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(more="print('\\udcff')")],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    text = done.stdout.decode(encoding)
    assert ("line λ 0" if encoding == "utf-8" else "line \\u03bb 0") in text
    assert "\\udcff" in text


def test_a_reader_who_left_stops_no_work() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(more="import time; time.sleep(0.3)")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 0, said
    assert said == "ftbench: nobody reads the output any more; the work goes on\nwent on\n"


def test_warnings_that_quote_strangers_are_written_out_too() -> None:
    code = "from ftbench.console import prepare_streams; prepare_streams(); import logging, sys; "
    code += "logging.getLogger('x').warning('observer %s failed', sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, NASTY], capture_output=True, text=True, check=True)
    assert done.stderr == f"observer {SAFE} failed\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_device_is_told_of_in_one_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ftbench", "--version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.startswith("ftbench: cannot write to or read from the output: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="a shell that closes descriptors")
@pytest.mark.parametrize(("closed", "left"), [("1>&-", "went on"), ("2>&-", "line λ 2"), ("<&- 1>&- 2>&-", "")])
def test_closed_streams_stop_no_work(closed: str, left: str) -> None:
    code = SCRIPT.format(more="assert open('/dev/null').fileno() > 2")
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert left in done.stdout + done.stderr
