"""Payloads that users give: what is left of one for them, beside its check."""

from __future__ import annotations

from dataclasses import replace

from ftbench.errors import BadInput
from ftbench.marking import payloads, presence
from ftbench.marking.trained import Trained


def with_tag(trained: Trained, tag: int | None) -> Trained:
    """A model whose payloads have a check of so many bits; None: its own. Raises BadInput."""
    if tag is None:
        return trained
    if not 0 <= tag < trained.bits:
        raise BadInput(f"--tag {tag} leaves no payload: the model carries {trained.bits} bits")
    return replace(trained, tag=tag)


def whole(text: str, trained: Trained, key: bytes) -> str:
    """What a user wrote as a payload, its check behind it: ``0110``.

    The bits before the check may be given alone, or all of them, as ``extract`` prints them. Raises BadInput.
    """
    data = trained.bits - trained.tag
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
