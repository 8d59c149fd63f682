"""Points, sessions and refusals of the account."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tap_callgear.tap import TapCallGear
from tests.callgear.bent import Content, Plain, bend, refusal
from tests.callgear.conftest import OpenAccount
from tests.callgear.requests_log import asked
from tests.contract.bench import recent
from tests.contract.runner import read_line
from tests.shared.at_once import at_once

STREAMS = ("calls", "call_legs", "employees", "tags")


def test_the_days_points_end_the_run_cleanly(account: OpenAccount) -> None:
    now = recent()
    limited = account(now=now, day_limit=12)
    run = limited.run(catalog=limited.catalog(*STREAMS))
    assert run.code == 1, run.stderr
    assert read_line(run.lines[-1])["type"] == "STATE"
    assert any("points of this day" in line for line in run.said("ERROR"))
    assert "Traceback" not in run.stderr
    assert len(asked(limited)) <= 12 + 2
    renewed = account(now=now)
    rest = renewed.run(state=run.state, catalog=renewed.catalog(*STREAMS))
    assert rest.code == 0, rest.stderr
    found = renewed.by_identity(run, rest)
    for stream in STREAMS:
        assert found[stream].keys() == renewed.truth(stream).keys()


def test_a_day_that_ends_soon_is_waited_for(account: OpenAccount) -> None:
    limited = account(day_limit=12, day_seconds=3)
    config = {**limited.config, "max_wait_seconds": 20}
    run = limited.run(config, catalog=limited.catalog(*STREAMS))
    assert run.code == 0, run.stderr
    found = limited.by_identity(run)
    assert found["calls"].keys() == limited.truth("calls").keys()


@pytest.mark.parametrize("concurrency", [1, 6])
def test_the_minutes_points_are_obeyed(account: OpenAccount, concurrency: int) -> None:
    limited = account(minute_limit=10, minute_seconds=2)
    config = {**limited.config, "max_concurrency": concurrency}
    run = limited.run(config, catalog=limited.catalog(*STREAMS))
    assert run.code == 0, run.stderr
    assert not run.said("ERROR")
    found = limited.by_identity(run)
    for stream in STREAMS:
        assert found[stream].keys() == limited.truth(stream).keys()
    free = account()
    assert (
        free.run(config | free.server.settings("callgear"), catalog=free.catalog(*STREAMS)).code
        == 0
    )
    needed, used = len(asked(free)), len(asked(limited))
    periods = needed // 10 + 1
    assert used - needed <= (concurrency - 1) * periods


def test_threads_that_begin_together_share_one_login(account: OpenAccount) -> None:
    shared = account(auth="session")
    with shared.slow(0.02):
        tap = TapCallGear(config=shared.config, validate_config=False)
        clocks = at_once(lambda: tap.client.clock)
        run = shared.run({**shared.config, "max_concurrency": 8})
    assert len(set(map(id, clocks))) == 1
    assert run.code == 0, run.stderr
    for method in ("login.user", "get.account"):
        wanted = 2 + (method == "get.account")  # here and in the run, where it is a stream, too
        assert len(asked(shared, method)) == wanted, method


def test_a_session_is_renewed_ahead_of_its_end(account: OpenAccount) -> None:
    brief = account(auth="session", session_seconds=3)  # said to last two to three seconds
    with brief.slow(0.2):
        run = brief.run(catalog=brief.catalog("calls", "call_legs", "communications"))
    assert run.code == 0, run.stderr
    assert brief.by_identity(run)["calls"].keys() == brief.truth("calls").keys()
    logins = [entry.at for entry in brief.server.log.entries if b"login.user" in entry.body]
    assert len(logins) >= 2
    assert all(later - one >= 1 for one, later in pairwise(logins)), "used for half of their life"
    assert "sandbox-session-" not in run.stderr


def test_a_lost_session_is_opened_again(account: OpenAccount) -> None:
    lossy = account(auth="session", session_requests=7)
    run = lossy.run({**lossy.config, "max_concurrency": 4}, catalog=lossy.catalog(*STREAMS))
    assert run.code == 0, run.stderr
    found = lossy.by_identity(run)
    for stream in STREAMS:
        assert found[stream].keys() == lossy.truth(stream).keys()
    assert len(asked(lossy, "login.user")) <= len(asked(lossy)) / 4 + 1


def test_a_wrong_password_is_said_in_one_line(account: OpenAccount) -> None:
    locked = account(auth="session")
    run = locked.run({**locked.config, "password": "sandbox-wrong"}, catalog=locked.catalog())
    assert run.code == 2, run.stderr
    assert len(run.said("ERROR")) == 1
    assert "password" in run.said("ERROR")[0]
    assert "sandbox-wrong" not in run.stderr
    assert len(asked(locked)) <= 2 + 2


@pytest.mark.parametrize(
    ("mnemonic", "word"),
    [
        ("ip_not_whitelisted", "allow-list"),
        ("access_token_blocked", "blocked"),
        ("account_inactive", "inactive"),
        ("access_token_expired", "access_token"),
    ],
)
def test_a_refused_account_ends_the_run_before_any_data(
    account: OpenAccount, mnemonic: str, word: str
) -> None:
    closed = account(refuse=mnemonic)
    run = closed.run(catalog=closed.catalog())
    assert run.code == 2, run.stderr
    assert len(run.said("ERROR")) == 1
    assert word in run.said("ERROR")[0]
    assert "sandbox-callgear-token" not in run.stderr
    assert len(asked(closed)) <= 2 + 2


def test_closed_methods_fail_their_streams_alone(account: OpenAccount) -> None:
    closed = account(disabled=frozenset({"get.chats_report"}), forbidden=frozenset({"get.tags"}))
    run = closed.run(catalog=closed.catalog(*STREAMS, "chats"))
    assert run.code == 1, run.stderr
    told = "\n".join(run.said("ERROR"))
    assert "'chats'" in told
    assert "component" in told
    assert "'tags'" in told
    assert "right" in told
    found = closed.by_identity(run)
    for stream in ("calls", "call_legs", "employees"):
        assert found[stream].keys() == closed.truth(stream).keys()
    config = {**closed.config, "skip_unavailable": True}
    assert closed.run(config, catalog=closed.catalog(*STREAMS, "chats")).code == 0


def test_without_the_sites_streams_by_site_fail_alone(account: OpenAccount) -> None:
    closed = account(forbidden=frozenset({"get.sites"}))
    streams = ("campaign_daily_stats", "ct_campaign_summary", "employees")
    run = closed.run(catalog=closed.catalog(*streams))
    assert run.code == 1, run.stderr
    assert "Traceback" not in run.stderr
    told = "\n".join(run.said("ERROR"))
    assert "'campaign_daily_stats'" in told
    assert "'ct_campaign_summary'" in told
    assert run.records("employees")
    config = {**closed.config, "skip_unavailable": True}
    left_out = closed.run(config, catalog=closed.catalog(*streams))
    assert left_out.code == 0, left_out.stderr


@pytest.mark.parametrize("skips", [True, False])
def test_an_unreadable_zone_is_no_reason_to_leave_streams_out(
    account: OpenAccount,
    skips: bool,  # noqa: FBT001
) -> None:
    closed = account(days=2)
    bend(closed, "get.account", lambda _params, _plain: refusal("forbidden"))
    config = {**closed.config, "skip_unavailable": skips}
    run = closed.run(config, catalog=closed.catalog("calls", "employee_positions"))
    assert run.code == 1, run.stderr
    assert "timezone" in run.said("ERROR")[0]
    assert run.records("employee_positions")
    assert (
        closed.run({**config, "timezone": "Europe/Berlin"}, catalog=closed.catalog("calls")).code
        == 0
    )


def test_a_day_that_is_over_again_and_again_ends_the_run(account: OpenAccount) -> None:
    over = account(days=2)
    limits = {"day_remaining": 0, "day_reset": 1}
    data: Content = {"params": {"limit_type": "day"}, "metadata": {"limits": limits}}
    bend(over, "get.calls_report", lambda _params, _plain: refusal("limit_exceeded", **data))
    config = {**over.config, "max_wait_seconds": 3, "max_concurrency": 1}
    run = over.run(config, catalog=over.catalog("calls"))
    assert run.code == 1, run.stderr
    assert "points of this day" in run.said("ERROR")[0]
    assert len(asked(over, "get.calls_report")) == 3


def test_a_minute_beyond_the_longest_wait_ends_the_run(account: OpenAccount) -> None:
    limited = account(minute_limit=5, minute_seconds=50)
    config = {**limited.config, "max_wait_seconds": 3}
    run = limited.run(config, catalog=limited.catalog("calls", "call_legs", "chats", "goals"))
    assert run.code == 1, run.stderr
    assert len(run.said("ERROR")) == 1
    assert "points of this minute" in run.said("ERROR")[0]
    assert len(asked(limited)) <= 5 + 1


@pytest.mark.parametrize("end", [None, 1000, "soon"])
def test_a_session_without_a_sensible_end_is_used_all_the_same(
    account: OpenAccount, end: object
) -> None:
    odd = account(auth="session", days=3)

    def change(params: Content, plain: Plain) -> Content:
        answer = plain(params)
        answer["result"]["data"]["expire_at"] = end
        return answer

    bend(odd, "login.user", change)
    run = odd.run(catalog=odd.catalog("calls", "employees"))
    assert run.code == 0, run.stderr
    assert len(asked(odd, "login.user")) == 1


def test_requests_per_minute_spaces_the_requests(account: OpenAccount) -> None:
    calm = account()
    config = {**calm.config, "requests_per_minute": 600, "max_concurrency": 8}
    run = calm.run(config, catalog=calm.catalog("calls", "employees"))
    assert run.code == 0, run.stderr
    times = sorted(entry.at for entry in calm.server.log.entries)
    assert len(times) > 5
    assert (times[-1] - times[0]) / (len(times) - 1) > 0.095
