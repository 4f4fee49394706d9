"""A real S3-compatible server on this machine, moto's, in a process of its own, and a door to it that can be shut."""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

STARTS = 60.0
"""Seconds that the server has to start."""
# Those that were refused are in colour.
REQUEST = re.compile(r'"(?:\x1b\[[0-9;]*m)*(GET|PUT|HEAD|POST|DELETE) (\S+) HTTP')


@dataclass
class Server:
    """A server that runs, with a bucket in it."""

    port: int
    log: Path
    bucket: str = "bucket"
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes every S3 client of a process come here, and nowhere else."""
        return environment(self.port)

    def requests(self) -> Counter[str]:
        """How many of each kind it has answered; a listing counts as LIST."""
        return Counter("LIST" if method == "GET" and "list-type" in path else method for method, path in self._log())

    def puts(self) -> Counter[str]:
        """How often each path was put."""
        return Counter(path for method, path in self._log() if method == "PUT")

    def _log(self) -> list[tuple[str, str]]:
        return REQUEST.findall(self.log.read_text(encoding="utf-8", errors="replace"))


def environment(port: int) -> Mapping[str, str]:
    """For clients of a server at this port."""
    nowhere = os.devnull
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        "NO_PROXY": "127.0.0.1",
    }


@contextlib.contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Start a server that logs into ``folder``, and make a bucket; it ends with this."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / f"s3-{port}.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=written,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment(port)},
        )
    try:
        found = Server(port, log, process=process)
        _until_it_listens(process, port)
        put(port, found.bucket)
        yield found
    finally:
        process.kill()
        process.wait()


def put(port: int, path: str) -> None:
    """An empty put, which makes a bucket; moto asks for no signature."""
    import urllib.request

    request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", method="PUT")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=STARTS):
        pass


def _until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + STARTS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"no S3 server listens at port {port} after {STARTS:.0f} s; is moto[server] installed?")


@dataclass
class Door:
    """A port that leads to a server while it is open. Shut, it cuts what goes through and refuses what comes."""

    to: int
    port: int = 0
    passed: int = 0
    """Connections that went through."""
    _listener: socket.socket | None = None
    _through: set[socket.socket] = field(default_factory=set)
    _busy: threading.Lock = field(default_factory=threading.Lock)

    def open(self) -> None:
        """Let connections through from now on."""
        if self._listener:
            return
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port, self._listener = listener.getsockname()[1], listener
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        """Refuse connections, and cut those that are there."""
        listener, self._listener = self._listener, None
        with self._busy:
            if listener:
                # What waits in accept() only wakes up by this.
                with contextlib.suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)
                listener.close()
            for one in list(self._through):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _serve(self, listener: socket.socket) -> None:
        while self._listener is listener:
            try:
                comes, _ = listener.accept()
                goes = socket.create_connection(("127.0.0.1", self.to), timeout=10)
            except OSError:
                return
            self.passed += 1
            threading.Thread(target=self._carry, args=(comes, goes), daemon=True).start()

    def _carry(self, comes: socket.socket, goes: socket.socket) -> None:
        with comes, goes:
            with self._busy:
                self._through |= {comes, goes}
            with contextlib.suppress(OSError):
                while True:
                    for ready in select.select([comes, goes], [], [])[0]:
                        content = ready.recv(2**16)
                        if not content:
                            return
                        (goes if ready is comes else comes).sendall(content)
            with self._busy:
                self._through -= {comes, goes}


@contextlib.contextmanager
def door(to: int) -> Iterator[Door]:
    """An open door to a server's port; shut with this."""
    found = Door(to)
    found.open()
    try:
        yield found
    finally:
        found.shut()
