"""Whole processes, measured from outside: wall, CPU, peak memory, and what the server saw.

Only the standard library is imported here: a child begins with the memory of its parent, which
would otherwise be taken for its own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from tests.benchmarks.shapes import ROOT, SHAPES, Shape

__all__ = ["Peer", "Run", "Served", "Wrong", "check", "run", "serve", "surroundings"]


_LONGEST = 600.0
"""Seconds after which a process is taken to hang."""


class Wrong(Exception):
    """A peer failed, or did not give every row."""


@dataclass(frozen=True)
class Run:
    """One process.

    Attributes:
        wall: Seconds from start to end.
        cpu: Seconds of user and system time.
        peak: Most memory, in MB.
        first: Seconds from the start to the first request.
        requests: Requests that the server saw.
        refused: Requests that it refused.
        most: Most requests under way at once.
        rows: Rows that it served.
    """

    wall: float
    cpu: float
    peak: float
    first: float
    requests: int
    refused: int
    most: int
    rows: int


@dataclass(frozen=True)
class Peer:
    """Something that extracts the rows of a shape.

    Attributes:
        name: As the tables call it.
        command: Its command line.
        record: What a line of its output begins with where it is a record; None where records do
            not go to its output, whose last line then tells their number.
    """

    name: str
    command: Sequence[str]
    record: bytes | None


@dataclass(frozen=True)
class Served:
    """A running server.

    Attributes:
        url: Where it is.
        shape: What it serves.
        rows: How many rows.
    """

    url: str
    shape: Shape
    rows: int

    def stats(self) -> dict[str, Any]:
        """Give what happened since the last call."""
        with urllib.request.urlopen(self.url + "/stats") as answer:  # noqa: S310 - our own server
            told: dict[str, Any] = json.load(answer)
        return told


def surroundings() -> dict[str, str]:
    """Give the environment of every process: no settings of anybody's."""
    kept = {"PATH", "HOME", "LANG", "TMPDIR"}
    return {name: value for name, value in os.environ.items() if name in kept}


@contextmanager
def serve(tap: str, rows: int, *, latency: float = 0.0, rate: int = 0) -> Iterator[Served]:
    """Serve a shape from a process of its own.

    Args:
        tap: The shape's tap.
        rows: How many rows.
        latency: Seconds that each answer is held back.
        rate: Requests in any one second above which they are refused; 0 for no limit.
    """
    command = [sys.executable, "-m", "tests.benchmarks.server", "--shape", tap]
    command += ["--rows", str(rows), "--latency", str(latency), "--rate", str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=surroundings(), cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline())
            yield Served(f"http://127.0.0.1:{port}", SHAPES[tap], rows)
        finally:
            process.terminate()


@contextmanager
def _started(peer: Peer, output: int, said: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a peer, its words going to a file, and end it where it hangs."""
    with subprocess.Popen(
        [*peer.command], stdout=output, stderr=said, env=surroundings(), cwd=ROOT
    ) as process:
        timer = threading.Timer(_LONGEST, process.kill)
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()


def run(peer: Peer, served: Served) -> Run:
    """Run a peer to its end, its output thrown away.

    Raises:
        Wrong: It failed, or did not ask for all rows.
    """
    served.stats()
    began, started = time.time(), time.perf_counter()
    with tempfile.TemporaryFile() as said:
        with _started(peer, subprocess.DEVNULL, said) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        told = served.stats()
        _expect(peer, process.returncode == 0, said)
    _expect(peer, told["rows"] >= served.rows, f"asked for {told['rows']} of {served.rows} rows")
    return Run(
        wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, told["first"] - began,
        told["requests"], told["refused"], told["most"], told["rows"],
    )  # fmt: skip


def check(peer: Peer, served: Served) -> None:
    """Run a peer once and count what it gives: every row once, none twice.

    Raises:
        Wrong: Rows are missing or came twice.
    """
    found: list[bytes] = []
    key = re.compile(rb'"%s": ?"?([0-9a-f-]{10,})"?' % served.shape.key.encode())
    last = b""
    with tempfile.TemporaryFile() as said:
        with _started(peer, subprocess.PIPE, said) as process:
            assert process.stdout is not None
            for line in process.stdout:
                last = line
                if peer.record is not None and line.startswith(peer.record):
                    found += key.findall(line)[:1]
        _expect(peer, process.returncode == 0, said)
    if peer.record is None:
        _expect(peer, int(last) == served.rows, f"gave {int(last)} of {served.rows} records")
        return
    _expect(peer, len(found) == served.rows, f"gave {len(found)} of {served.rows} records")
    _expect(peer, len(set(found)) == served.rows, f"gave {len(set(found))} different records")


def _expect(peer: Peer, is_so: bool, otherwise: str | IO[bytes]) -> None:  # noqa: FBT001
    if is_so:
        return
    if not isinstance(otherwise, str):
        otherwise.seek(0)
        otherwise = otherwise.read().decode(errors="replace")[-3000:]
    raise Wrong(f"{peer.name}: {otherwise}")
