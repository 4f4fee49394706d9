"""The register in SQLite, what pictures look like, and payloads in words of people."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
import uuid
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from ftbench.errors import BadInput, CannotWrite
from ftbench.marking import given, looks, presence, tracing
from ftbench.marking.database import Database
from ftbench.marking.register import COLUMNS, Entry
from ftbench.marking.trained import Trained
from tests.marking.calls import Command, photo
from tests.marking.test_search import jpeg, pixels

ENTRY = Entry("a.png", "0b0011", "38.00", "c0ffee", "s", "00" * 32, "yes", "0f" * 8, "Ann's")


def test_rows_come_back_in_order_and_by_model(tmp_path: Path) -> None:
    register = Database(tmp_path / "new" / "payloads.sqlite")
    assert register.read().entries == []
    rows = [ENTRY, replace(ENTRY, file="=1'; DROP TABLE marks"), replace(ENTRY, model="other")]
    for row in rows:
        register.add(row)
    assert register.read().entries == rows
    assert register.read(frozenset({"c0ffee", "more"})).entries == rows[:2]


def test_an_empty_file_is_a_register_without_rows(wide: Trained, tmp_path: Path) -> None:
    path = tmp_path / "payloads.sqlite"
    path.touch()
    assert Database(path).read().entries == []
    with pytest.raises(BadInput, match=r"holds no payload of the model 'wide'.*name the model that marked"):
        tracing.registered(path, wide)
    with pytest.raises(BadInput, match=r"is a folder; give the payloads\.csv"):
        tracing.registered(tmp_path, wide)
    Database(path).add(ENTRY)
    assert Database(path).read().entries == [ENTRY]


@pytest.mark.parametrize("damage", ["cut short", "text", "of another program", "newer", "locked", "read-only"])
def test_a_register_that_cannot_be_used_is_one_sentence_and_stays_as_it_is(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "payloads.sqlite"
    register = Database(path, lock_seconds=0.1)
    for number in range(300):
        register.add(replace(ENTRY, file=f"{number}.png"))
    holder = sqlite3.connect(path, isolation_level=None)
    says, kind = "damaged or cut short", BadInput
    with contextlib.closing(holder):
        if damage == "cut short":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        elif damage == "text":
            path.write_text("salaries\n" * 200, encoding="utf-8")
        elif damage == "of another program":
            holder.execute("PRAGMA application_id = 1")
            says = "is not a register"
        elif damage == "newer":
            holder.execute("PRAGMA user_version = 9")
            says = "written by a newer ftbench"
        elif damage == "locked":
            holder.execute("BEGIN EXCLUSIVE")
            says, kind = "another program holds", CannotWrite
        else:
            if os.name == "nt" or os.geteuid() == 0:
                # Whoever may do all is not kept from writing by a file's mode: SQLite's own switch does the same.
                holder.execute("PRAGMA journal_mode = DELETE")
                register = ReadOnly(path)
            else:
                path.chmod(0o400)
            says, kind = "cannot write", CannotWrite
        before = path.read_bytes()
        with pytest.raises(kind, match=says) as caught:
            register.add(ENTRY)
        assert len(str(caught.value).splitlines()) == 1
        assert path.read_bytes() == before


class ReadOnly(Database):
    def _open(self, mode: str) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        return super()._open("ro" if mode == "rwc" else mode)


def test_a_hundred_thousand_are_searched_in_a_second(wide: Trained, tmp_path: Path) -> None:
    path = tmp_path / "payloads.sqlite"
    Database(path).add(replace(ENTRY, model=wide.key, payload="0b" + "01" * 16))
    row = replace(ENTRY, model=wide.key)
    rows = [astuple(replace(row, file=f"{n}.png", payload=f"0b{n * 40503:032b}")) for n in range(100_000)]
    with contextlib.closing(sqlite3.connect(path)) as held, held:
        marks = ", ".join("?" * len(COLUMNS))
        held.executemany(f"INSERT INTO marks ({', '.join(COLUMNS)}) VALUES ({marks})", rows)
    begun = time.process_time()
    candidates = tracing.registered(path, wide)
    known, equal = candidates.closest(f"{77_777 * 40503:032b}")
    spent = time.process_time() - begun
    assert (known.files, equal) == (("77777.png",), 32)
    # A second, on a machine that does nothing else; twice that where it does.
    assert spent < 2


def test_looks_stay_through_what_happens_to_pictures_and_differ_between_them() -> None:
    draw = np.random.default_rng(1)
    blocks = [np.kron(draw.integers(0, 256, (5, 5, 3)), np.ones((30, 40, 1))).astype(np.uint8) for _ in range(6)]
    pictures = [Image.fromarray(block) for block in blocks]
    own = [looks.looks_of(np.asarray(picture)) for picture in pictures]
    for picture, spelled in zip(pictures, own, strict=True):
        for changed in (jpeg(picture, 50), picture.resize((80, 60)), picture.filter(ImageFilter.GaussianBlur(2))):
            distance = looks.apart(spelled, looks.looks_of(np.asarray(changed)))
            assert distance is not None
            assert distance < looks.OTHER
    distances = [looks.apart(a, b) or 0 for place, a in enumerate(own) for b in own[:place]]
    assert min(distances) >= looks.OTHER
    assert looks.apart("", own[0]) is None
    assert looks.apart("g" * 16, own[0]) is None


def test_a_mark_that_was_copied_onto_another_picture_is_called_that(
    ftbench_here: Command, model: Path, tmp_path: Path
) -> None:
    cover = photo(tmp_path / "a.png", shape=(120, 160))
    # Not drawn: with one payload in 256 a JPEG of this made-up picture has other looks than it.
    given = ("--payload", "10110100", "--note", "for Ann")
    assert ftbench_here("embed", model, cover, "--register", "all.sqlite", *given).code == 0
    mark = np.asarray(Image.open("marked/a.png")).astype(int) - np.asarray(Image.open(cover))
    blocks = np.random.default_rng(0).integers(60, 200, (4, 4, 3))
    other = np.kron(blocks, np.ones((30, 40, 1))).astype(int)
    Image.fromarray((other + 3 * mark).clip(0, 255).astype(np.uint8)).save("forged.png")
    jpeg(Image.open("marked/a.png"), 80).save("sent.jpg", quality=80)
    read = json.loads(ftbench_here("extract", model, "sent.jpg", "forged.png", "--among", "all.sqlite", "--json").out)
    assert [one["given_to"] for one in read] == ["marked/a.png"] * 2
    assert [one["note"] for one in read] == ["for Ann"] * 2
    assert "copied" not in read[0]
    assert read[1]["matches"] >= 7
    assert "this is not the picture that was given the mark" in read[1]["copied"]


def test_payloads_in_words(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    assert ftbench_here("embed", model, "a.png", "--payload", "int:200").code == 0
    read = json.loads(ftbench_here("extract", model, "marked/a.png", "--as", "int", "--json").out)
    assert read[0]["payload"] == "200"
    assert ftbench_here("embed", model, "a.png", "--payload", "text:Q", "--overwrite").code == 0
    read = json.loads(ftbench_here("extract", model, "marked/a.png", "--as", "text", "--json").out)
    assert read[0]["payload"] == "Q"
    whose = str(uuid.UUID(int=12345))
    assert ftbench_here("embed", model, "a.png", "--payload", f"uuid:{whose}", "--overwrite").code == 0
    read = json.loads(ftbench_here("extract", model, "marked/a.png", "--among", "marked/payloads.csv", "--json").out)
    assert whose in read[0]["note"]
    assert read[0]["p_value"] is not None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--payload", "text:too long"], "has 8 bytes and 8 bits hold 1 to 1"),
        (["--payload", "int:256"], "is no whole number from 0 to 255"),
        (["--payload", "int:-1"], "is no whole number"),
        (["--payload", "uuid:12"], "is no UUID"),
        (["--payload", f"uuid:{uuid.UUID(int=1)}", "--note", "x"], "leave out --note"),
        (["--note", "x" * 1001], "may have 1000"),
    ],
)
def test_what_no_payload_holds_is_one_sentence(
    options: list[str], says: str, ftbench_here: Command, model: Path, tmp_path: Path
) -> None:
    photo(tmp_path / "a.png")
    said = ftbench_here("embed", model, "a.png", *options)
    assert (said.code, says in said.err) == (2, True)
    assert len(said.err.strip().splitlines()) == 1
    assert not (tmp_path / "marked").exists()


def test_texts_and_numbers_come_back(wide: Trained) -> None:
    for way, text in (("text", "ab"), ("text", "é"), ("int", "0"), ("int", "65535")):
        data = given.whole(f"{way}:{text}", wide, presence.PUBLIC)[:16]
        assert given.readable(data, way) == text
    assert given.readable("1" * 16, "text") == "0b" + "1" * 16
    assert pixels(Image.new("RGB", (2, 3))).shape == (3, 3, 2)


def test_a_register_under_another_key_is_said(ftbench_here: Command, model: Path, tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    (tmp_path / "key").write_text("a key of my own", encoding="utf-8")
    assert ftbench_here("embed", model, "a.png", "--tag", "4", "--key", "key").code == 0
    options = ("--tag", "4", "--false-positives", "0.5", "--among", "marked/payloads.csv", "--seconds", "0")
    assert "were made with another key" in ftbench_here("extract", model, "marked/a.png", *options).err
    assert ftbench_here("extract", model, "marked/a.png", *options, "--key", "key").err == ""
