"""Payloads that users give: what is left of one for them, beside its check."""

from __future__ import annotations

import uuid
from dataclasses import replace

from ftbench.errors import BadInput
from ftbench.marking import payloads, presence
from ftbench.marking.trained import Trained

LONGEST_NOTE = 1000


def with_tag(trained: Trained, tag: int | None) -> Trained:
    """A model whose payloads have a check of so many bits; None: its own. Raises BadInput."""
    if tag is None:
        return trained
    if not 0 <= tag < trained.bits:
        raise BadInput(f"--tag {tag} leaves no payload: the model carries {trained.bits} bits")
    return replace(trained, tag=tag)


def spoken(text: str | None, note: str) -> tuple[str | None, str]:
    """A payload as far as it is written into pictures, and the note for the register.

    ``uuid:…`` has more bits than a picture carries: a payload is drawn, and the register tells whose it is.
    Raises BadInput for a UUID that is none, and for a note beside one.
    """
    if len(note) > LONGEST_NOTE:
        raise BadInput(f"the note has {len(note)} characters and may have {LONGEST_NOTE}")
    if text is None or not text.startswith("uuid:"):
        return text, note
    if note:
        raise BadInput("a uuid: payload is the register's note itself; leave out --note, or --payload")
    try:
        return None, str(uuid.UUID(text.removeprefix("uuid:")))
    except ValueError:
        raise BadInput(f"payload {text!r} is no UUID; write it as uuid:123e4567-e89b-12d3-a456-426614174000") from None


def whole(text: str, trained: Trained, key: bytes) -> str:
    """What a user wrote as a payload, its check behind it: ``0110``.

    The bits before the check may be given alone, or all of them, as ``extract`` prints them. Raises BadInput.
    """
    data = trained.bits - trained.tag
    kind, _, rest = text.partition(":")
    if kind == "uuid":
        raise BadInput(
            f"payload {text!r} has 128 bits and the model carries {data}: a register keeps it, so mark files with "
            "ftbench embed --payload uuid:… or embed_folder, and look it up with --among"
        )
    if kind in ("int", "text"):
        written = _number(rest, data) if kind == "int" else _text(rest, data)
        return presence.completed(written, trained.tag, key)
    if not trained.tag:
        return payloads.parse(text, data)
    try:
        given = payloads.parse(text, trained.bits)
    except BadInput:
        return presence.completed(payloads.parse(text, data), trained.tag, key)
    if not presence.is_whole(given, trained.tag, key):
        raise BadInput(
            f"the last {trained.tag} bits of {text!r} are not the check of the others under this key; give the first "
            f"{data} alone, or the --key that it was made with"
        )
    return given


def draw(trained: Trained, key: bytes) -> str:
    """A drawn payload, its check behind it: ``0110``."""
    return presence.completed(payloads.draw(trained.bits - trained.tag), trained.tag, key)


def readable(data: str, way: str) -> str:
    """The bits before a check, as ``bits``, ``int`` or ``text``; bits that are no text stay bits."""
    if way == "int":
        return str(int(data, 2))
    if way == "text":
        held = int(data, 2) >> (len(data) % 8)
        try:
            text = held.to_bytes(len(data) // 8, "big").rstrip(b"\0").decode("utf-8")
        except UnicodeDecodeError:
            return payloads.spell(data)
        return text if text.isprintable() else payloads.spell(data)
    return payloads.spell(data)


def _number(text: str, bits: int) -> str:
    try:
        number = int(text) if text.isascii() else -1
    except ValueError:
        number = -1
    if not 0 <= number < 2**bits:
        raise BadInput(
            f"payload 'int:{text}' is no whole number from 0 to {2**bits - 1}, which {bits} bits hold; give "
            "longer ones with --note, which the register keeps"
        )
    return format(number, f"0{bits}b")


def _text(text: str, bits: int) -> str:
    held = text.encode("utf-8")
    if not held or len(held) > bits // 8 or b"\0" in held:
        raise BadInput(
            f"payload 'text:{text}' has {len(held)} bytes and {bits} bits hold 1 to {bits // 8}; give a longer text "
            "with --note, which the register keeps"
        )
    return format(int.from_bytes(held, "big"), f"0{8 * len(held)}b").ljust(bits, "0")
