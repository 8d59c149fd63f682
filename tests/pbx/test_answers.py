"""Answers in all their forms, links without the key, PINs, and what counts as a WAV."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest

from tap_pbx.archive import place_of
from tap_pbx.envelope import CALL, check_offset, events_of, integer, rows_of
from tap_pbx.event_types import event_type_rows, purpose_of, redact_pins
from tap_pbx.links import file_name_of, on_same_host, without_key
from tap_pbx.refusals import Refused, error_of, read_answer
from tap_pbx.wav import read_wav
from tap_shared.errors import CredentialsRefused, PleaseRetry, StreamFailed, StreamUnavailable

HOST = "https://pbx.primevox.net"


CALL_ROW = {"callDate": "2026-03-01 10:00:00"}


@pytest.mark.parametrize(
    "answer",
    [
        {"data": {"u": CALL_ROW}},
        {"data": [{"callUuid": "u", **CALL_ROW}]},
        {"maxResultSize": "1", "u": CALL_ROW},
        {"data": {"0": {"callUuid": "u", **CALL_ROW}}},
        {"maxResultSize": 1, "calls": {"u": CALL_ROW}},
        {"data": {"calls": {"u": CALL_ROW}}},
        {"data": {"calls": [{"callUuid": "u", **CALL_ROW}], "filters": {"showInbound": 1}}},
    ],
)
def test_rows_are_found_in_a_map_a_list_at_the_top_or_below(answer: dict[str, Any]) -> None:
    assert rows_of(answer, "data", CALL) == [{**CALL_ROW, "callUuid": "u"}]


@pytest.mark.parametrize("nothing", [[], {}, None, ""])
def test_nothing_may_be_written_in_any_way(nothing: object) -> None:
    assert rows_of({"data": nothing}, "data", CALL) == []


@pytest.mark.parametrize("other", ["text", 3, [1], {"u": 1}, {"u": {"a": 1}}])
def test_other_things_than_rows_are_tried_again(other: object) -> None:
    with pytest.raises(PleaseRetry):
        rows_of({"data": other}, "data", CALL)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"error":"Your API Auth Key is invalid."}', CredentialsRefused),
        (b'{"error":"Your Container ID is invalid."}', CredentialsRefused),
        (b'{"success":false,"message":"The supplied API Key is invalid.","data":[]}',
         CredentialsRefused),
        (b'"Your API Auth Key is invalid."', CredentialsRefused),
        (b"Your API Auth Key is invalid.", CredentialsRefused),
        (b'{"error":"Error connecting to the database. Try again later."}', PleaseRetry),
        (b'{"error":{"message":"Error connecting to the database, please try again later."}}',
         PleaseRetry),
        (b'{"error":"You do not have permission to access this tenant."}', StreamUnavailable),
        (b'{"error":"Your CallUUID is missing.","data":{}}', Refused),
        (b'<br />\n<b>Warning</b>: x<br />\n{"data":[]}', PleaseRetry),
        (b'{"maxResultSize":1,"data":{"u":{"callNotes":"API key x invalid', PleaseRetry),
        (b"", PleaseRetry),
        (b"[]", PleaseRetry),
    ],
)  # fmt: skip
def test_errors_are_found_before_rows(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_answer(body)


def test_an_empty_error_is_none() -> None:
    assert error_of({"error": "", "data": []}) is None
    assert error_of({"error": None, "message": "ok", "data": []}) is None
    assert error_of({"success": "Your call notes have been submitted."}) is None


def test_an_offset_that_was_not_asked_for_is_refused() -> None:
    for fine in ({}, {"utcOffset": 0}, {"utcOffset": "0"}, {"utcOffset": None}):
        check_offset(fine)
    for wrong in ({"utcOffset": -300}, {"utcOffset": "-300"}, {"utcOffset": "CST"}):
        with pytest.raises(StreamFailed):
            check_offset(wrong)


@pytest.mark.parametrize(
    ("value", "number"), [("12", 12), (13, 13), (" 7 ", 7), ("-3", -3), ("", None), ("x", None)]
)
def test_counts_may_be_texts(value: object, number: int | None) -> None:
    assert integer(value) == number


def test_events_are_not_mistaken_for_the_call_around_them() -> None:
    call = {"callUuid": "c", "duration": 3}
    event = {"eventType": "5"}
    named = [{"eventUuid": "e", "eventType": "5"}]
    assert events_of({**call, "data": {"e": event}}) == named
    assert events_of({"data": {"c": {**call, "events": {"e": event}}}}) == named
    assert events_of({**call, "e": event}) == named
    assert events_of({"data": {"c": call}}) == []


def test_the_key_is_taken_out_of_a_link_and_nothing_else() -> None:
    for link, bare in {
        f"{HOST}/r?auth=a%2Bb&tenantID=1&fileName=x": f"{HOST}/r?tenantID=1&fileName=x",
        f"{HOST}/r?AUTH=a": f"{HOST}/r",
        f"{HOST}/r?a%75th=a&b": f"{HOST}/r?b",
        f"{HOST}/a/b.wav?author=1#part": f"{HOST}/a/b.wav?author=1#part",
        "https://user:secret@host/x": "https://host/x",
        f"{HOST}/r/SECRET/x.wav": f"{HOST}/r/***/x.wav",
        "": "",
    }.items():
        assert without_key(link, lambda text: text.replace("SECRET", "***")) == bare


@pytest.mark.parametrize(
    ("link", "target"),
    [
        (f"{HOST}/a.wav", f"{HOST}/a.wav"),
        (f"{HOST}:443/a.wav#x", f"{HOST}:443/a.wav"),
        ("/a.wav", f"{HOST}/a.wav"),
        ("http://pbx.primevox.net/a.wav", None),
        ("https://pbx.primevox.net.evil.example/a.wav", None),
        ("https://pbx.primevox.net@evil.example/a.wav", None),
        ("//evil.example/a.wav", None),
        ("https://[broken/a.wav", None),
    ],
)
def test_only_the_configured_host_is_followed(link: str, target: str | None) -> None:
    assert on_same_host(link, HOST) == target


def test_file_names_come_from_the_query_or_the_path() -> None:
    assert file_name_of(f"{HOST}/x.php?fileName=..%2F..%2Fa.wav") == "../../a.wav"
    assert file_name_of(f"{HOST}/recordings/1/0/a%20b.WAV") == "a b.WAV"
    assert file_name_of(f"{HOST}/recordings/") is None
    assert file_name_of("") is None


def test_no_name_of_the_server_becomes_a_path() -> None:
    assert place_of("123456", "0", "2026-03-01", "abc-1") == "123456/0/2026-03-01/abc-1.wav"
    for evil in ("../../etc/passwd", "/abs", "", "a" * 300, "x\0y"):
        parts = place_of("123456", "0", "2026-03-01", evil).split("/")
        assert len(parts) == 4
        assert len(parts[-1]) == 64 + len(".wav")


def test_pins_are_hidden_where_the_table_says_and_nowhere_else() -> None:
    def after(kind: object, **data: object) -> dict[str, Any]:
        row: dict[str, Any] = {"eventType": kind, **data}
        redact_pins(row)
        return row

    assert after("40", eventData1="1234", eventData4="x") == {
        "eventType": "40", "eventData1": "***", "eventData4": "x",
    }  # fmt: skip
    assert after(64, eventData4=1234)["eventData4"] == "***"
    assert after(75, eventData4="12#")["eventData4"] == "***"
    assert after(64, eventData4="")["eventData4"] == ""
    assert after(52, eventData4="1")["eventData4"] == "1"
    assert after(None, eventData1="1")["eventData1"] == "1"


def test_the_table_names_98_types() -> None:
    assert [row["eventType"] for row in event_type_rows()] == list(range(1, 99))
    assert purpose_of("28") == "Attempt Ring Group"
    assert purpose_of(99) is purpose_of(None) is purpose_of("x") is None


def wav(samples: bytes, rate: int = 8000, channels: int = 1, extra: bytes = b"") -> bytes:
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + form + extra
    chunks += b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def read(content: bytes) -> object:
    return read_wav(io.BytesIO(content), len(content))


def test_a_whole_wav_says_how_long_it_is() -> None:
    assert read(wav(b"\0" * 8000)) == (0.5, 8000, 1)
    assert read(wav(b"\0" * 64000, 16000, 2)) == (1.0, 16000, 2)
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    assert read(wav(b"\0" * 16000, extra=odd)) == (1.0, 8000, 1)


def test_packed_samples_last_as_long_as_their_bytes_take() -> None:
    plain = wav(b"\0" * 65 * 50)
    head = struct.pack("<HHIIHH", 0x31, 1, 8000, 1625, 65, 0)  # GSM: 65 bytes for 320 samples
    assert read(plain.replace(plain[20:36], head, 1)) == (2.0, 8000, 1)


def test_what_is_cut_longer_or_no_wav_at_all_is_refused() -> None:
    whole = wav(b"\0" * 100)
    bad = [whole[:cut] for cut in (0, 4, 11, 30, len(whole) - 1)]
    bad += [whole + b"<html>", b"RIFF" + whole[4:8] + b"AVI " + whole[12:], b"<html></html>"]
    bad.append(whole.replace(struct.pack("<H", 1) + struct.pack("<I", 8000), b"\0" * 6))
    assert [read(content) for content in bad] == [None] * len(bad)
