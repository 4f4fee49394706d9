"""A cluster that is there: what is asked of it, who is let in, and what is said of the others."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ftbench.benchfile.schema import ComputeSection
from ftbench.cluster import guest
from ftbench.cluster.jobs import on_cluster, scheduler_of
from ftbench.cluster.passport import Passport
from ftbench.cluster.serving import options
from ftbench.cluster.there import connected, sendable
from ftbench.console import Console
from ftbench.errors import BadInput
from ftbench.machine.compute import Compute, settle
from ftbench.parts.local_file import LocalFile
from ftbench.publish.costs import each
from ftbench.runner.opening import Opened, Request, open_benchmark
from tests.interrupted import Small

ADDRESS = "tcp://10.0.0.1:8786"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, ftbench_command: list[str]) -> Small:
    return Small.made(tmp_path_factory.mktemp("small"), ftbench_command)


@pytest.fixture(scope="module")
def request_(small: Small) -> Request:
    told = small.folder / "told.py"
    return Request(str(small.folder / "small.yaml"), out=small.folder / "out", allowed=[told])


@pytest.fixture(scope="module")
def opened(request_: Request) -> Opened:
    return open_benchmark(request_, Console(quiet=True))


@pytest.mark.parametrize(
    ("executor", "scheduler", "jobs", "meant"),
    [
        (None, None, None, None),
        (None, None, 4, None),
        ("local", ADDRESS, 2, None),
        (None, ADDRESS, None, ADDRESS),
        ("dask", "s.json", None, "s.json"),
        ("dask", None, None, "tcp://configured:1"),
    ],
)
def test_which_scheduler_is_meant(
    monkeypatch: pytest.MonkeyPatch, executor: str | None, scheduler: str | None, jobs: int | None, meant: str | None
) -> None:
    import dask

    with dask.config.set({"scheduler-address": "tcp://configured:1"}):
        assert scheduler_of(executor, scheduler, jobs) == meant


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("slurm", None, None), "neither local nor dask"),
        ((None, " ", None), "is empty"),
        ((None, ADDRESS, 2), "leave --jobs out"),
        (("dask", None, None), "needs --scheduler"),
    ],
)
def test_a_scheduler_that_cannot_be_meant_is_one_sentence(asked: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said) as told:
        scheduler_of(*asked)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("where", ["tcp://127.0.0.1:1", "nowhere.json", "carrier pigeon"])
def test_where_no_scheduler_answers_one_sentence_says_so(where: str) -> None:
    with pytest.raises(BadInput, match="no scheduler answers there") as told:
        connected(where, seconds=0.5)
    assert where in str(told.value)


def test_a_training_of_several_processes_is_no_matter_for_a_cluster(opened: Opened, request_: Request) -> None:
    shared = replace(opened, bench=replace(opened.bench, compute=replace(opened.bench.compute, processes=2)))
    with pytest.raises(BadInput, match=r"compute\.processes is 2"):
        on_cluster(ADDRESS, shared, request_, lambda cell: 0.0)
    assert on_cluster(ADDRESS, opened, request_, lambda cell: 0.0)([]) is None


def test_a_worker_opens_what_was_sent_whatever_lies_in_its_place(
    opened: Opened, request_: Request, small: Small
) -> None:
    sent: Request = pickle.loads(pickle.dumps(sendable(request_, opened)))
    assert sent.sent is not None
    assert sent.out.is_absolute()
    elsewhere = replace(sent.sent, file=Path("/nowhere/small.yaml"))
    again = open_benchmark(replace(sent, sent=elsewhere), Console(quiet=True), settle_on_disk=False)
    assert [cell.key for cell in again.plan.cells] == [cell.key for cell in opened.plan.cells]
    assert not Passport.of(opened).unlike(Passport.of(again))


def test_a_plugins_file_that_is_another_there_is_laid_down_anew(tmp_path: Path, request_: Request) -> None:
    class Worker:
        local_directory = str(tmp_path / "worker")

    there: Any = Worker()
    one = guest.Guest("topic", request_)
    one.worker = there
    same = LocalFile(tmp_path / "same.py", b"A = 1\n")
    same.path.write_bytes(same.text)
    other = LocalFile(tmp_path / "other.py", b"A = 2\n")
    other.path.write_bytes(b"A = 3\n")
    assert one._laid_down(same) is same
    laid = one._laid_down(other)
    assert laid.path.is_relative_to(tmp_path / "worker")
    assert (laid.path.name, laid.path.read_bytes(), laid.module) == ("other.py", b"A = 2\n", other.module)


def test_what_is_unlike_is_told_causes_first(opened: Opened) -> None:
    own = Passport.of(opened)
    assert own.unlike(own) == []
    assert {"torch", "numpy", "Python", "ftbench"} <= own.versions.keys()
    assert {"told.py", "ftbench_networks/compact.py", "ftbench/train/loop.py"} <= own.code.keys()
    edited = replace(own, code={**own.code, "told.py": "0"}, plan="0")
    assert own.unlike(edited) == ["told.py changed"]
    assert own.unlike(replace(own, versions={**own.versions, "torch": "1.0"})) == [
        f"torch is 1.0 and not {own.versions['torch']}"
    ]
    (images,) = own.unlike(replace(own, data="f" * 64, plan="0"))
    assert images.startswith("its images are others (ffffffffffff and not")
    (files,) = own.unlike(replace(own, plan="0"))
    assert "a file that the benchmark names" in files
    assert len(own.unlike(replace(own, code={}))) == 4


def test_a_process_that_loaded_other_code_before_says_so(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest, "_LOADED", {})
    own = Passport.of(opened)
    guest._check_loaded(own, opened.sent.plugins)
    guest._check_loaded(own, opened.sent.plugins)
    # A plugin file of another content is another module.
    guest._check_loaded(replace(own, code={**own.code, "told.py": "0"}), opened.sent.plugins)
    with pytest.raises(BadInput, match=r"ftbench_networks/compact.py changed since this process loaded it"):
        guest._check_loaded(replace(own, code={**own.code, "ftbench_networks/compact.py": "0"}), opened.sent.plugins)


def test_gpus_of_other_machines_can_be_asked_for_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftbench.machine.compute.gpu_present", lambda: False)
    monkeypatch.setattr("ftbench.machine.compute.gpu_count", lambda: 0)
    asked = ComputeSection(device="cuda", precision="bfloat16", threads=4)
    with pytest.raises(BadInput, match="no GPU can be used here"):
        settle(asked)
    assert settle(asked, here=False) == Compute("cuda", "bfloat16", 4, "none")
    with pytest.raises(BadInput, match=r"compute\.precision is auto"):
        settle(ComputeSection(device="cuda"), here=False)


def test_the_worker_that_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftbench.cluster.serving.gpu_count", lambda: 1)
    given = options(ADDRESS, "3h50m", "16GiB", ["--name", "a", "--nthreads", "8"], file=False)
    assert given[0] == ADDRESS
    assert given[given.index("--lifetime") + 1] == "13800s"
    assert given[given.index("--resources") + 1] == f"GPU=1 MEMORY={16 * 2**30}"
    assert given[-4:] == ["--nthreads", "1", "--memory-limit", "0"]
    assert given.index("--name") < len(given) - 4
    assert options("s.json", None, None, [], file=True)[:2] == ["--scheduler-file", "s.json"]
    with pytest.raises(BadInput, match="--memory 'much' is no size"):
        options(ADDRESS, None, "much", [], file=False)


def test_memory_is_estimated_for_each_cell(opened: Opened) -> None:
    cost_of = each(opened)
    needs = {cell.kind: cost_of(cell).memory for cell in opened.plan.cells}
    assert needs["train"] > 1e5
    assert needs["train"] == cost_of(opened.plan.trainings[0]).memory
