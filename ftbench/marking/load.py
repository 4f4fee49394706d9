"""From the word for a model to the model itself."""

from __future__ import annotations

from pathlib import Path

from ftbench.errors import BadInput
from ftbench.marking import catalogue, packed, trained
from ftbench.marking.locate import find
from ftbench.parts import discovery


def load_model(
    named: str = catalogue.DEFAULT, setting: str | None = None, store: Path | None = None
) -> trained.Trained:
    """An installed model by its name, a model's folder, or a trained cell of a results folder.

    ``setting`` and ``store`` choose among the cells of a results folder. Raises BadInput.
    """
    folder = catalogue.folder_of(named)
    if not (folder / catalogue.ENTRY).is_file():
        return trained.load(find(folder, setting, store), discovery.discover())
    if setting is not None or store is not None:
        raise BadInput(f"{named} is a model by itself; leave out --setting and --store, or name a results folder")
    return packed.load(folder, discovery.discover())
