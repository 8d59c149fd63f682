"""Every stream against the truth of the imitated vendor."""

from __future__ import annotations

from typing import Any

import backoff
import pytest

from contact_sandbox import Faults
from contact_sandbox.infinity.api import InfinityVendor
from tests.infinity.running import NOW, Run, Site, serve

SMALL: dict[str, Any] = {"page_size": 50, "window": "5d", "end_date": "2026-11-20T15:31:00Z"}


@pytest.fixture(scope="module")
def site() -> Any:
    with serve() as served:
        yield served


@pytest.fixture(scope="module")
def full(site: Site) -> Run:
    run = site.run(*InfinityVendor.streams, **SMALL)
    assert run.error is None, run.said
    return run


@pytest.mark.parametrize("stream", InfinityVendor.streams)
def test_a_full_sync_holds_exactly_what_the_vendor_has(site: Site, full: Run, stream: str) -> None:
    truth = site.vendor.expected(stream)
    assert full.keyed(stream).keys() == truth.keys()
    assert len(full.records(stream)) == len(truth), "a row came twice"
    assert truth, "the imitation has nothing of it"


def test_values_are_typed_and_what_is_not_declared_is_kept(site: Site, full: Run) -> None:
    calls = full.keyed("calls")
    wire = site.vendor.expected("calls")
    for key, row in calls.items():
        given = wire[key]
        assert row["triggerDatetime"] == given["triggerDatetime"].replace(" ", "T") + ".000000Z"
        assert row["igrp"] == key[0]
        for name in given:
            if name.startswith(("c_", "pt_")) or name == "aiSummary":
                assert row["_extra"][name] == given[name]
    assert {type(row["callDuration"]) for row in calls.values()} == {int, type(None)}
    assert any(row.get("_extra", {}).get("leadScore") == "n/a" for row in calls.values())


def test_an_installation_is_stamped_whatever_the_row_calls_it(full: Run) -> None:
    for row in full.records("channels"):
        assert isinstance(row["igrp"], int)
        assert "_extra" not in row


UNDECLARED = {
    "channel_metrics": {"bestCampaign", "callConversionRate"},
    "goals": {"deDupeFields"},  # a list of lists
}


@pytest.mark.parametrize("stream", InfinityVendor.streams)
def test_what_the_vendor_documents_is_declared(full: Run, stream: str) -> None:
    found = {name for row in full.records(stream) for name in row.get("_extra", ())}
    own = {name for name in found if name.startswith(("c_", "pt_"))}
    odd = {"aiSummary", "leadScore"} if "calls" in stream or own else set()
    assert found - own <= UNDECLARED.get(stream, odd)


def test_installations_are_asked_for_once(site: Site) -> None:
    site.server.log.clear()
    run = site.run("channels", "goals", "calls", **SMALL)
    assert run.code == 0
    first = [q for q in site.requests("/v2.1/igrps") if q.get("offset") == ["0"]]
    assert len(first) == 1


def test_listed_installations_are_the_only_ones(site: Site) -> None:
    site.server.log.clear()
    run = site.run("calls", "channels", igrp_ids=[2044, 2044], **SMALL)
    assert {row["igrp"] for row in run.records("calls")} == {2044}
    assert not site.requests("/v2.1/igrps")
    assert len(run.records("channels")) == 8


def test_requests_for_triggers_follow_the_vendors_method(site: Site) -> None:
    site.server.log.clear()
    site.run("calls", igrp_ids=[101], **SMALL)
    asked = site.requests("/triggers/calls")
    highest, walks = asked[0], asked[1:]
    assert highest["sort[]"] == ["rowId-desc"], "the highest rowId is asked before anything else"
    assert highest["limit"] == ["1"]
    assert (highest["startDate"], highest["endDate"]) == (["2026-11-19"], ["2026-11-20"])
    assert {tuple(query["sort[]"]) for query in walks} == {("rowId-asc",)}
    for query in walks:
        assert query["tz"] == ["UTC"]
        assert query["format"] == ["json"]
        assert query["limit"] == ["50"]
        assert query.keys() <= {
            "startDate",
            "endDate",
            "tz",
            "format",
            "sort[]",
            "filter[]",
            "limit",
        }
    ranges = list(dict.fromkeys((q["startDate"][0], q["endDate"][0]) for q in walks))
    assert sorted(ranges) == [
        ("2026-10-27", "2026-10-31"),
        ("2026-11-01", "2026-11-05"),
        ("2026-11-06", "2026-11-10"),
        ("2026-11-11", "2026-11-15"),
        ("2026-11-16", "2026-11-20"),
    ]


def test_requests_stay_within_the_concurrency(site: Site) -> None:
    site.server.log.clear()
    site.server.latency = 0.005
    try:
        site.run("calls", "call_keywords", "channel_metrics", igrp_ids=[101], **SMALL)
    finally:
        site.server.latency = 0.0
    assert site.server.log.max_in_flight == 2


@pytest.mark.parametrize(
    "options",
    [{"cap": 20, "cap_mode": "silent"}, {"cap": 20, "cap_mode": "error"},
     {"cap": 20, "cap_mode": "message"}, {"auth": "basic"}, {"poison": 0.4},
     {"short_pages": 0.5}, {"future_rows": 3}],
    ids=str,
)  # fmt: skip
def test_peculiarities_of_an_account_cost_no_row(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "full_jitter", lambda _longest: 0)
    names = ("calls", "channel_metrics", "audit_log", "pbx_user_states", "numbers")
    with serve(calls=60, days=9, **options) as site:
        run = site.run(*names, igrp_ids=[101], **SMALL)
        assert run.error is None, run.said
        for stream in names:
            truth = _truth(site, stream)
            assert run.keyed(stream).keys() == truth, stream
            assert len(run.records(stream)) == len(truth), stream
        paths = {entry.path.split("/")[2] for entry in site.server.log.entries}
        assert paths == {"v2" if "auth" in options else "v2.1"}


def _truth(site: Site, stream: str) -> set[tuple[Any, ...]]:
    """Give the keys of installation 101; rows of its audit log need not name it."""
    keys = set(site.vendor.expected(stream))
    if stream == "audit_log":
        return keys & {(row["_id"],) for row in site.vendor.account.audit[101]}
    return {key for key in keys if key[0] == 101}


def test_faults_on_the_wire_cost_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "full_jitter", lambda _longest: 0)
    names = ("calls", "channels", "igrps", "goal_triggers")
    with serve(faults=Faults(rate=0.2, seed=5), calls=60, days=9, poison=0.2) as site:
        run = site.run(*names, igrp_ids=[101, 2044], **SMALL)
        assert run.error is None, run.said
        assert {entry.fault for entry in site.server.log.entries} > {None}
        for stream in names:
            truth = {
                k for k in site.vendor.expected(stream) if stream == "igrps" or k[0] in {101, 2044}
            }
            assert run.keyed(stream).keys() == truth, stream
            assert len(run.records(stream)) == len(truth), stream


def test_row_ids_are_compared_as_numbers_where_they_grow_a_digit() -> None:
    with serve(calls=1200, days=3) as site:
        run = site.run("calls", igrp_ids=[101], window="7d", page_size=37)
        assert run.error is None, run.said
        ids = [row["rowId"] for row in run.records("calls")]
        assert ids == sorted(ids)
        assert len(str(ids[0])) < len(str(ids[-1]))
        assert set(ids) == {key[1] for key in site.vendor.expected("calls") if key[0] == 101}


def test_rows_dated_after_the_end_are_left_out() -> None:
    with serve(calls=60, days=5) as site:
        end = "2026-11-18T11:00:00Z"
        run = site.run("calls", igrp_ids=[101], window="2d", end_date=end)
        times = [row["triggerDatetime"] for row in run.records("calls")]
        assert times
        assert max(times) < "2026-11-18T11:00:00.000000Z"
        mark = run.partition("calls", 101)["replication_key_value"]
        assert mark == "2026-11-18T11:00:00.000000Z"


def test_personal_data_is_left_out_where_asked() -> None:
    with serve(calls=60, days=5) as site:
        run = site.run("calls", igrp_ids=[101], exclude_pii=True, page_size=20)
        assert run.code == 0
        assert {tuple(q["excludePiiData"]) for q in site.requests("/triggers/calls")} == {("1",)}
        rows = run.records("calls")
        assert len(rows) == len([k for k in site.vendor.expected("calls") if k[0] == 101])
        assert {row["host"] for row in rows} == {""}
        assert all(row["ip"].endswith(".X") for row in rows if row["ip"])
        callers = [row["srcPhoneNumber"] for row in rows if row["srcPhoneNumber"]]
        assert {caller[-4:] for caller in callers} <= {"XXXX", "mous"}


def test_the_present_of_these_tests_is_fixed() -> None:
    assert NOW.isoformat() == "2026-11-20T15:30:00+00:00"
