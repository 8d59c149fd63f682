"""The imitated PBX behaves like the vendor: events, recordings, notes and changes of one call."""

from __future__ import annotations

import hashlib
import io
import json
import wave
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests

from contact_sandbox.pbx.api import CONTAINER, KEY, PbxVendor
from contact_sandbox.pbx.recordings import GOOD, KINDS
from tests.sandbox.pbx_client import (
    ACCESS,
    DETAILS,
    EVER,
    LIST,
    NOTES,
    NOW,
    RECORDING,
    Client,
    Value,
    serve,
)

DONE = {"success": "Your call notes have been submitted."}
BAD_FILES = {
    "no-link": (404, b"<!DOCTYPE html>"),
    "missing": (404, b"<!DOCTYPE html>"),
    "refused": (200, b'{"error":"The recording could not be found."}'),
    "empty": (200, b""),
    "truncated": (200, b"RIFF"),
    "html": (200, b"<!DOCTYPE html>"),
}


@pytest.fixture(name="pbx")
def _pbx() -> Iterator[Client]:
    with serve(busy_day=0) as client:
        yield client


def test_details_page_through_the_events_of_a_long_call(pbx: Client) -> None:
    uuid = pbx.find(journey="long")
    first = pbx.get(DETAILS, callUUID=uuid).json()
    rest = [pbx.get(DETAILS, callUUID=uuid, page=page).json() for page in (2, 3)]
    assert [page["currentResultSize"] for page in (first, *rest)][:2] == [500, 500]
    assert first["maxPages"] == 3
    rows = {name: row for page in (first, *rest) for name, row in page["data"].items()}
    assert rows == pbx.events("0", uuid)
    assert len(rows) == first["maxResultSize"] > 1000
    assert first["callUuid"] == uuid
    assert "transcription" not in first


def test_details_need_the_identifier_under_its_own_name(pbx: Client) -> None:
    uuid = pbx.find(journey="pins")
    missing = {"error": "Your CallUUID is missing."}
    assert pbx.get(DETAILS, callUuid=uuid).json() == missing
    assert pbx.get(DETAILS, callUUID=uuid, tenantID="102").json()["maxResultSize"] == 0
    none = pbx.get(DETAILS, callUUID=pbx.find(journey="none")).json()
    assert (none["maxResultSize"], none["data"]) == (0, [])


@pytest.mark.parametrize("shape", ["events", "array", "record", "nested"])
def test_events_can_hang_elsewhere(shape: str) -> None:
    with serve(details_shape=shape) as pbx:
        uuid = pbx.find(journey="pins")
        answer = pbx.get(DETAILS, callUUID=uuid).json()
        record = answer.get("data", answer)
        rows = (record[uuid] if shape == "nested" else record)["events"]
        rows = {row["eventUuid"]: row for row in rows} if shape == "array" else rows
        assert rows == pbx.events("0", uuid)


def test_private_digits_and_unlisted_types_occur(pbx: Client) -> None:
    rows = pbx.vendor.expected("call_events").values()
    kinds = {int(row["eventType"]) for row in rows}
    assert {40, 48, 52, 54, 55, 64, 75, 99, 1042} <= kinds
    fourth = [row["eventData4"] for row in rows]
    assert {"#", "*", 2, "", 2**40} <= set(fourth)
    assert {type(row["eventData4"]) for row in rows if int(row["eventType"]) == 64} == {int, str}


def test_the_offset_moves_events_too(pbx: Client) -> None:
    uuid = pbx.find(journey="pins")
    moved = pbx.get(DETAILS, callUUID=uuid, utcOffset=90).json()["data"]
    for name, row in pbx.events("0", uuid).items():
        shifted = datetime.fromisoformat(row["eventDate"]) + timedelta(minutes=90)
        assert datetime.fromisoformat(moved[name]["eventDate"]) == shifted


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_a_good_recording_is_complete(pbx: Client, kind: str) -> None:
    uuid = pbx.find(audio=kind)
    truth = pbx.vendor.audio()[CONTAINER, "0", uuid]
    name = pbx.vendor.expected("call_recordings")[CONTAINER, "0", uuid]["fileName"]
    answer = pbx.get(RECORDING, fileName=name)
    assert answer.headers["Content-Type"] == "audio/x-wav"
    assert truth["status"] == "stored"
    assert truth["sha256"] == hashlib.sha256(answer.content).hexdigest()
    assert truth["bytes"] == len(answer.content) == riff_length(answer.content)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - GOOD))
def test_a_bad_recording_fails_in_its_own_way(pbx: Client, kind: str) -> None:
    uuid = pbx.find(audio=kind)
    name = pbx.vendor.expected("call_recordings")[CONTAINER, "0", uuid]["fileName"]
    answer = pbx.get(RECORDING, fileName=name or "none.wav")
    status, start = BAD_FILES[kind]
    assert answer.status_code == status
    assert answer.content[: len(start) or None] == start
    assert riff_length(answer.content) != len(answer.content)
    wanted = "invalid" if kind in ("truncated", "html") else "missing"
    assert pbx.vendor.audio()[CONTAINER, "0", uuid]["status"] == wanted


def riff_length(content: bytes) -> int:
    return int.from_bytes(content[4:8], "little") + 8


def test_audio_states_its_own_properties(pbx: Client) -> None:
    for kind, shape in (("query", (1, 8000)), ("stereo", (2, 16000)), ("chunks", (1, 8000))):
        uuid = pbx.find(audio=kind)
        truth = pbx.vendor.audio()[CONTAINER, "0", uuid]
        name = pbx.vendor.expected("call_recordings")[CONTAINER, "0", uuid]["fileName"]
        with wave.open(io.BytesIO(pbx.get(RECORDING, fileName=name).content)) as sound:
            assert (sound.getnchannels(), sound.getframerate()) == shape
            assert sound.getnframes() / sound.getframerate() == truth["duration_seconds"]


def test_links_leak_the_key_and_lead_away(pbx: Client) -> None:
    rows = pbx.vendor.expected("call_recordings")
    links = {key[2]: row["recordingUrl"] or "" for key, row in rows.items() if key[1] == "0"}
    assert any(f"auth={KEY}&" in link for link in links.values())
    assert any(f"auth={quote(KEY, safe='')}&" in link for link in links.values())
    assert urlsplit(links[pbx.find(audio="foreign")]).hostname == "127.0.0.2"
    climbing = parse_qs(urlsplit(links[pbx.find(audio="traversal")]).query)["fileName"]
    assert climbing[0].startswith("../../../")
    assert not links[pbx.find(audio="no-link")]
    assert rows[CONTAINER, "0", pbx.find(audio="unmarked")]["callRecorded"] in (0, "0")


def test_a_link_by_path_needs_the_key(pbx: Client) -> None:
    uuid = pbx.find(audio="path")
    link = pbx.vendor.expected("call_recordings")[CONTAINER, "0", uuid]["recordingUrl"]
    assert requests.get(link, timeout=10).json() == {"error": "Your API Auth Key is invalid."}
    assert pbx.session.get(link, params={"auth": KEY}, timeout=10).content.startswith(b"RIFF")


def test_notes_change_the_call(pbx: Client) -> None:
    uuid = pbx.find(journey="pins")
    answer = pbx.note(
        tenantID="0", callUuid=uuid, callFlagged=1, callSeverity=5, callNotes="Grüße & +1"
    )
    row = pbx.json(LIST, **EVER, filterCallSeverity=5)["data"][uuid]
    assert answer == DONE
    assert (int(row["callFlagged"]), int(row["callSeverity"])) == (1, 5)
    assert row["callNotes"] == "Grüße & +1"
    assert pbx.vendor.notes[-1]["callUuid"] == uuid
    assert "auth" not in pbx.vendor.notes[-1]


def test_notes_out_of_range_are_accepted_but_not_kept(pbx: Client) -> None:
    uuid = pbx.find(journey="pins")
    pbx.note(callUuid=uuid, callFlagged=0, callSeverity=2, callNotes="short")
    assert pbx.note(callUuid=uuid, callFlagged=7, callSeverity=6, callNotes="n" * 300) == DONE
    row = pbx.calls()[uuid]
    assert (int(row["callFlagged"]), int(row["callSeverity"])) == (0, 2)
    assert row["callNotes"] == "n" * 255
    assert pbx.note(callUuid="no-such-call", callNotes="x") == DONE


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"containerID": "1"}, "Your Container ID is invalid."),
        ({"auth": "wrong"}, "Your API Auth Key is invalid."),
        ({"callUUID": "x"}, "Your CallUUID is missing."),
    ],
)
def test_notes_refuse_in_the_documented_words(
    pbx: Client, fields: dict[str, Value], message: str
) -> None:
    assert pbx.note(**fields) == {"error": message}


def test_notes_take_forms_only(pbx: Client) -> None:
    uuid = pbx.find(journey="pins")
    fields = {**ACCESS, "callUuid": uuid, "callNotes": "unread"}
    refused = {"error": "Your Container ID is invalid."}
    by_json = pbx.session.post(pbx.url + NOTES, json=fields, timeout=10)
    in_query = pbx.session.post(pbx.url + NOTES, params=fields, timeout=10)
    assert by_json.json() == in_query.json() == pbx.get(NOTES, **fields).json() == refused
    labelled = {"Content-Type": "text/plain"}
    plain = pbx.session.post(pbx.url + NOTES, json.dumps(fields), headers=labelled, timeout=10)
    assert plain.json() == refused
    assert pbx.vendor.notes == []


def test_a_database_error_leaves_the_note_unwritten() -> None:
    with serve(transients=1.0, transient_kinds=("database",)) as pbx:
        uuid = pbx.find(journey="pins")
        temporary = {"error": "Error connecting to the database. Try again later."}
        assert [pbx.note(callUuid=uuid, callNotes="x") for _ in range(3)] == [
            temporary, temporary, DONE,
        ]  # fmt: skip
        assert len(pbx.vendor.notes) == 1


def test_changes_come_where_an_incremental_run_looks(pbx: Client) -> None:
    before = pbx.vendor.expected("calls")
    events = pbx.vendor.expected("call_events")
    pbx.vendor.change(7)
    after = pbx.vendor.expected("calls")
    changes = pbx.vendor.store.changes
    new = {key[1:] for key in set(after) - set(before)}
    assert new == set(changes["new"]) | set(changes["late"])
    rewritten = {key[1:] for key in before if before[key] != after[key]}
    named = ("finished", "annotated", "annotated-old", "transcribed")
    assert rewritten == {key for name in named for key in changes[name]}
    at = {key[1:]: datetime.fromisoformat(row["callDate"]) for key, row in after.items()}
    edge = (NOW - timedelta(days=3)).replace(tzinfo=None)
    assert all(at[key] < edge for key in changes["annotated-old"])
    assert all(at[key] > edge for key in rewritten - set(changes["annotated-old"]))
    assert set(events) < set(pbx.vendor.expected("call_events"))
    assert {row["lastEvent"] for key, row in before.items() if key[1:] in changes["finished"]} == {
        ""
    }


def test_the_same_seed_gives_the_same_truth() -> None:
    first, second, other = (PbxVendor(now=NOW, seed=seed, calls=90) for seed in (1, 1, 2))
    for vendor in (first, second, other):
        vendor.change(3)
    for stream in first.streams:
        assert first.expected(stream) == second.expected(stream)
    assert first.expected("calls") != other.expected("calls")


def test_every_row_lies_in_the_past_days() -> None:
    vendor = PbxVendor(now=NOW, days=30)
    vendor.change(1)
    calls = [call for found in vendor.store.tenants.values() for call in found]
    assert all(vendor.start <= call.at < NOW for call in calls)
    assert 3000 < len(vendor.expected("call_events")) < 20000


def test_an_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="burts"):
        PbxVendor(burts=620)
