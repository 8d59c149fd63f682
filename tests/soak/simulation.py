"""A span of hourly syncs under fire, on a simulated clock.

What is simulated: the clock, and with it the waiting. Before each hour the vendor's present moves
on (`Vendor.advance`), the vendor grows, rewrites and back-dates rows (`Vendor.change`), and every
process of the tap is started with its clock set to that present, so that the frozen upper bound,
the lookback and the windows are those of an ordinary run without `end_date`. Waits between tries
last a fiftieth. Everything else is real: sockets, faults at the wire, processes, signals, states
that go from run to run, and tables that are upserted by key.

A run that is killed takes its loader along in every other case: then only what came before the last
STATE message is kept, as a loader that had committed only there would have left it.
"""

from __future__ import annotations

import json
import random
import signal
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import time_machine

from contact_sandbox import Faults
from tests.contract.bench import Bench, serve
from tests.contract.cases import Case
from tests.contract.truth import differences, moment
from tests.soak.running import Forked
from tests.soak.tables import Tables

__all__ = ["Outcome", "Plan", "soak", "soak_aside"]

_HISTORY = 4
_KEPT_STATES = 24
_FATES = ("whole", "kill", "terminate")
_WEIGHTS = (6, 3, 2)
_OLDER, _LOST = 0.06, 0.01
_OWN: dict[str, dict[str, Any]] = {
    "pbx": {"annotation_lookback": "60d"},  # notes on calls of any age are among the changes
}

_REACH: Mapping[str, timedelta] = {
    "activity_log": timedelta(days=7),  # an edited conversation shows in events of any age
}


@dataclass(frozen=True)
class Plan:
    """How long, how often, and how rough.

    Attributes:
        hours: Simulated hours between one run and the next.
        runs: How many runs, the last one left alone.
        seed: Settles what happens.
        rate: Share of requests that run into a fault.
    """

    runs: int
    hours: int = 1
    seed: int = 1
    rate: float = 0.2


@dataclass
class Outcome:
    """What happened to one tap.

    Attributes:
        tap: Its name.
        lost: Rows of the vendor that no table holds.
        stale: Rows whose content is not the vendor's.
        invented: Rows that the vendor does not have.
    """

    tap: str
    runs: int = 0
    kills: int = 0
    stops: int = 0
    older_states: int = 0
    faults: int = 0
    requests: int = 0
    records: int = 0
    rows: int = 0
    resent: float = 0.0
    seconds: float = 0.0
    lost: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)


def soak(name: str, plan: Plan, folder: Path, url: str) -> Outcome:
    """Sync one tap under fire, then compare its tables with the vendor.

    Args:
        name: The tap, without `tap-`.
        plan: How long, how often, and how rough.
        folder: Where the files of its runs are put.
        url: Where the tables are.
    """
    began, outcome = time.monotonic(), Outcome(name)
    start = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
    start -= timedelta(hours=plan.hours * (plan.runs + 1) + 2)
    rng = random.Random(f"{name} {plan.seed}")  # noqa: S311 - no secret
    with (
        serve(name, folder, now=start, days=_HISTORY) as bench,
        Tables(url, f"{name}_{plan.seed}") as tables,
        time_machine.travel(start, tick=True) as clock,
        Forked(bench.tap, *_arguments(bench)) as runner,
    ):
        assert bench.discovered  # asked while nothing goes wrong
        bench.server.faults = Faults(rate=plan.rate, seed=plan.seed)
        states: list[Any] = [None]
        length = [1, 1.0]
        for number in range(plan.runs):
            if number:
                bench.vendor.advance(timedelta(hours=plan.hours))
                clock.move_to(bench.vendor.now, tick=True)
            if 0 < number < plan.runs - 1:
                bench.vendor.change(plan.seed * 10_000 + number)
            fate = _fate(rng, length) if number < plan.runs - 1 else {}
            state = _state(rng, states, outcome) if number < plan.runs - 1 else states[-1]
            lines, seconds = _once(runner, bench, fate, state, outcome)
            tables.load(lines)
            found = [line for line in lines if b'"type":"STATE"' in line[:20]]
            if found:
                states = [*states, json.loads(found[-1])["value"]][-_KEPT_STATES:]
            length = [max(length[0], len(lines)) if fate else len(lines), seconds]
            assert not bench.server.errors, bench.server.errors
        outcome.faults = sum(entry.fault is not None for entry in bench.server.log.entries)
        outcome.requests = len(bench.server.log.entries)
        bench.server.faults = Faults()
        _compare(bench, tables, outcome)
        outcome.records, outcome.rows = tables.records, tables.size
        outcome.resent = tables.known / max(1, tables.records)
    outcome.seconds = time.monotonic() - began
    return outcome


def _arguments(bench: Bench) -> list[str]:
    """Give what every run is started with: all streams, the tap's own lookback."""
    config = {k: v for k, v in bench.open_config.items() if k != "lookback"}
    # A declared rate, out of reach: refusals at random would teach a pace that no vendor has.
    config |= {"max_concurrency": 6, "requests_per_minute": 60_000, **_OWN.get(bench.name, {})}
    return bench.tap.arguments(config, catalog=bench.catalog())


def soak_aside(name: str, plan: Plan, url: str) -> Outcome:
    """Soak a tap in a process of its own, whose clock is moved, and in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix=f"soak-{name}-") as folder:
        return soak(name, plan, Path(folder), url)


def _fate(rng: random.Random, length: list[Any]) -> dict[str, Any]:
    """Choose how a run ends: by itself, killed, or stopped; at a line, or after a while."""
    chosen = rng.choices(_FATES, _WEIGHTS)[0]
    if chosen == "whole":
        return {}
    lines, seconds = length
    signum = signal.SIGKILL if chosen == "kill" else signal.SIGTERM
    when: dict[str, Any] = (
        {"lines": rng.randint(1, max(2, int(lines)))}
        if rng.random() < 0.7
        else {"seconds": rng.uniform(0.2, max(0.3, seconds))}
    )
    return {"signal": int(signum), **when}


def _state(rng: random.Random, states: list[Any], outcome: Outcome) -> Any:
    """Choose the state to start from: nearly always the last one."""
    drawn = rng.random()
    if drawn < _LOST + _OLDER:
        outcome.older_states += 1
        return None if drawn < _LOST else rng.choice(states)
    return states[-1]


def _once(
    runner: Forked, bench: Bench, fate: dict[str, Any], state: Any, outcome: Outcome
) -> tuple[list[bytes], float]:
    begun = time.monotonic()
    given = [] if state is None else ["--state", bench.tap.file(state)]
    code, lines, said, _ = runner.run(given, bench.vendor.now, **fate)
    signum = fate.get("signal")
    fine = {0, -signum, 128 + signum} if signum else {0}
    assert code in fine, (code, [line for line in said.splitlines() if "| ERROR" in line])
    outcome.runs += 1
    outcome.kills += code == -signal.SIGKILL
    outcome.stops += code == 128 + signal.SIGTERM
    if code == -signal.SIGKILL and outcome.kills % 2:
        places = [at for at, line in enumerate(lines) if b'"type":"STATE"' in line[:20]]
        lines = lines[: places[-1] + 1] if places else []
    return lines, time.monotonic() - begun


def _compare(bench: Bench, tables: Tables, outcome: Outcome) -> None:
    """Put every row of the vendor beside the table's."""
    schemas = {e["tap_stream_id"]: e["schema"] for e in bench.discovered["streams"]}
    for stream in bench.streams:
        rows = tables.rows(stream)
        found = {bench.sign(stream, row): row for row in rows}
        wanted = set(bench.wire_signs(stream))
        outcome.lost += [f"{stream} {key}" for key in wanted - found.keys()]
        outcome.invented += [f"{stream} {key}" for key in found.keys() - wanted]
        wire = Case.of(bench.case.wire, stream, lambda row: row)
        if wire is None:
            continue
        zone = ZoneInfo(bench.case.zone)
        misfits = Case.of(bench.case.misfits, stream, frozenset[str]())
        masked = Case.of(bench.case.masked, stream, frozenset[str]())
        reach = Case.of({**bench.case.least_lookback, **_REACH}, stream, None)
        since = bench.vendor.now - reach if reach else bench.vendor.start
        when = bench.facts(stream).replication_key or ""
        for key, row in bench.truth(stream).items():
            # What changed out of the lookback's reach is not promised.
            if key in found and not (reach and moment(found[key][when]) < since):
                sent = wire(row)
                wrong = differences(
                    found[key], sent, schemas[stream], zone=zone, misfits=misfits, masked=masked,
                    is_whole=sent.keys() >= row.keys(),
                )  # fmt: skip
                outcome.stale += [f"{stream} {key}: {wrong[0]}"] if wrong else []
