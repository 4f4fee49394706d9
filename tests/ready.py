"""The command line in a process of its own that need not import torch anew: forked off one that has.

Importing torch, pandas, scipy and timm takes a command seconds, and a test hardly any. ``serve`` imports them once,
nothing of ftbench, and forks a process for each call; ``call`` is what a test starts in the place of ``python -m
ftbench``: it hands over its arguments, environment, folder and streams, and ends with the exit code; killed, it takes
the command with it. What must not find a library imported already, or hears signals, is started as users start it.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

LIBRARIES = ("torch", "torchvision", "timm", "kornia", "pandas", "scipy.stats", "matplotlib.figure", "rich")
COMMAND = [sys.executable, "-m", "ftbench"]


@contextlib.contextmanager
def commands() -> Iterator[list[str]]:
    """What to start in the place of ``COMMAND``; itself, where a process cannot be forked safely."""
    if sys.platform != "linux":
        yield COMMAND
        return
    with tempfile.TemporaryDirectory(prefix="ftbench-tests-") as folder:
        place = str(Path(folder) / "socket")
        server = [sys.executable, __file__, "serve", place]
        with subprocess.Popen(server, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                # Without the site's packages a process starts in a few milliseconds.
                yield [sys.executable, "-I", "-S", __file__, "call", place]
            finally:
                process.terminate()


def serve(place: str) -> None:
    """Import ``LIBRARIES``, then answer calls until terminated."""
    import importlib

    for name in LIBRARIES:
        importlib.import_module(name)
    # A collection would touch, and so copy, all that they brought.
    gc.collect()
    gc.freeze()
    # Nobody waits for the processes that answer.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place)
        listening.listen()
        print("ready", flush=True)
        while True:
            caller, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                _answer(caller)
            caller.close()


def _answer(caller: socket.socket) -> None:
    """Run one command in a child, and tell the caller how it ended; end the child where the caller is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    number = array.array("i")
    size = int.from_bytes(caller.recv(8), "big")
    _, (given, *_), *_ = caller.recvmsg(1, socket.CMSG_LEN(3 * number.itemsize))
    number.frombytes(given[2])
    asked = json.loads(caller.makefile("rb").read(size))
    parent, child = os.getpid(), os.fork()
    if child == 0:
        caller.close()
        _become(asked, list(number), parent)
    ended = os.pidfd_open(child)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(caller, select.POLLHUP)
    if all(file != ended for file, _ in poll.poll()):
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with contextlib.suppress(OSError):
        caller.sendall(code.to_bytes(8, "big", signed=True))
    os._exit(0)


def _become(asked: dict[str, object], streams: list[int], parent: int) -> None:
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
        os.close(stream)
    # The old ones remember what they were opened on.
    sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")  # noqa: SIM115
    os.chdir(str(asked["folder"]))
    os.environ.clear()
    os.environ.update(dict(asked["environment"]))  # type: ignore[call-overload]
    arguments: list[str] = list(asked["arguments"])  # type: ignore[call-overload]
    found = [*filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    sys.path[:0] = [str(Path.cwd()), *(one for one in found if one not in sys.path)]
    sys.argv = ["ftbench", *arguments]
    with tempfile.TemporaryDirectory(prefix="ftbench-") as folder:
        # Watched already, by the process that answers: no second one is started.
        (Path(folder) / "notes").touch()
        os.environ["FTBENCH_NOTES"] = f"{parent}:{folder}/notes"
        from ftbench.cli import main

        code: object = 1
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    # Python would take all of torch apart first.
    os._exit(code if isinstance(code, int) else int(code is not None))


def call(place: str, arguments: list[str]) -> int:
    """Have a command run; its exit code, negative for a signal."""
    said = {"arguments": arguments, "environment": dict(os.environ), "folder": str(Path.cwd())}
    text = json.dumps(said).encode()
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(place)
        server.sendall(len(text).to_bytes(8, "big"))
        server.sendmsg([b"0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
        server.sendall(text)
        return int.from_bytes(server.recv(8), "big", signed=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        sys.exit(call(sys.argv[2], sys.argv[3:]))
