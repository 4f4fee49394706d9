"""The register of payloads: it loses no row, whatever a spreadsheet made of it."""

from __future__ import annotations

import csv
import threading
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from ftbench.errors import BadInput, CannotWrite
from ftbench.marking.register import COLUMNS, Entry, Register, few

ENTRY = Entry("a.png", "0b0011", "38.00", "c0ffee", 'λ=1, "α"=0.1', "00" * 32, "yes")


def test_rows_are_added_and_none_removed(tmp_path: Path) -> None:
    register = Register(tmp_path / "new" / "payloads.csv")
    assert register.read().entries == []
    rows = [ENTRY, replace(ENTRY, payload="0b1100"), replace(ENTRY, file='b, "c"\n.png')]
    for row in rows:
        register.add(row)
    assert register.read().entries == rows
    frame = pd.read_csv(register.path)
    # Leading zeros live on.
    assert frame["payload"].tolist() == ["0b0011", "0b1100", "0b0011"]
    assert frame["setting"].tolist() == [ENTRY.setting] * 3


def test_two_at_once_lose_nothing(tmp_path: Path) -> None:
    def fill(who: int) -> None:
        for number in range(12):
            Register(tmp_path / "payloads.csv").add(replace(ENTRY, file=f"{who}-{number}"))

    threads = [threading.Thread(target=fill, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [entry.file for entry in Register(tmp_path / "payloads.csv").read().entries]
    assert sorted(names) == sorted(f"{who}-{number}" for who in range(3) for number in range(12))


@pytest.mark.parametrize("text", ["", "file,salary\na,1\n", "file;payload\n"])
def test_another_file_of_that_name_is_left_alone(text: str, tmp_path: Path) -> None:
    path = tmp_path / "payloads.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match="is not a register of payloads"):
        Register(path).add(ENTRY)
    assert path.read_text(encoding="utf-8") == text


def test_a_register_of_other_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "payloads.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="cannot be read as a register"):
        Register(tmp_path / "payloads.csv").read()


NAMES = [
    "plain.png",
    "=cmd|' /C calc'!A0.png",
    "+1.png",
    "-1.png",
    "@x.png",
    "\tx.png",
    "\rx.png",
    " =1.png",
    "\uff1d1.png",
    "'quoted'.png",
    "'=1.png",
    "''.png",
    "a\rb.png",
    "a\r\nb.png",
    'a"b,c;d.png',
    "x;=1+1.png",
    "a\x1b[31mred\u202e.png",
    "n" * 200_000,
]


def test_no_field_is_a_formula_and_every_name_comes_back(tmp_path: Path) -> None:
    register = Register(tmp_path / "payloads.csv")
    for name in NAMES:
        register.add(replace(ENTRY, file=name, setting="=1"))
    assert [entry.file for entry in register.read().entries] == NAMES
    assert register.read().faults == ()
    assert {entry.setting for entry in register.read().entries} == {"=1"}
    csv.field_size_limit(2**20)
    try:
        with register.path.open(newline="", encoding="utf-8") as file:
            heads = {field.lstrip()[:1] for row in csv.reader(file) for field in row}
        # What a spreadsheet makes of it that separates columns by semicolons.
        with register.path.open(newline="", encoding="utf-8") as file:
            heads |= {field.lstrip()[:1] for row in csv.reader(file, delimiter=";") for field in row}
    finally:
        csv.field_size_limit(131_072)
    assert not heads & set("=+-@\uff1d")


OLD = "file,payload,psnr,model,setting,sha256\n"


def test_an_older_register_gets_the_new_column_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "payloads.csv"
    # As it was written: a name with a return in it made it "not a register" for ever.
    path.write_bytes(f"{OLD}a.png,0b0011,38.00,c0ffee,s,00\nb\rc.png,0b1100,38.00,c0ffee,s,00\n".encode())
    before = Register(path).read()
    assert [(entry.file, entry.payload, entry.drawn) for entry in before.entries] == [
        ("a.png", "0b0011", ""),
        ("b\rc.png", "0b1100", ""),
    ]
    Register(path).add(ENTRY)
    assert Register(path).read().entries == [*before.entries, ENTRY]


def spreadsheet(delimiter: str, end: str, encoding: str) -> bytes:
    """Columns in another order, one more of the user's own, quotes only where they are needed."""
    rows = [
        ["payload", "File", "notes", "model", "drawn", "setting", "psnr"],
        ["0b0011", "é.png", "sent to Zoë", "c0ffee", "yes", "s", "38"],
        ["0b1100", "b.png", "", "c0ffee", "no", "s", "38"],
    ]
    return (end.join(delimiter.join(row) for row in rows) + end).encode(encoding)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_what_a_spreadsheet_saves_of_it_is_read_and_added_to(
    delimiter: str, end: str, encoding: str, tmp_path: Path
) -> None:
    path = tmp_path / "payloads.csv"
    path.write_bytes(spreadsheet(delimiter, end, encoding))
    register = Register(path)
    held = register.read()
    assert [(line, entry.file, entry.payload, entry.drawn) for line, entry in held.rows] == [
        (2, "é.png", "0b0011", "yes"),
        (3, "b.png", "0b1100", "no"),
    ]
    new = [replace(ENTRY, file="ü\n.png"), replace(ENTRY, file="=1.png")]
    for entry in new:
        register.add(entry)
    assert register.read().entries == [*held.entries, *new]
    assert register.read().faults == ()
    # The user's own column stays.
    assert b"sent to Zo" in path.read_bytes()


def test_a_bad_row_blocks_itself_alone_and_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "payloads.csv"
    register = Register(path)
    for number in range(3):
        register.add(replace(ENTRY, file=f"{number}.png"))
    lines = path.read_text(encoding="utf-8").splitlines()
    bad = ["nonsense", '"torn.png","0b00', '"many"' + ',"x"' * 12, '"no payload.png","","","c0ffee","","",""']
    path.write_text("\n".join([*lines[:2], *bad, *lines[2:]]) + "\n", encoding="utf-8")
    held = register.read()
    assert [entry.file for entry in held.entries] == ["0.png", "1.png", "2.png"]
    assert [fault.split(": ")[0] for fault in held.faults] == [f"{path}, line {number}" for number in (3, 4, 5, 6)]
    register.add(replace(ENTRY, file="3.png"))
    assert [entry.file for entry in register.read().entries] == ["0.png", "1.png", "2.png", "3.png"]
    for line in bad:
        assert line in path.read_text(encoding="utf-8")
    assert list(few(held.faults)) == [*held.faults[:3], "and 1 more rows of this kind"]


@pytest.mark.parametrize("tail", ['"torn.png","0b0', '"torn.png', "torn"])
def test_a_row_that_broke_off_swallows_none_after_it(tail: str, tmp_path: Path) -> None:
    path = tmp_path / "payloads.csv"
    Register(path).add(ENTRY)
    with path.open("a", encoding="utf-8") as file:
        file.write(tail)
    for name in ("b.png", "c.png"):
        Register(path).add(replace(ENTRY, file=name))
    held = Register(path).read()
    assert [entry.file for entry in held.entries] == ["a.png", "b.png", "c.png"]
    assert len(held.faults) == 1
    assert tail in path.read_text(encoding="utf-8")


def test_a_full_disk_leaves_the_rows_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register = Register(tmp_path / "payloads.csv")
    register.add(ENTRY)
    before = register.path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CannotWrite, match="No space left on device"):
        register.add(replace(ENTRY, file="b.png"))
    assert register.path.read_bytes() == before


def test_a_long_register_costs_no_time_for_each_picture(tmp_path: Path) -> None:
    path = tmp_path / "payloads.csv"
    row = f'"{{}}.png","0b0011","38.00","c0ffee","s","{"00" * 32}","yes"\n'
    path.write_text(",".join(COLUMNS) + "\n" + "".join(row.format(n) for n in range(100_000)), encoding="utf-8")
    register, begun = Register(path), time.process_time()
    for number in range(20):
        register.add(replace(ENTRY, file=f"new-{number}.png"))
    # Read and written anew for each, this took half a minute.
    assert time.process_time() - begun < 1
    assert len(register.read().rows) == 100_020
