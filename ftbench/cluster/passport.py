"""What a process would make a benchmark's cells with, as another process can compare it with its own."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass

import ftbench
from ftbench.parts.fingerprint import differences
from ftbench.runner.opening import Opened
from ftbench.vouching.evidence import evidence_of, factories_of

SHOWN = 3
"""Differences that are told one by one."""


@dataclass(frozen=True)
class Passport:
    """Everything that must be the same wherever cells of a run are worked on."""

    versions: Mapping[str, str]
    """Of ftbench, of Python, and of the libraries that decide numbers."""
    code: Mapping[str, str]
    """File -> digest, of all code that stands behind the cells."""
    records: Mapping[str, object]
    """What the records of the parts tell the harness."""
    data: str
    """Digest of the images, of who they show and how they are split."""
    plan: str
    """Digest of the keys of all cells."""

    @classmethod
    def of(cls, opened: Opened) -> Passport:
        """This process's own."""
        factories = factories_of(opened.bench.plugins.parts)
        code: dict[str, str] = {}
        records: dict[str, object] = {}
        libraries: dict[str, str] = {}
        keys = hashlib.sha256()
        for cell in opened.plan.cells:
            evidence = evidence_of(cell, factories, ())
            code |= evidence.code
            records |= evidence.records
            libraries |= evidence.libraries
            keys.update(cell.key.encode())
        python = ".".join(platform.python_version_tuple()[:2])
        versions = {"ftbench": ftbench.__version__, "Python": python, **libraries}
        return cls(versions, code, records, opened.bench.data.digest, keys.hexdigest())

    def unlike(self, other: Passport) -> list[str]:
        """What of ``other``, a worker's, is not as it is here, in words, the causes before what they lead to."""
        there = other.versions
        told = [
            f"{name} is {there.get(name, 'not there')} and not {self.versions.get(name, 'left out')}"
            for name in sorted(self.versions.keys() | there.keys())
            if self.versions.get(name) != there.get(name)
        ]
        told += differences(self.code, other.code)
        told += [
            f"the record of {name} is another" for name in self.records if self.records[name] != other.records.get(name)
        ]
        if self.data != other.data:
            told.append(f"its images are others ({other.data[:12]} and not {self.data[:12]})")
        if self.plan != other.plan and not told:
            told.append("its cells are others: a file that the benchmark names holds something else there")
        return told if len(told) <= SHOWN else [*told[:SHOWN], f"{len(told) - SHOWN} more differences"]
