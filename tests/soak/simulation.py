"""A span of hourly syncs under fire, on a simulated clock.

What is simulated: the clock, and with it the waiting. Before each hour the vendor's present moves
on (`Vendor.advance`), in some hours the vendor grows, rewrites and back-dates rows
(`Vendor.change`), and every process of the tap is started with its clock set to that present, so
that the frozen upper bound, the lookback and the windows are those of an ordinary run without
`end_date`. Waits between tries last a fiftieth. Everything else is real: sockets, faults at the
wire, processes, signals, states that go from run to run, and tables that are upserted by key.

A run that is killed takes its loader along in every other case: then only what came before the last
STATE message is kept, as a loader that had committed only there would have left it.

A run reads some of the streams, another choice each time; every sixth one reads the lists as well,
and the first few and the last one read everything.
"""

from __future__ import annotations

import json
import random
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
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
from tests.hostile.leaks import leaked, private_texts, secrets_of
from tests.soak.running import Ended, Forked
from tests.soak.tables import Tables

__all__ = ["Outcome", "Plan", "soak", "soak_aside"]

_HISTORY = 20  # days: more than any lookback, so that a first run cut short can lose rows
_CUT_SHORT = 4
_KEPT_STATES = 24
_FATES = ("whole", "kill", "terminate")
_WEIGHTS, _UNKIND = (6, 3, 2), (0, 3, 2)
_OLDER, _LOST = 0.06, 0.01
_LATE = 0.5
_LISTS_EVERY, _PART = 6, 0.25
_MOST_TEXTS = 3000
_WIDE = {"window": "5d", "page_size": 200}  # a lookback is two windows, of several pages
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
        pace: Share of hours in which the vendor's rows grow and change.
        mutation: A flaw to build into the tap, of `mutations.py`; none by default.
    """

    runs: int
    hours: int = 1
    seed: int = 1
    rate: float = 0.2
    pace: float = 1.0
    mutation: str = ""


@dataclass
class Outcome:
    """What happened to one tap.

    Attributes:
        tap: Its name.
        lost: Rows of the vendor that no table holds.
        stale: Rows whose content is not the vendor's.
        invented: Rows that the vendor does not have.
        leaked: Secrets and personal data in what the runs logged.
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
    leaked: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> dict[str, list[str]]:
        """What must be empty."""
        return {name: getattr(self, name) for name in ("lost", "stale", "invented", "leaked")}


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
        Forked(bench.tap, "--config", bench.tap.file(_config(bench)),
               mutation=plan.mutation) as runner,
    ):  # fmt: skip
        assert bench.discovered  # asked while nothing goes wrong
        bench.server.faults = Faults(rate=plan.rate, seed=plan.seed)
        run = _Runs(bench, runner, outcome, rng)
        for number in range(plan.runs):
            is_last = number == plan.runs - 1
            if number:
                _live(bench, plan, rng, 0 if is_last else number)
            clock.move_to(bench.vendor.now, tick=True)
            tables.load(run.once(is_left_alone=is_last))
        bench.server.faults = Faults()
        _compare(bench, tables, outcome)
        outcome.leaked = run.leaks({one: tables.rows(one) for one in bench.streams})
        outcome.records, outcome.rows = tables.records, tables.size
        outcome.resent = tables.known / max(1, tables.records)
    outcome.seconds = time.monotonic() - began
    return outcome


def _live(bench: Bench, plan: Plan, rng: random.Random, number: int) -> None:
    """Let the hours up to the next run pass, and rows come and change before it, or not.

    Those that come right after a run, at instants that it has passed, only a lookback finds.
    """
    happens = number and rng.random() < plan.pace
    is_late = rng.random() < _LATE
    if happens and is_late:
        bench.vendor.change(plan.seed * 10_000 + number)
    bench.vendor.advance(timedelta(hours=plan.hours))
    if happens and not is_late:
        bench.vendor.change(plan.seed * 10_000 + number)


def _config(bench: Bench) -> dict[str, Any]:
    """Give what every run is started with: the tap's own lookback, and large windows."""
    config = {k: v for k, v in bench.open_config.items() if k != "lookback"}
    wide = {name: value for name, value in _WIDE.items() if name in config}
    # A declared rate, out of reach: refusals at random would teach a pace that no vendor has.
    own = {"max_concurrency": 6, "requests_per_minute": 60_000, **_OWN.get(bench.name, {})}
    return {**config, **wide, **own}


def soak_aside(name: str, plan: Plan, url: str) -> Outcome:
    """Soak a tap in a process of its own, whose clock is moved, and in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix=f"soak-{name}-") as folder:
        return soak(name, plan, Path(folder), url)


class _Runs:
    """One run after the other, each from a state that an earlier one left."""

    def __init__(self, bench: Bench, runner: Forked, outcome: Outcome, rng: random.Random) -> None:
        """Begin without a state."""
        self._bench, self._runner, self._outcome, self._rng = bench, runner, outcome, rng
        self._states: list[Any] = [None]
        self._lines = sum(len(bench.vendor.expected(one)) for one in bench.streams)
        self._seconds = 1.0
        self._logged: set[str] = set()
        self._kept = [one for one in bench.streams if _keeps_watermark(bench, one)]
        self._lists = [one for one in bench.streams if one not in self._kept]

    def once(self, *, is_left_alone: bool) -> list[bytes]:
        """Run once; give the lines that its loader has taken.

        Args:
            is_left_alone: Whether it reads all from the last state and ends by itself.
        """
        begun = time.monotonic()
        fate = {} if is_left_alone else self._fate()
        state = self._states[-1] if is_left_alone else self._state()
        given = [] if state is None else ["--state", self._bench.tap.file(state)]
        streams = self._bench.streams if is_left_alone else self._choice()
        given += ["--catalog", self._bench.tap.file(self._catalog(streams))]
        ended = self._runner.run(given, self._bench.vendor.now, **fate)
        self._count(ended, fate.get("signal"))
        found = [line for line in ended.lines if _is_state(line)]
        if found:
            self._states = [*self._states, json.loads(found[-1])["value"]][-_KEPT_STATES:]
        self._lines = max(self._lines, len(ended.lines)) if fate else len(ended.lines)
        self._seconds = time.monotonic() - begun
        takes_loader_along = ended.code == -signal.SIGKILL and self._outcome.kills % 2
        return _until_state(ended.lines) if takes_loader_along else ended.lines

    def _count(self, ended: Ended, signum: int | None) -> None:
        said, outcome, server = ended.stderr.splitlines(), self._outcome, self._bench.server
        assert not server.errors, server.errors
        fine = {0, -signum, 128 + signum} if signum else {0}
        assert ended.code in fine, (ended.code, [line for line in said if "| ERROR" in line])
        self._logged.update(line.partition("|")[2] for line in said)
        outcome.runs += 1
        outcome.kills += ended.code == -signal.SIGKILL
        outcome.stops += ended.code == 128 + signal.SIGTERM
        outcome.requests += len(server.log.entries)
        outcome.faults += sum(entry.fault is not None for entry in server.log.entries)
        server.log.clear()

    def _choice(self) -> list[str]:
        """Choose the streams of a run."""
        if self._outcome.runs < _CUT_SHORT:
            return self._bench.streams
        some = self._rng.sample(self._kept, max(1, round(len(self._kept) * _PART)))
        return some + (self._lists if self._outcome.runs % _LISTS_EVERY == 0 else [])

    def _catalog(self, streams: Sequence[str]) -> dict[str, Any]:
        """Select streams, and name no others."""
        whole = self._bench.catalog(*streams)
        return {"streams": [one for one in whole["streams"] if one["tap_stream_id"] in streams]}

    def _fate(self) -> dict[str, Any]:
        """Choose how a run ends: by itself, killed, or stopped; at a line, or after a while."""
        rng = self._rng
        is_early = self._outcome.runs < _CUT_SHORT  # the first sync takes several runs
        chosen = rng.choices(_FATES, _UNKIND if is_early else _WEIGHTS)[0]
        if chosen == "whole":
            return {}
        signum = signal.SIGKILL if chosen == "kill" else signal.SIGTERM
        when: dict[str, Any] = (
            {"lines": rng.randint(1, max(2, self._lines // 4 if is_early else self._lines))}
            if is_early or rng.random() < 0.7
            else {"seconds": rng.uniform(0.2, max(0.3, self._seconds))}
        )
        return {"signal": int(signum), **when}

    def _state(self) -> Any:
        """Choose the state to start from: nearly always the last one."""
        drawn = self._rng.random()
        if drawn < _LOST + _OLDER:
            self._outcome.older_states += 1
            return None if drawn < _LOST else self._rng.choice(self._states)
        return self._states[-1]

    def leaks(self, records: Mapping[str, list[dict[str, Any]]]) -> list[str]:
        """Give what the runs logged and should not have."""
        logged = "\n".join(self._logged)
        texts = private_texts(self._bench, records)
        texts = self._rng.sample(texts, min(len(texts), _MOST_TEXTS))
        assert logged
        assert texts
        found = leaked(logged, secrets_of(self._bench, self._bench.config))
        return found + [text for text in texts if text in logged]


def _keeps_watermark(bench: Bench, stream: str) -> bool:
    facts = bench.facts(stream)
    return bool(facts.replication_key or facts.context)


def _is_state(line: bytes) -> bool:
    return b'"type":"STATE"' in line[:20]


def _until_state(lines: list[bytes]) -> list[bytes]:
    """Cut off what follows the last STATE."""
    places = [at for at, line in enumerate(lines) if _is_state(line)]
    return lines[: places[-1] + 1] if places else []


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
