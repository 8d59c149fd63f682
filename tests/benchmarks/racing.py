"""Runs a race: every peer is checked once, then they take turns; medians are kept."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dev.layout import OUTPUT
from tests.benchmarks.contestants import PEERS, Missing, Scene
from tests.benchmarks.measure import Peer, Run, Served, Wrong, check, run, serve
from tests.benchmarks.regimes import Entry, Race

__all__ = ["RESULTS", "hold", "keep"]

RESULTS = OUTPUT / "benchmarks"
_OF_RACE = ("regime", "tap", "rows", "page_size", "latency", "rate")
_CHECKED = 12_000
"""Rows over which a peer is checked."""

Result = dict[str, Any]


def hold(race: Race, folder: Path) -> Result:
    """Hold a race and print it.

    Args:
        race: The race.
        folder: Where the peers' files go.

    Returns:
        Medians per peer, and what they were measured on.
    """
    print(f"\n{race.title}", flush=True)  # noqa: T201 - what a benchmark is for
    missing = _check(race, folder)
    found: dict[Entry, list[Run]] = {e: [] for e in race.entries if e.peer not in missing}
    with serve(race.tap, race.rows, latency=race.latency, rate=race.rate) as served:
        peers = {entry: _peer(entry, race, served, folder) for entry in found}
        for turn in range(race.rounds):
            print(f"  round {turn + 1} of {race.rounds}", flush=True)  # noqa: T201
            for entry in [entry for entry in found if turn < entry.rounds]:
                try:
                    found[entry].append(run(peers[entry], served))
                except Wrong as err:
                    missing[entry.peer] = _left_out(entry, err)
                    del found[entry]
    rows = {
        _name(entry, peers[entry], race): {**asdict(entry), **_summary(runs)}
        for entry, runs in found.items()
    }
    _print(rows)
    return {
        "name": race.name, "title": race.title, "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "machine": _machine(), "peers": rows, "missing": missing,
        **{name: getattr(race, name) for name in _OF_RACE},
    }  # fmt: skip


def keep(result: Result) -> None:
    """Write a result down for the report."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1)
    (RESULTS / f"{result['name']}.json").write_text(text, encoding="utf-8")


def _peer(entry: Entry, race: Race, served: Served, folder: Path) -> Peer:
    return PEERS[entry.peer](Scene(served, race.page_size, folder, entry.in_flight, entry.rate))


def _name(entry: Entry, peer: Peer, race: Race) -> str:
    if not race.rate:
        return peer.name
    return f"{peer.name}, {'declared' if entry.rate else 'not declared'}"


def _check(race: Race, folder: Path) -> dict[str, str]:
    """Count what each peer gives, over fewer rows; tell why some do not take part."""
    missing = {}
    with serve(race.tap, min(race.rows, _CHECKED)) as served:
        for entry in race.entries:
            try:
                check(_peer(replace(entry, rate=0), race, served, folder), served)
            except (Missing, Wrong) as err:
                missing[entry.peer] = _left_out(entry, err)
    return missing


def _left_out(entry: Entry, err: Exception) -> str:
    print(f"  {entry.peer} is left out: {err}", flush=True)  # noqa: T201
    return str(err)


def _summary(runs: Sequence[Run]) -> Result:
    """Give the median of each figure."""
    figures = {
        name: statistics.median(getattr(one, name) for one in runs) for name in asdict(runs[0])
    }
    return {**figures, "rounds": len(runs), "walls": [round(one.wall, 3) for one in runs]}


def _machine() -> str:
    """Say what this runs on."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        pass  # no Linux, or an unusual one: the plain name will do
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _print(rows: dict[str, Result]) -> None:
    width = max(map(len, rows), default=0)
    head = f"{'':{width}}{'wall s':>8}{'x':>7}{'CPU s':>8}{'x':>7}{'MB':>6}{'first s':>9}"
    print(f"{head}{'requests':>10}{'refused':>9}{'most':>6}{'rounds':>8}")  # noqa: T201
    base = next(iter(rows.values()), {})
    for name, one in rows.items():
        wall, cpu = one["wall"] / base["wall"], one["cpu"] / base["cpu"]
        print(  # noqa: T201
            f"{name:{width}}{one['wall']:8.2f}{wall:7.2f}{one['cpu']:8.2f}{cpu:7.2f}{one['peak']:6.0f}"
            f"{one['first']:9.2f}{one['requests']:10.0f}{one['refused']:9.0f}{one['most']:6.0f}"
            f"{one['rounds']:8}",
            flush=True,
        )
