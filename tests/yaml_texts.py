"""A benchmark file to read, and what holds of every document and every refusal."""

import pytest

from ftbench.benchfile.document import Document, parse
from ftbench.errors import BadInput

PAPER = """\
# comment
name: paper
dataset: {name: two-identities, size: 64}
matrix:
  encoder: [unet, other]
  loss:
    - {message: 1, image: 1e-3}
    - message: 10
      image: 0.1
train:
  steps: 100
  on: no
evaluate:
  distortions: &some
    - identity
    - {name: jpeg, quality: [50, 95]}
  again: *some
scales:
  small:
    dataset: {size: 32}
    matrix:
      encoder: [tiny]
    train: {steps: 5, rate: 0.5, on: null}
  empty:
"""


def values(document: Document):
    """Every path of the data, walked without the module's help."""
    stack = [((), document.data)]
    while stack:
        path, value = stack.pop()
        yield path, value
        if isinstance(value, dict):
            stack += [((*path, key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            stack += [((*path, index), inner) for index, inner in enumerate(value)]


def refusal(text: str, name: str = "paper.yaml") -> str:
    with pytest.raises(BadInput) as caught:
        parse(text, name)
    return one_sentence(caught.value)


def one_sentence(error: BadInput) -> str:
    message = str(error)
    assert message.isprintable()
    assert len(message) < 400
    assert "Error" not in message
    return message


def assert_places_point_at_keys(document: Document, text: str) -> None:
    lines = text.splitlines()
    assert set(document.places) == {path for path, _ in values(document)}
    for path, place in document.places.items():
        if path and isinstance(path[-1], str):
            assert lines[place.line - 1][place.column - 1 :].lstrip("\"'").startswith(path[-1])
