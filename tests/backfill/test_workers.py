"""A year of two accounts, read by two workers that are killed all the time."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from contact_sandbox import Server
from contact_sandbox.callgear.api import CallGear
from dev.layout import executable
from tests.backfill.machines import Fleet, command, environment, write_json

START = datetime(2025, 11, 1, tzinfo=UTC)
END = datetime(2026, 11, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
ACCOUNTS = ("north", "south")
PER_MINUTE = 1200
CONCURRENCY = 1
KILLS = 6


@dataclass
class World:
    """Two accounts of a vendor, each with its own server, and the job that reads them."""

    folder: Path
    servers: dict[str, Server]
    url: str

    @property
    def job(self) -> Path:
        """The job file."""
        return self.folder / "job.json"

    def vendor(self, account: str) -> Any:
        """Give an account's vendor."""
        return self.servers[account].vendors["callgear"]

    def config(self, account: str) -> Path:
        """Give an account's settings for the ordinary tap."""
        return self.folder / f"{account}.json"

    def target(self, account: str) -> list[str]:
        """Give the ordinary target's command."""
        return [executable("target-postgres"), "--config", str(self.folder / f"to-{account}.json")]

    def keys(self, account: str) -> Counter[int]:
        """Give the ids in the warehouse with how often each is there."""
        engine = sqlalchemy.create_engine(self.url)
        with engine.connect() as connection:
            found = connection.execute(sqlalchemy.text(f"select id from {account}.calls"))  # noqa: S608
            ids = Counter(int(row[0]) for row in found)
        engine.dispose()
        return ids

    def expected(self, account: str, start: datetime, end: datetime) -> set[int]:
        """Give the ids of the vendor's calls in a range."""
        return {
            key[0]
            for key, row in self.vendor(account).expected("calls").items()
            if start <= self.instant(account, row["start_time"]) < end
        }

    def instant(self, account: str, text: str) -> datetime:
        """Read the vendor's local time."""
        return self.vendor(account).account.clock.instant(text)  # type: ignore[no-any-return]


@pytest.fixture
def world(postgres_url: str, tmp_path: Path) -> Iterator[World]:
    """Serve two accounts and write the job."""
    days = (NOW - START).days
    options = {"days": days, "now": NOW, "calls": 900, "burst": 40, "stable_order": True}
    servers = {name: Server([CallGear(seed=n, **options)]) for n, name in enumerate(ACCOUNTS, 1)}  # type: ignore[arg-type]
    with servers["north"] as north, servers["south"] as south:
        for name, server in (("north", north), ("south", south)):
            server.latency = 0.03
            limits = {"requests_per_minute": PER_MINUTE, "max_concurrency": CONCURRENCY}
            asking: dict[str, Any] = {"window": "4d"}  # a tap is asking for most of its life
            settings = {
                **server.settings("callgear"),
                **limits,
                **asking,
                "timezone": "Europe/Berlin",
            }
            write_json(tmp_path / f"{name}.json", settings)
            loader = {"sqlalchemy_url": postgres_url, "default_target_schema": name}
            write_json(tmp_path / f"to-{name}.json", loader)
        world = World(tmp_path, servers, postgres_url)
        _write_job(world)
        yield world


def _write_job(world: World) -> None:
    accounts = {
        name: {"config": [f"{name}.json"], "target": " ".join(world.target(name))}
        for name in ACCOUNTS
    }
    content = {
        "tap": executable("tap-callgear"), "target": "none", "ledger": "ledger",
        "start_date": "2025-11-01", "end_date": "2026-11-01", "streams": ["calls"],
        "accounts": accounts, "slice_days": 92, "slice_days_limit": 92,
    }  # fmt: skip
    write_json(world.job, content)


def sealed(world: World, account: str) -> tuple[dict[str, Any], datetime | None]:
    """Give the state that sealing makes, and its bookmark."""
    done = command("seal", str(world.job), "--account", account, folder=world.folder)
    assert done.returncode == 0, done.stderr
    state = json.loads(done.stdout)
    mark = state["singer_state"]["bookmarks"].get("calls", {}).get("replication_key_value")
    return state, mark and datetime.fromisoformat(mark)


def first_hole(world: World, account: str) -> datetime | None:
    """Give where the first missing slice begins."""
    done = command("missing", str(world.job), "--account", account, folder=world.folder)
    assert done.returncode in {0, 3}, done.stderr
    found = [json.loads(line)["start"] for line in done.stdout.splitlines()]
    assert bool(found) == (done.returncode == 3)
    return datetime.fromisoformat(min(found)) if found else None


@pytest.mark.slow
@pytest.mark.warehouse
def test_killed_workers_end_in_exact_coverage_and_the_incremental_run_has_no_gap(
    world: World, tmp_path: Path
) -> None:
    primed = command("prime", str(world.job), folder=world.folder)
    assert primed.returncode == 0, primed.stderr
    assert all(world.keys(account) == Counter() for account in ACCOUNTS)

    _run_and_kill(world, tmp_path)

    for account in ACCOUNTS:
        held = world.keys(account)
        assert set(held.values()) == {1}
        assert held.keys() == world.expected(account, START, END)
        _assert_polite(world.servers[account])
        _assert_no_gap_after(world, account)


def _run_and_kill(world: World, folder: Path) -> None:
    """Kill at random while two workers run; then let them come to the end."""
    # Both names begin at the same account.
    fleet = Fleet(world.job, folder, ("alpha", "omega"), seed=11)
    orphans: dict[int, str] = {}
    with fleet.started():
        deadline = time.monotonic() + 200
        while len(fleet.kills) < KILLS and time.monotonic() < deadline:
            time.sleep(fleet._chance.uniform(0.2, 0.9))
            orphans |= fleet.kill_one()
            fleet.tend()
            if len(fleet.kills) == KILLS // 2:
                _assert_no_seal_passes_a_hole(world)
        while not fleet.tend():
            assert time.monotonic() < deadline, fleet.said()
            time.sleep(0.2)
        done = command("missing", str(world.job), "--quiet", folder=world.folder)
        assert done.returncode == 0, fleet.said()
    assert {"worker", "tap", "target"} == set(fleet.kills)
    assert orphans
    assert not [words for pid, words in orphans.items() if Path(f"/proc/{pid}/exe").exists()]


def _assert_no_seal_passes_a_hole(world: World) -> None:
    for account in ACCOUNTS:
        _, mark = sealed(world, account)
        hole = first_hole(world, account)  # later than the seal: it can only have moved on
        held = world.keys(account)
        if mark is not None:
            assert hole is None or mark <= hole
            assert world.expected(account, START, mark) <= held.keys()


def _assert_polite(server: Server) -> None:
    """An account is one worker's at a time: of two taps, both would be asking at once."""
    assert server.log.max_in_flight <= CONCURRENCY
    times = sorted(entry.at for entry in server.log.entries)
    span = 2.0
    most = max(sum(at <= other < at + span for other in times) for at in times)
    assert most <= PER_MINUTE / 60 * span + 2


def _assert_no_gap_after(world: World, account: str) -> None:
    state, mark = sealed(world, account)
    assert mark == END
    world.servers[account].log.clear()
    path = write_json(world.folder / "state.json", state)
    catalog = world.folder / "catalog.json"
    chosen = json.loads((world.folder / f"ledger/catalogs/tap-callgear/{account}.json").read_text())
    for entry in chosen["streams"]:
        for node in entry["metadata"]:
            if not node["breadcrumb"]:
                node["metadata"]["selected"] = entry["tap_stream_id"] == "calls"
    write_json(catalog, chosen)
    tap = [executable("tap-callgear"), "--config", str(world.config(account))]
    tap += ["--state", str(path), "--catalog", str(catalog)]
    home = environment(world.folder)
    lines = subprocess.run(tap, check=True, env=home, stdout=subprocess.PIPE).stdout
    subprocess.run(
        world.target(account), check=True, env=home, input=lines, stdout=subprocess.DEVNULL
    )
    held = world.keys(account)
    assert set(held.values()) == {1}
    assert held.keys() == world.expected(account, START, NOW + timedelta(days=1))
    asked = [json.loads(e.body)["params"] for e in world.servers[account].log.entries]
    first = min(world.instant(account, p["date_from"]) for p in asked if "date_from" in p)
    assert END - timedelta(days=8) <= first <= END  # the lookback, no more
