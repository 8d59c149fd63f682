"""What only this vendor does to its list of calls, and that nothing of it loses a call."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest

from contact_sandbox import Faults
from contact_sandbox.pbx.api import KEY
from tests.pbx.syncing import STREAMS, Key, Pbx, Row, Run, agrees, serving

NOT_COMPARED = ("recordingUrl",)


def assert_complete(run: Run, pbx: Pbx, stream: str = "calls") -> None:
    got, wanted = run.records(stream), pbx.expected(stream)
    assert got.keys() == wanted.keys()
    wrong = [key for key, row in wanted.items() if not agrees(got[key], row, NOT_COMPARED)]
    assert not wrong


def missing(pbx: Pbx, kind: str, records: dict[Key, Row]) -> set[Key]:
    """Give the calls that changed in one way and whose change did not come."""
    wanted = pbx.expected("calls")
    keys = [("123456", *key) for key in pbx.vendor.store.changes[kind]]
    assert keys
    return {
        key
        for key in keys
        if key not in records or not agrees(records[key], wanted[key], NOT_COMPARED)
    }


def test_a_full_sync_holds_every_call_of_every_tenant_once(tmp_path: Path) -> None:
    with serving(tmp_path, busy_day=520, days=12) as pbx:
        run = pbx.sync("calls")
        assert run.code == 0
        assert_complete(run, pbx)
        counts = Counter(tuple(row[k] for k in STREAMS["calls"].primary_keys)
                         for row in run.rows("calls"))  # fmt: skip
        assert set(counts.values()) == {1}
        assert {key[1] for key in counts} == {"0", "101", "102"}


@pytest.mark.parametrize(
    "options",
    [
        {"shape": "array"},
        {"shape": "top-level"},
        {"numbers": "strings", "empty_pages": 1},
        {"content_type": "application/json", "unstable_ties": False, "nul": True},
        {"pages": 0, "busy_day": 520, "days": 12},
    ],
    ids=["array", "top-level", "strings", "plain", "no pages"],
)
def test_the_envelope_may_take_any_of_its_forms(tmp_path: Path, options: dict[str, Any]) -> None:
    with serving(tmp_path, **options) as pbx:
        run = pbx.sync("calls")
        assert run.code == 0
        got = run.records("calls")
        assert got.keys() == pbx.expected("calls").keys()
        if not options.get("nul"):
            assert_complete(run, pbx)


def test_both_dates_and_utc_are_always_sent_and_windows_share_their_edge(tmp_path: Path) -> None:
    with serving(tmp_path, tenants=("0",)) as pbx:
        pbx.sync("calls")
        asked = [entry.query for entry in pbx.server.log.entries]
    for query in asked:
        assert query["utcOffset"] == ["0"]
        assert query["tenantID"] == ["0"]
    ranges = sorted((query["fromDate"][0], query["toDate"][0]) for query in asked)
    assert all(before[1] == after[0] for before, after in pairwise(ranges))
    assert len(ranges) > 5


def test_620_calls_in_a_second_with_unstable_ties_and_rows_arriving_are_all_read(
    tmp_path: Path,
) -> None:
    options: dict[str, Any] = {"burst": 620, "drift": 1, "drift_limit": 15, "tenants": ("0",)}
    with serving(tmp_path, **options) as pbx:
        run = pbx.sync("calls")
        assert run.code == 0
        got, wanted = run.records("calls"), pbx.expected("calls")
        drifted = {("123456", *key) for key in pbx.vendor.store.changes["drifted"]}
        assert len(drifted) == 15
        assert wanted.keys() - got.keys() <= drifted
        again = pbx.sync("calls", state=run.state, lookback="9d")
        assert wanted.keys() == {**got, **again.records("calls")}.keys()
        assert len(run.rows("calls")) == len(got)


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        ("offset", "utcOffset 60 minutes"),
        ("stray-row", "did not heed the dates"),
        ("short", "different ones"),
        ("no-envelope", "neither maxResultSize nor an error"),
    ],
)
def test_an_answer_that_cannot_be_believed_fails_and_moves_no_bookmark(
    tmp_path: Path, lie: str, words: str
) -> None:
    with serving(tmp_path, tenants=("0",)) as honest:
        truth = honest.sync("calls").bookmarks("calls")
    with serving(tmp_path, tenants=("0",), lies=(lie,)) as pbx:
        run = pbx.sync("calls", max_attempts=2)
        first_call = min(row["callDate"] for row in pbx.expected("calls").values())
    assert run.code == 1
    assert words in run.err
    assert "Traceback" not in run.err
    assert run.bookmarks("calls").get("0", "") <= first_call < truth["0"]


@pytest.mark.parametrize(
    "options",
    [{}, {"refusal": "Your Tenant ID is invalid.", "errors": "text"}],
    ids=["no right", "unknown"],
)
def test_a_forbidden_tenant_fails_alone_and_tenants_keep_their_own_state(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    with serving(tmp_path, forbidden_tenants=("101",), **options) as pbx:
        run = pbx.sync("calls")
        assert run.code == 1
        assert "(tenant_id 101)" in run.err
        assert "skip_unavailable" in run.err
        assert {key[1] for key in run.records("calls")} == {"0", "102"}
        assert run.bookmarks("calls").keys() == {"0", "102"}
        left_out = pbx.sync("calls", skip_unavailable=True)
        assert left_out.code == 0
        assert left_out.records("calls").keys() == run.records("calls").keys()


def test_each_tenant_goes_on_from_its_own_bookmark(tmp_path: Path) -> None:
    with serving(tmp_path, tenants=("0", "101")) as pbx:
        run = pbx.sync("calls")
        parts = run.state["bookmarks"]["calls"]["partitions"]
        parts[:] = [part for part in parts if part["context"]["tenant_id"] == "0"]
        pbx.server.log.clear()
        again = pbx.sync("calls", state=run.state, lookback="1h")
        asked = Counter(entry.query["tenantID"][0] for entry in pbx.server.log.entries)
        assert asked["0"] == 1
        assert asked["101"] > 5
        every = {key for key in pbx.expected("calls") if key[1] == "101"}
        assert every == {key for key in again.records("calls") if key[1] == "101"}


def test_an_incremental_run_brings_new_late_finished_annotated_and_transcribed_calls(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, days=20) as pbx:
        first = pbx.sync("calls")
        pbx.vendor.change(1)
        second = pbx.sync("calls", state=first.state)
        assert second.code == 0
        records = second.records("calls")
        for kind in ("new", "late", "finished", "annotated", "transcribed"):
            assert not missing(pbx, kind, records), kind
        assert missing(pbx, "annotated-old", records)
        assert len(second.rows("calls")) < len(first.rows("calls"))


def test_the_annotation_sweep_brings_what_was_noted_before_the_lookback(tmp_path: Path) -> None:
    with serving(tmp_path, days=20) as pbx:
        first = pbx.sync("calls", annotation_lookback="90d")
        assert "filter" not in "".join(n for e in pbx.server.log.entries for n in e.query)
        pbx.vendor.change(1)
        second = pbx.sync("calls", state=first.state, annotation_lookback="90d")
        assert second.code == 0
        assert not missing(pbx, "annotated-old", second.records("calls"))
        assert all(
            second.bookmarks("calls")[tenant] >= mark
            for tenant, mark in first.bookmarks("calls").items()
        )


def test_links_come_without_the_key_and_otherwise_as_they_were(tmp_path: Path) -> None:
    with serving(tmp_path, days=12, calls=300) as pbx:
        run = pbx.sync("calls")
        raw = pbx.vendor.expected("calls")
        got = run.records("calls")
    held = [key for key, row in raw.items() if "auth=" in (row["recordingUrl"] or "")]
    assert held
    for key in held:
        before, after = (urlsplit(str(r[key]["recordingUrl"])) for r in (raw, got))
        assert (after.netloc, after.path) == (before.netloc, before.path)
        assert parse_qsl(after.query) == [p for p in parse_qsl(before.query) if p[0] != "auth"]
    assert all(got[k]["recordingUrl"] == r["recordingUrl"] for k, r in raw.items() if k not in held)


@pytest.mark.parametrize("stream", list(STREAMS))
def test_faults_at_the_wire_and_of_the_vendor_lose_nothing(tmp_path: Path, stream: str) -> None:
    small = {"days": 2, "calls": 30, "tenants": ("0", "101")}
    with serving(tmp_path, Faults(rate=0.25, seed=5), transients=0.1, **small) as pbx:
        run = pbx.sync(stream, recordings_dir=str(tmp_path / "audio"))
        assert run.code == 0
        assert run.records(stream).keys() == pbx.expected(stream).keys()
        run.assert_hides_the_key()


def test_the_key_is_nowhere_even_at_debug_and_while_everything_fails(tmp_path: Path) -> None:
    small: dict[str, Any] = {"days": 2, "calls": 30, "tenants": ("0",)}
    with serving(tmp_path, Faults(rate=1.0, kinds=("reset", "502", "html")), **small) as pbx:
        run = pbx.sync(*STREAMS, level="DEBUG", max_attempts=2)
        assert run.code == 1
        run.assert_hides_the_key()
    with serving(tmp_path, **small) as pbx:
        run = pbx.sync(*STREAMS, level="DEBUG", recordings_dir=str(tmp_path / "audio"))
        assert run.code == 0
        run.assert_hides_the_key()


@pytest.mark.parametrize(
    ("setting", "wrong", "words"),
    [
        ("api_key", f"wrong {KEY}", "refuses the API key"),
        ("container_id", "999999", "refuses the container"),
    ],
)
def test_refused_credentials_end_the_run_with_2_in_one_line(
    tmp_path: Path, setting: str, wrong: str, words: str
) -> None:
    with serving(tmp_path) as pbx:
        run = pbx.sync("calls", "call_events", **cast("dict[str, Any]", {setting: wrong}))
        assert run.code == 2
        assert words in run.err
        assert "Traceback" not in run.err
        assert KEY not in run.err
        assert not run.rows("calls")
        assert set(pbx.paths()) == {"/api/call_list.php"}
        assert len(pbx.paths()) < 10


@pytest.mark.parametrize(
    "wrong",
    [
        {"tenant_ids": []},
        {"api_key": " "},
        {"page_size": 501},
        {"annotation_lookback": "90 years"},
        {"call_details_path": "https://example.com/x"},
        {"recordings_dir": "nowhere://x"},
        {"api_url": "http://pbx.primevox.net"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_wrong_setting_is_refused_before_any_request(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    with serving(tmp_path) as pbx:
        run = pbx.sync("calls", **wrong)
        assert run.code == 2
        assert f"Setting '{next(iter(wrong))}'" in run.err
        assert not pbx.paths()


def test_a_tenant_without_any_call_is_told_on_the_first_run(tmp_path: Path) -> None:
    with serving(tmp_path) as pbx:
        run = pbx.sync("calls", tenant_ids=["101", "999"])
        assert run.code == 0
        assert "Tenant 999 has no calls at all" in run.err
        assert "Tenant 101 has no calls" not in run.err
