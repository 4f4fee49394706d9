"""What vouches for the cells of a plan: the code behind their parts and their kind of work, each file read once."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterable, Mapping

from ftbench.parts.catalogue import BUILT_IN, Provided
from ftbench.parts.fingerprint import code_evidence, packages_of
from ftbench.plan.cells import Cell, CellKind, TrainCell
from ftbench.plan.part import ResolvedPart
from ftbench.storage.cellfile import Evidence
from ftbench.storage.store import CellFolder
from ftbench.train.weights import WEIGHTS

ROOTS: Mapping[CellKind, tuple[str, ...]] = {
    "fit": ("ftbench.runner.fitting", "ftbench.machine.compute"),
    "train": ("ftbench.runner.training", "ftbench.machine.compute"),
    "evaluate": ("ftbench.runner.evaluation", "ftbench.machine.compute"),
}
"""Where the work of each kind of cell begins."""
UNFOLLOWED: Mapping[str, str] = {
    "ftbench.publish.benchmark": "what notebooks call; ``import ftbench`` names it, and no part uses it",
    "ftbench.marking.marker": "what notebooks call; ``import ftbench`` names it, and no part uses it",
    "ftbench.runner.bench": "finds folders",
    "ftbench.runner.jobs": "calls the work of each kind, where ROOTS begin",
    "ftbench.plan.keys": "what it makes is the key",
    "ftbench.benchfile.layout": "how tables lie on a page, which no cell sees",
    "ftbench.parts.catalogue": "finds parts; which were found is in the key",
    "ftbench.parts.isolation": "ends what hangs",
    "ftbench.machine.calltime": "ends what hangs",
    "ftbench.machine.supervision": "tells of a process that ended",
    "ftbench.machine.watchdog": "ends a process whose parent is gone",
    "ftbench.machine.provenance": "says what a cell was made with; the threads that it counts are in the key",
    "ftbench.contract.records": "what a record says is evidence itself",
    "ftbench.contract.hooks": "plugins are found and observers told by it",
    "ftbench.contract.moved": "old import paths",
    "ftbench.storage.store": "finds and keeps files; their content is checked by digest",
    "ftbench.storage.readings": "keeps what was read; rows are made without it",
    "ftbench.storage.seal": "digests of what is kept",
    "ftbench.storage.claims": "who works on a cell, not what is made of it",
    "ftbench.storage.owners": "who works on a cell, not what is made of it",
    "ftbench.errors": "words",
    "ftbench.plaintext": "words",
    "ftbench.console": "words",
    "ftbench.progress": "words",
    "ftbench.stopping": "listens to signals",
}
"""Modules that change no number of a cell whose key is the same, each with its reason."""
LIBRARIES = ("torch", "torchvision", "numpy", "scipy", "kornia", "timm", "pillow", "pandas")


Factories = tuple[tuple[str, str], ...]
"""Distribution and module of every part there is: a distribution's packages are told by them too."""


def factories_of(brought: Iterable[Provided]) -> Factories:
    """Of all parts that plugins brought."""
    return tuple(sorted({(one.distribution, _module(one)) for one in brought}))


def evidence_of(cell: Cell, factories: Factories, folders: Iterable[tuple[str, CellFolder]]) -> Evidence:
    """What a cell would be made with now; ``folders``: key and folder of each cell that it needs."""
    # A trained pair works in the cells that need it, whatever weights it came out with.
    pairs = [
        part for one in cell.inputs if isinstance(one, TrainCell) for part in (one.encoder, one.decoder, one.codec)
    ]
    parts = [*cell.parts, *pairs, *([cell.material.part] if cell.material.part and _sees_images(cell) else [])]
    modules = frozenset((part.provided.distribution, _module(part.provided)) for part in parts)
    weights = {key: weights_digest(folder) for key, folder in folders}
    return Evidence.model_construct(
        code=_code(cell.kind, modules, factories),
        records={_named(part): part.declared for part in parts},
        libraries=_libraries(),
        inputs={key: digest for key, digest in weights.items() if digest},
    )


def code_of(factory: str, packages: frozenset[str]) -> dict[str, str]:
    """Digest of each file in ``packages`` that stands behind a factory."""
    return _of_module(factory.partition(":")[0], packages)


def part_code(provided: Provided, factories: Factories) -> dict[str, str]:
    """Digest of each file that stands behind a part in its own distribution."""
    return _of_module(_module(provided), _packages(provided.distribution, factories))


def _sees_images(cell: Cell) -> bool:
    return "data" in cell.settings


def _module(provided: Provided) -> str:
    return provided.record.factory.partition(":")[0]


def _named(part: ResolvedPart) -> str:
    return f"{part.record.kind} {part.record.name}@{part.provided.distribution}"


@functools.lru_cache(maxsize=1000)
def _packages(distribution: str, factories: Factories) -> frozenset[str]:
    own = packages_of(distribution, [module for by, module in factories if by == distribution])
    return own | {BUILT_IN} if distribution == BUILT_IN else own - {BUILT_IN}


@functools.lru_cache(maxsize=10_000)
def _code(kind: CellKind, modules: frozenset[tuple[str, str]], factories: Factories) -> dict[str, str]:
    found: dict[str, str] = {}
    for root in ROOTS[kind]:
        found |= _of_module(root, frozenset({BUILT_IN}))
    for distribution, module in sorted(modules):
        found |= _of_module(module, _packages(distribution, factories))
    return found


@functools.lru_cache(maxsize=10_000)
def _of_module(module: str, packages: frozenset[str]) -> dict[str, str]:
    return code_evidence(module, packages, tuple(UNFOLLOWED))


@functools.cache
def _libraries() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def weights_digest(folder: CellFolder) -> str:
    """Digest of a finished cell's weights; empty where it is unfinished, or too old to say."""
    files = (folder.summary or {}).get("files")
    return str(files[WEIGHTS]["sha256"]) if isinstance(files, dict) and WEIGHTS in files else ""
