"""A real S3-compatible server for a file of tests, and a results folder on it for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.reliability import s3, storage
from ftbench.storage.places import place


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[storage.World]:
    """A server, and a door through which all of this module's clients go."""
    folder = tmp_path_factory.mktemp("s3")
    with pytest.MonkeyPatch.context() as patch, s3.server(folder) as server, s3.door(server.port) as door:
        for name, value in s3.environment(door.port).items():
            patch.setenv(name, value)
        # A client that is remembered from another world asks that world's door.
        pytest.importorskip("s3fs").S3FileSystem.clear_instance_cache()
        yield storage.World(folder, server, door)


@pytest.fixture
def out(world: storage.World, request: pytest.FixtureRequest) -> Path:
    """A results folder of the test's own on S3."""
    world.door.open()
    return place(f"s3://bucket/{request.node.name}")
