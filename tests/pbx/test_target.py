"""target-pbx: notes go out checked, come back with the next sync, and refused ones are named."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from contact_sandbox import Faults, Reply, Request
from tests.contract.forked import Process
from tests.pbx.syncing import Pbx, Row, serving

SCHEMA = {
    "type": "SCHEMA",
    "stream": "call_notes",
    "key_properties": ["callUuid"],
    "schema": {
        "properties": {
            "callUuid": {"type": "string"},
            "tenant_id": {"type": ["string", "null"]},
            "callFlagged": {"type": ["boolean", "null"]},
            "callSeverity": {"type": ["integer", "null"]},
            "callNotes": {"type": ["string", "null"]},
        }
    },
}


def note(**row: Any) -> Row:
    return {"type": "RECORD", "stream": "call_notes", "record": row}


def state(value: int) -> Row:
    return {"type": "STATE", "value": {"seen": value}}


def recent(pbx: Pbx, tenant: str) -> str:
    return max(call.at.isoformat() + call.uuid for call in pbx.vendor.store.tenants[tenant])[-36:]


def test_notes_come_back_with_the_next_incremental_sync(tmp_path: Path) -> None:
    with serving(tmp_path) as pbx:
        first = pbx.sync("calls")
        texts = {"0": "Ring back & say: 50 % off, é 日本 +1", "101": "n" * 255}
        rows = [
            note(
                callUuid=recent(pbx, tenant),
                tenant_id=tenant,
                callFlagged=True,
                callSeverity=4,
                callNotes=text,
            )
            for tenant, text in texts.items()
        ]
        sent = pbx.load([SCHEMA, *rows, state(1)])
        assert sent.code == 0
        assert sent.messages == [{"seen": 1}]
        got = pbx.sync("calls", state=first.state).records("calls")
        for tenant, text in texts.items():
            row = got["123456", tenant, recent(pbx, tenant)]
            assert (row["callNotes"], row["callSeverity"], row["callFlagged"]) == (text, 4, True)


def test_what_is_null_or_absent_is_not_sent_and_the_default_tenant_is_used(tmp_path: Path) -> None:
    with serving(tmp_path) as pbx:
        uuid = recent(pbx, "101")
        lines = [SCHEMA, note(callUuid=uuid, callFlagged="0", callNotes=None)]
        assert pbx.load(lines, tenant_id="101").code == 0
        [entry] = pbx.server.log.entries
        assert entry.method == "POST"
        assert not entry.query
        [fields] = pbx.vendor.notes
        fields.pop("containerID")
        assert fields == {"tenantID": "101", "callUuid": uuid, "callFlagged": "0"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"callNotes": "a"}, "callUuid is missing"),
        ({"callUuid": " ", "callNotes": "a"}, "callUuid is missing"),
        ({"callUuid": "u"}, "none of callFlagged"),
        ({"callUuid": "u", "callSeverity": 6}, "from 0 to 5"),
        ({"callUuid": "u", "callSeverity": -1}, "from 0 to 5"),
        ({"callUuid": "u", "callSeverity": 2.5}, "from 0 to 5"),
        ({"callUuid": "u", "callFlagged": 2}, "must be 0 or 1"),
        ({"callUuid": "u", "callFlagged": 1, "tenant_id": "sales"}, "tenant_id must be a number"),
        ({"callUuid": "u", "callNotes": "private" * 40}, "has 280 characters"),
    ],
)
def test_a_row_that_is_no_note_is_named_and_never_sent(
    tmp_path: Path, row: Row, words: str
) -> None:
    with serving(tmp_path) as pbx:
        good = note(callUuid=recent(pbx, "0"), callSeverity="3")
        run = pbx.load([SCHEMA, good, state(1), note(**row), good, state(2)])
        assert run.code == 1
        assert words in run.err
        assert "Row 2" in run.err
        assert "private" not in run.err
        assert "Traceback" not in run.err
        assert len(pbx.vendor.notes) == 2
        assert run.messages == [{"seen": 1}]


DONE = "Your call notes have been submitted."


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([DONE, f'"{DONE}"', {"message": DONE}, {"success": True}, {"success": DONE}], 0),
        ([{"success": "0"}], 1),
        (["<html>"], 1),
    ],
    ids=["done", "no success", "html"],
)
def test_a_note_is_done_only_when_the_vendor_says_so(
    tmp_path: Path, answers: list[Any], code: int
) -> None:
    with serving(tmp_path) as pbx:
        coming = iter(answers)

        def answer(request: Request) -> Reply:
            assert request.form()["callFlagged"] == ["1"]
            assert request.form()["callSeverity"] == ["3"]
            return Reply(200, next(coming))

        pbx.vendor.handle = answer  # type: ignore[method-assign]
        row = note(callUuid="u", callFlagged=1.0, callSeverity=3.0)
        run = pbx.load([SCHEMA, *([row] * len(answers)), state(1)], max_attempts=1)
        assert run.code == code
        assert run.messages == ([] if code else [{"seen": 1}])


def test_only_passing_failures_are_tried_again(tmp_path: Path) -> None:
    faults = Faults(rate=0.15, seed=2)
    with serving(tmp_path, faults, transients=0.3) as pbx:
        calls = pbx.vendor.store.tenants["0"][:4]
        rows = [note(callUuid=call.uuid, callSeverity=5) for call in calls]
        run = pbx.load([SCHEMA, *rows, state(1)])
        assert run.code == 0
        assert run.messages == [{"seen": 1}]
        assert {fields["callUuid"] for fields in pbx.vendor.notes} == {call.uuid for call in calls}
        assert all(call.severity == 5 for call in calls)
        run.assert_hides_the_key()


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("api_key", "wrong+key/==", "refuses the API key"),
        ("container_id", "654321", "refuses the container"),
        ("api_url", "http://pbx.primevox.net", "https://"),
        ("notes_path", "notes", "must begin with /"),
        ("max_attempts", 0, "at least 1"),
        ("tenant_id", "sales", "must be a number"),
        ("notes_path", None, "must not be null"),
    ],
)
def test_refused_settings_and_credentials_end_with_2(
    tmp_path: Path, setting: str, value: Any, words: str
) -> None:
    with serving(tmp_path) as pbx:
        lines = [SCHEMA, note(callUuid="u", callNotes="private"), state(1)]
        run = pbx.load(lines, **{setting: value})
        assert run.code == 2
        assert words in run.err
        assert "Traceback" not in run.err
        assert "wrong+key" not in run.err
        assert not run.out
        assert len(pbx.paths()) <= 1


def test_a_vendor_that_stays_away_ends_with_1_and_keeps_the_state_of_what_was_done(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as pbx:
        good = note(callUuid=recent(pbx, "0"), callSeverity=1)
        lines = [SCHEMA, good, state(1), good, state(2)]
        run = pbx.load(lines, notes_path="/api/none.php")
        assert run.code == 1
        assert "HTTP 404" in run.err
        pbx.server.faults = Faults(rate=1.0, kinds=("502",))
        away = pbx.load(lines, max_attempts=2)
        assert away.code == 1
        assert not away.out
        assert "failed 2 times" in away.err


def test_a_key_that_dies_ends_with_1_and_the_state_of_what_was_sent(tmp_path: Path) -> None:
    with serving(tmp_path) as pbx:
        good = note(callUuid=recent(pbx, "0"), callSeverity=1)
        answer = pbx.vendor.handle

        def dying(request: Request) -> Reply:
            return answer(request) if len(pbx.vendor.notes) < 2 else Reply(401)

        pbx.vendor.handle = dying  # type: ignore[method-assign]
        run = pbx.load([SCHEMA, good, state(1), good, state(2), good, state(3)])
        assert run.code == 1
        assert run.messages == [{"seen": 2}]
        assert "refuses the credentials" in run.err


def test_a_signal_keeps_the_state_of_what_was_sent(tmp_path: Path) -> None:
    with serving(tmp_path) as pbx:
        good = note(callUuid=recent(pbx, "0"), callSeverity=1)
        lines = [line for n in range(200) for line in (good, state(n))]
        answer = pbx.vendor.handle
        running: list[Process] = []

        def killing(request: Request) -> Reply:
            if len(pbx.vendor.notes) == 5:
                running[0].terminate()
                time.sleep(1)
            return answer(request)

        pbx.vendor.handle = killing  # type: ignore[method-assign]
        run = pbx.load([SCHEMA, *lines], seen=running.append)
        assert run.code == 128 + signal.SIGTERM
        assert run.messages == [{"seen": 4}]
        assert "Traceback" not in run.err


def test_another_stream_is_refused_by_name(tmp_path: Path) -> None:
    with serving(tmp_path) as pbx:
        run = pbx.load([{**SCHEMA, "stream": "public-contacts"}])
        assert run.code == 2
        assert "public-contacts" in run.err
        row = {**note(callUuid=recent(pbx, "0"), callFlagged=1), "stream": "public-call_notes"}
        assert pbx.load([{**SCHEMA, "stream": "public-call_notes"}, row]).code == 0
        assert len(pbx.vendor.notes) == 1
