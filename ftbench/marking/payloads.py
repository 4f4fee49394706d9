"""Payloads as people write them, and the register of those that were given to pictures."""

from __future__ import annotations

import csv
import io
import re
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import filelock

from ftbench.errors import BadInput, CannotWrite
from ftbench.store import write_atomically

REGISTER = "payloads.csv"
LOCK_SECONDS = 60


def draw(bits: int) -> str:
    """A payload of so many bits, uniform, from the system's own source of randomness: ``0110``."""
    return format(secrets.randbits(bits), f"0{bits}b")


def spell(payload: str) -> str:
    """``0b0110``: marked as bits, so that no spreadsheet takes it for a number and drops its zeros."""
    return f"0b{payload}"


def parse(text: str, bits: int) -> str:
    """A payload of ``bits`` bits as ``0110``, written as bits or in hexadecimal, with ``0b`` or ``0x`` or without.

    Digits 0 and 1 alone are bits unless ``0x`` stands before them. The first bit is the highest of the number.
    Raises BadInput for anything else and for another length.
    """
    found = re.fullmatch(r"(0b|0x)?(\w+)", text.strip().lower(), re.ASCII)
    kind, digits = (found[1] or "", found[2]) if found else ("", "")
    if kind != "0x" and re.fullmatch(r"[01]+", digits):
        if len(digits) != bits:
            like_hex = "; hexadecimal is written with 0x before it" if not kind else ""
            raise BadInput(f"payload {text!r} has {len(digits)} bits and the model carries {bits}{like_hex}")
        return digits
    if kind == "0b" or not re.fullmatch(r"[0-9a-f]+", digits):
        raise BadInput(f"payload {text!r} is neither bits nor hexadecimal; write e.g. {_example(bits)}")
    wanted = -(-bits // 4)
    if len(digits) != wanted:
        raise BadInput(f"payload {text!r} has {len(digits)} hexadecimal digits and {bits} bits take {wanted}")
    if int(digits, 16) >= 2**bits:
        raise BadInput(f"payload {text!r} needs more than the {bits} bits that the model carries")
    return format(int(digits, 16), f"0{bits}b")


def matches(read: str, expected: str) -> int:
    """Equal bits of two payloads."""
    return sum(a == b for a, b in zip(read, expected, strict=True))


@dataclass(frozen=True)
class Entry:
    """One marked picture: a row of the register."""

    file: str
    """Name of the marked picture, beside the register."""
    payload: str
    """As ``spell`` writes it."""
    psnr: str
    """Of the file's pixels against the cover's, dB."""
    model: str
    """Identity of the trained cell."""
    setting: str
    sha256: str
    """Of the file."""


COLUMNS = tuple(field.name for field in fields(Entry))


@dataclass(frozen=True)
class Register:
    """A CSV file of all payloads that were ever given; rows are added and never removed.

    A picture that is marked anew gets another row: copies of the older one may be anywhere.
    """

    path: Path

    def entries(self) -> list[Entry]:
        """Every row. Raises BadInput when the file is not a register."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise BadInput(f"{self.path} cannot be read as a register of payloads: {reason}; use --out") from error
        rows = list(csv.reader(io.StringIO(text)))
        if not rows or tuple(rows[0]) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows[1:]):
            raise BadInput(
                f"{self.path} is not a register of payloads, whose columns are {', '.join(COLUMNS)}; "
                "move it away or choose another folder"
            )
        return [Entry(*row) for row in rows[1:]]

    def add(self, entry: Entry) -> None:
        """Add a row: the whole file is written anew, or not at all."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(self.path.with_name(f".{self.path.name}.lock"), timeout=LOCK_SECONDS):
                text = io.StringIO()
                writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(asdict(row) for row in [*self.entries(), entry])
                write_atomically(self.path, lambda path: path.write_text(text.getvalue(), encoding="utf-8"))
        except filelock.Timeout as error:
            raise CannotWrite(f"another program holds {self.path}; wait for it, then run again") from error
        except OSError as error:
            raise CannotWrite(f"cannot write {self.path}: {error.strerror or error}; use --out") from error


def _example(bits: int) -> str:
    pattern = ("10" * bits)[:bits]
    return f"{pattern} or 0x{int(pattern, 2):0{-(-bits // 4)}x}" if bits <= 64 else "0b… or 0x…"
