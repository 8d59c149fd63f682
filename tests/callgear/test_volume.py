"""Much data: complete, and with hardly more requests than pages, whatever offsets are worth."""

from __future__ import annotations

import random
import signal
from datetime import UTC, datetime, timedelta

import pytest

from contact_sandbox import Faults
from tests.callgear.conftest import OpenAccount
from tests.callgear.requests_log import asked, length
from tests.contract.watermarks import Emitted

pytestmark = pytest.mark.slow

CALLS = "get.calls_report"
TRIED = 10  # pages of a window that is first tried by offset


def test_a_day_of_thirty_pages(account: OpenAccount) -> None:
    busy = account(calls=9_000, burst=190, days=1, stable_order=False)
    run = busy.run({**busy.config, "page_size": 300, "window": "1d"}, catalog=busy.catalog("calls"))
    assert run.code == 0, run.stderr
    truth, records = busy.truth("calls"), run.records("calls")
    assert len(truth) > 9_000
    assert len(records) == len(truth)
    assert {(record["id"],) for record in records} == truth.keys()
    requests = asked(busy, CALLS)
    assert len(requests) < 1.8 * len(truth) / 300 + 2 * TRIED


def test_offsets_are_read_where_they_give_every_row(account: OpenAccount) -> None:
    calm = account(calls=10_000, days=1)
    run = calm.run({**calm.config, "page_size": 100}, catalog=calm.catalog("calls"))
    assert run.code == 0, run.stderr
    assert {(record["id"],) for record in run.records("calls")} == calm.truth("calls").keys()
    assert len(asked(calm, CALLS)) < 1.08 * 100


def test_offsets_are_given_up_after_the_first_window_that_lacks_rows(account: OpenAccount) -> None:
    busy = account(calls=12_000, burst=620, days=6, stable_order=False)
    config = {**busy.config, "page_size": 100, "max_concurrency": 1}
    run = busy.run(config, catalog=busy.catalog("calls"))
    assert run.code == 0, run.stderr
    assert {(record["id"],) for record in run.records("calls")} == busy.truth("calls").keys()
    tried = [
        params
        for params in asked(busy, CALLS)
        if params["offset"] and length(params) > timedelta(seconds=1)
    ]
    assert tried
    assert len(tried) == len(set(map(str, tried)))
    assert len({params["date_from"] for params in tried}) <= 4


@pytest.mark.parametrize("hour", [4, 9])  # at 4, the third pass gives no row that is new
def test_more_than_a_page_in_one_second(account: OpenAccount, hour: int) -> None:
    now = datetime(2026, 11, 27, hour, 30, tzinfo=UTC)
    busy = account(calls=2000, burst=620, days=2, stable_order=False, fractions=False, now=now)
    run = busy.run({**busy.config, "page_size": 200}, catalog=busy.catalog("calls"))
    assert run.code == 0, run.stderr
    assert {(record["id"],) for record in run.records("calls")} == busy.truth("calls").keys()
    deep = [params for params in asked(busy, CALLS) if length(params) <= timedelta(seconds=1)]
    assert 200 < max(params["offset"] for params in deep) < 700


@pytest.mark.parametrize("stream", ["offline_messages", "visitor_sessions", "goals"])
def test_reports_that_cannot_be_sorted(account: OpenAccount, stream: str) -> None:
    account_ = account(calls=3000, days=3, stable_order=False)
    config = {**account_.config, "page_size": 100}
    run = account_.run(config, catalog=account_.catalog(stream))
    assert run.code == 0, run.stderr
    assert account_.by_identity(run)[stream].keys() == account_.truth(stream).keys()
    for params in asked(account_):
        if params.get("offset") and "date_from" in params:
            assert length(params) <= timedelta(seconds=1)


def test_heavy_faults_and_twenty_kills(account: OpenAccount) -> None:
    """Every run but the last is killed at a random line, and a quarter of the requests fail."""
    mortal = account(calls=500, burst=150, stable_order=False)
    streams = ("calls", "call_legs", "communications", "chats", "offline_messages", "employees")
    catalog = mortal.catalog(*streams)
    config = {**mortal.config, "page_size": 100, "max_concurrency": 8}
    whole = mortal.run(config, catalog=catalog)
    assert whole.code == 0, whole.stderr
    rng, state, runs = random.Random(20), None, []  # noqa: S311 - no secret
    emitted = Emitted(mortal, whole)
    mortal.server.faults = Faults(rate=0.25, seed=3)
    for _ in range(20):
        run = mortal.tap.stop(config, rng.randrange(1, 400), signal.SIGKILL, state=state,
                              catalog=catalog, hurries=True)  # fmt: skip
        emitted.follow(run, state)
        state = run.state or state
        runs.append(run)
    runs.append(mortal.run(config, state=state, catalog=catalog, hurries=True))
    assert runs[-1].code == 0, runs[-1].stderr
    emitted.follow(runs[-1], state)
    assert mortal.by_identity(*runs) == mortal.by_identity(whole)
    for stream in streams:
        assert mortal.by_identity(*runs)[stream].keys() == mortal.truth(stream).keys()
