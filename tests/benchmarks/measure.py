"""Whole processes, measured from outside: wall, CPU, peak memory, and what the server saw."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.shapes import ROOT

__all__ = ["Peer", "Run", "Served", "race", "serve", "table"]


@dataclass(frozen=True)
class Run:
    """One process.

    Attributes:
        wall: Seconds from start to end.
        cpu: Seconds of user and system time.
        peak: Most memory, in MB.
        first: Seconds from the start to the first request.
        told: What the server saw: requests, refused ones, most under way at once.
    """

    wall: float
    cpu: float
    peak: float
    first: float
    told: Mapping[str, Any]


@dataclass(frozen=True)
class Peer:
    """Something that extracts the rows of a shape.

    Attributes:
        name: As the tables call it.
        command: Its command line.
    """

    name: str
    command: Sequence[str]


@dataclass(frozen=True)
class Served:
    """A running server."""

    url: str

    def stats(self) -> dict[str, Any]:
        """Give what happened since the last call."""
        with urllib.request.urlopen(self.url + "/stats") as answer:  # noqa: S310 - our own server
            told: dict[str, Any] = json.load(answer)
        return told


def environment() -> dict[str, str]:
    """Give the environment of every process: this checkout's packages, no settings."""
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG", "TMPDIR"}}
    members = [ROOT, ROOT / "shared", *ROOT.glob("tap-*")]
    return {**kept, "PYTHONPATH": os.pathsep.join(map(str, members))}


@contextmanager
def serve(shape: str, rows: int, *, latency: float = 0.0, rate: int = 0) -> Iterator[Served]:
    """Serve a shape from a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.server", "--shape", shape]
    command += ["--rows", str(rows), "--latency", str(latency), "--rate", str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(), cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield Served(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.terminate()


def run(peer: Peer, served: Served) -> Run:
    """Run a peer to its end, its output thrown away."""
    served.stats()
    began, started = time.time(), time.perf_counter()
    with subprocess.Popen(
        list(peer.command), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    assert process.returncode == 0, f"{peer.name}: {said.decode()[-3000:]}"
    told = served.stats()
    return Run(
        wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, told["first"] - began, told
    )


def race(peers: Sequence[Peer], served: Served, rounds: int) -> dict[str, Run]:
    """Let peers take turns; give the median of each figure."""
    found: dict[str, list[Run]] = {peer.name: [] for peer in peers}
    for turn in range(rounds + 1):
        for peer in peers:
            measured = run(peer, served)
            if turn:  # the first round warms caches
                found[peer.name].append(measured)
    return {name: _median(runs) for name, runs in found.items()}


def _median(runs: Sequence[Run]) -> Run:
    names = ("wall", "cpu", "peak", "first")
    figures = {name: statistics.median(getattr(one, name) for one in runs) for name in names}
    return Run(**figures, told=runs[-1].told)


def table(title: str, runs: Mapping[str, Run], floor: str) -> None:
    """Print the figures side by side."""
    print(f"\n{title}")  # noqa: T201 - what a benchmark is for
    print(f"{'':26}{'wall s':>8}{'x floor':>9}{'CPU s':>8}{'x floor':>9}{'MB':>7}"  # noqa: T201
          f"{'first s':>9}{'requests':>10}{'refused':>9}{'most':>6}")  # fmt: skip
    base = runs[floor]
    for name, one in runs.items():
        print(  # noqa: T201
            f"{name:26}{one.wall:8.2f}{one.wall / base.wall:9.2f}{one.cpu:8.2f}"
            f"{one.cpu / base.cpu:9.2f}{one.peak:7.0f}{one.first:9.2f}"
            f"{one.told['requests']:10}{one.told['refused']:9}{one.told['most']:6}"
        )
