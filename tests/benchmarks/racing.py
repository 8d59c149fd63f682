"""Runs a race: every peer is checked once, then they take turns; medians are kept."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dev.layout import OUTPUT
from tests.benchmarks.contestants import PEERS, Scene
from tests.benchmarks.measure import Peer, Run, Served, Wrong, check, run, serve
from tests.benchmarks.regimes import Entry, Race

__all__ = ["RESULTS", "hold", "machine"]

RESULTS = OUTPUT / "benchmarks"
_CHECKED = 12_000
"""Rows over which a peer is checked."""

Result = dict[str, Any]


def hold(race: Race, folder: Path) -> Result:
    """Hold a race, print it and keep it.

    Args:
        race: The race.
        folder: Where the peers' files go.
    """
    print(f"\n{race.title}", flush=True)  # noqa: T201 - what a benchmark is for
    missing = _check(race, folder)
    entries = [entry for entry in race.entries if entry not in missing]
    found: dict[Entry, list[Run]] = {entry: [] for entry in entries}
    with serve(race.tap, race.rows, latency=race.latency, rate=race.rate) as served:
        peers = {entry: _peer(entry, race, served, folder) for entry in entries}
        for turn in range(race.rounds):
            for entry, peer in peers.items():
                if turn < entry.rounds:
                    found[entry].append(run(peer, served))
    rows = {_name(entry, peers[entry], race): _summary(runs) for entry, runs in found.items()}
    result = {
        "regime": race.regime, "tap": race.tap, "title": race.title, "rows": race.rows,
        "page_size": race.page_size, "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "machine": machine(), "peers": rows, "missing": [entry.peer for entry in missing],
    }  # fmt: skip
    _print(rows)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{race.name}.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    return result


def _peer(entry: Entry, race: Race, served: Served, folder: Path) -> Peer:
    return PEERS[entry.peer](Scene(served, race.page_size, folder, entry.in_flight, entry.rate))


def _name(entry: Entry, peer: Peer, race: Race) -> str:
    if not race.rate:
        return peer.name
    return f"{peer.name}, {'declared' if entry.rate else 'not declared'}"


def _check(race: Race, folder: Path) -> list[Entry]:
    """Count what each peer gives, over fewer rows; give those that do not take part."""
    wrong = []
    with serve(race.tap, min(race.rows, _CHECKED)) as served:
        for entry in race.entries:
            try:
                check(_peer(replace(entry, rate=0), race, served, folder), served)
            except Wrong as err:
                print(f"  left out: {err}", flush=True)  # noqa: T201
                wrong.append(entry)
    return wrong


def _summary(runs: Sequence[Run]) -> Result:
    """Give the median of each figure."""
    figures = {
        name: statistics.median(getattr(one, name) for one in runs) for name in asdict(runs[0])
    }
    return {**figures, "rounds": len(runs), "walls": [round(one.wall, 3) for one in runs]}


def machine() -> str:
    """Say what this runs on."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if "model name" in line)
        cores = sum(line.startswith("processor") for line in lines)
    except (OSError, StopIteration):
        cores = 0
    return f"{model}, {cores} cores, Python {platform.python_version()}"


def _print(rows: dict[str, Result]) -> None:
    head = f"{'':22}{'wall s':>8}{'x':>7}{'CPU s':>8}{'x':>7}{'MB':>6}{'first s':>9}"
    print(f"{head}{'requests':>10}{'refused':>9}{'most':>6}{'rounds':>8}")  # noqa: T201
    base = next(iter(rows.values()), {})
    for name, one in rows.items():
        wall, cpu = one["wall"] / base["wall"], one["cpu"] / base["cpu"]
        print(  # noqa: T201
            f"{name:22}{one['wall']:8.2f}{wall:7.2f}{one['cpu']:8.2f}{cpu:7.2f}{one['peak']:6.0f}"
            f"{one['first']:9.2f}{one['requests']:10.0f}{one['refused']:9.0f}{one['most']:6.0f}"
            f"{one['rounds']:8}",
            flush=True,
        )
