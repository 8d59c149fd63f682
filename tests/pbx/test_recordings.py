"""Recordings: what becomes of good, missing and broken ones, and where the key does not go."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from contact_sandbox.pbx.api import KEY
from tap_pbx.archive import Archive
from tap_pbx.recordings import Recordings
from tap_shared.errors import StreamFailed
from tests.pbx.syncing import Pbx, Row, serving
from tests.pbx.telling import CALLS, RECORDING, Said, Telling, call, listing
from tests.pbx.test_answers import wav

NUMBERS = ("bytes", "sha256", "duration_seconds", "sample_rate", "channels")


@pytest.fixture(name="pbx")
def _pbx(tmp_path: Path) -> Iterator[Pbx]:
    with serving(tmp_path, days=4, calls=60) as pbx:
        yield pbx


def test_every_recording_is_stored_or_says_why_not(pbx: Pbx, tmp_path: Path) -> None:
    folder = tmp_path / "audio"
    run = pbx.sync("call_recordings", recordings_dir=str(folder))
    assert run.code == 0
    got, wanted, listed = run.records("call_recordings"), pbx.vendor.audio(), pbx.vendor.expected(
        "call_recordings"
    )  # fmt: skip
    assert got.keys() == wanted.keys() == listed.keys()
    for key, truth in wanted.items():
        assert got[key]["status"] == truth["status"], got[key]
        assert got[key]["file_name"] == (listed[key]["fileName"] or None)
        assert KEY not in (got[key]["recording_url"] or "")
        if truth["status"] == "stored":
            assert {name: got[key][name] for name in NUMBERS} == {
                name: pytest.approx(truth[name]) for name in NUMBERS
            }
            content = Path(got[key]["stored_path"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == truth["sha256"]
        else:
            assert got[key].get("stored_path") is None
    assert {row["status"] for row in wanted.values()} == {"stored", "missing", "invalid"}
    files = [path for path in tmp_path.rglob("*") if path.suffix in {".wav", ".part"}]
    assert all(path.is_relative_to(folder) and path.suffix == ".wav" for path in files)
    assert len(files) == Counter(row["status"] for row in wanted.values())["stored"]


def test_what_is_stored_is_not_fetched_again_and_what_is_damaged_is(
    pbx: Pbx, tmp_path: Path
) -> None:
    first = pbx.sync("call_recordings", recordings_dir=str(tmp_path / "audio"))
    rows = [row for row in first.rows("call_recordings") if row["status"] == "stored"]
    damaged = Path(rows[0]["stored_path"])
    damaged.write_bytes(damaged.read_bytes()[:-100])
    pbx.server.log.clear()
    second = pbx.sync("call_recordings", recordings_dir=str(tmp_path / "audio"))
    assert second.records("call_recordings") == first.records("call_recordings")
    sent = [e for e in pbx.server.log.entries if "/api/call_list" not in e.path]
    names = Counter(e.query.get("fileName", [e.path.rpartition("/")[2]])[0] for e in sent)
    fetched = [row for row in rows if names[row["file_name"]]]
    assert [row["callUuid"] for row in fetched] == [rows[0]["callUuid"]]


def test_without_a_folder_recordings_are_listed_and_nothing_is_fetched(pbx: Pbx) -> None:
    run = pbx.sync("call_recordings")
    assert run.records("call_recordings").keys() == pbx.vendor.audio().keys()
    assert {row["status"] for row in run.rows("call_recordings")} == {"listed"}
    assert set(pbx.paths()) == {"/api/call_list.php"}


def test_the_key_goes_to_the_configured_host_only_and_once(pbx: Pbx, tmp_path: Path) -> None:
    run = pbx.sync("call_recordings", recordings_dir=str(tmp_path / "audio"))
    foreign = [r for r in run.rows("call_recordings") if "127.0.0.2" in (r["recording_url"] or "")]
    assert foreign
    assert {row["status"] for row in foreign} == {"stored"}
    assert all(entry.query["auth"] == [KEY] for entry in pbx.server.log.entries)


def test_a_storage_that_fsspec_knows_receives_the_audio(pbx: Pbx) -> None:
    run = pbx.sync("call_recordings", recordings_dir="memory://audio/pbx")
    stored = [row for row in run.rows("call_recordings") if row["status"] == "stored"]
    assert len(stored) == Counter(r["status"] for r in pbx.vendor.audio().values())["stored"]
    assert all(row["stored_path"].startswith("memory://") for row in stored)


AUDIO = wav(b"\0" * 8000)
VENDOR = "https://pbx.primevox.net"
LINK = f"{VENDOR}/api/call_recording.php?auth=told%2Bkey%2F%3D%3D&tenantID=0&fileName=a.wav"


def told_of(told: Telling, folder: Path, said: Said, **fields: Any) -> tuple[Row, str]:
    """Give the row of the one recording that the PBX tells of, and what was logged."""
    recorded = call(**{"callRecorded": 1, "recordingUrl": LINK, **fields})
    paths = (RECORDING, "/recordings/a.wav")
    run = told.run(
        {CALLS: listing(recorded), **dict.fromkeys(paths, said)}, "call_recordings",
        recordings_dir=str(folder),
    )  # fmt: skip
    assert run.code == 0
    [row] = run.rows("call_recordings")
    return row, run.err


def test_a_recording_comes_field_by_field_and_nothing_is_left_over(
    told: Telling, tmp_path: Path
) -> None:
    row, _ = told_of(told, tmp_path, AUDIO)
    assert row == {
        "container_id": "654321", "tenant_id": "0", "callUuid": "c-1",
        "callDate": "2026-03-01T10:00:00.000000Z",
        "recording_url": LINK.replace("auth=told%2Bkey%2F%3D%3D&", ""), "file_name": "a.wav",
        "status": "stored", "stored_path": f"{tmp_path}/654321/0/2026-03-01/c-1.wav",
        "bytes": len(AUDIO), "sha256": hashlib.sha256(AUDIO).hexdigest(),
        "duration_seconds": 0.5, "sample_rate": 8000, "channels": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ((404, "<html>"), "missing"),
        ((410, {"error": "Recording was deleted"}), "missing"),
        ((400, {"error": "Invalid file"}), "missing"),
        (b"", "missing"),
        ("File not found.", "missing"),
        ({"error": "The requested recording could not be located."}, "missing"),
        ({"error": "The recording does not exist in this container."}, "missing"),
        ({"error": "Your fileName is invalid."}, "missing"),
        ("<html>Recording not found</html>", "invalid"),
        ("Hello", "invalid"),
        ({"data": []}, "invalid"),
        (AUDIO[:-10], "invalid"),
        (AUDIO + b"<html>", "invalid"),
    ],
    ids=range(13),
)
def test_what_comes_in_place_of_audio_is_a_row_and_never_a_failure(
    told: Telling, tmp_path: Path, said: Said, status: str
) -> None:
    row, err = told_of(told, tmp_path, said)
    assert row["status"] == status
    assert ("check recording_path" in err) is ("nvalid" in str(said))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("link", "path", "name"),
    [
        (LINK, RECORDING, "a.wav"),
        (f"{VENDOR}/get.php?tenant=0&file=a.wav", RECORDING, "a.wav"),
        (f"{VENDOR}/recordings/a.wav", RECORDING, "a.wav"),
        ("a.wav", RECORDING, "a.wav"),
        ("/recordings/a.wav", "/recordings/a.wav", None),
        ("/api/call_recording.php?fileName=a.wav", RECORDING, "a.wav"),
        ("/api/c2c_v2.php?fileName=a.wav", RECORDING, "a.wav"),
    ],
)
def test_a_link_in_any_form_leads_to_its_file_of_its_tenant(
    told: Telling, tmp_path: Path, link: str, path: str, name: str | None
) -> None:
    row, _ = told_of(told, tmp_path, AUDIO, recordingUrl=link)
    assert (row["status"], row["file_name"]) == ("stored", "a.wav")
    asked, query = told.asked[-1]
    assert (asked, query["tenantID"], query.get("fileName")) == (path, "0", name)


@pytest.mark.parametrize(
    ("marked", "link", "rows"),
    [(True, None, 1), ("true", "", 1), ("no", None, 0), ("off", "", 0), ("", " ", 0), (2, "", 1)],
)
def test_a_call_has_a_recording_by_its_mark_or_its_link(
    told: Telling, marked: object, link: str | None, rows: int
) -> None:
    calls = listing(call(callRecorded=marked, recordingUrl=link))
    assert len(told.run({CALLS: calls}, "call_recordings").rows("call_recordings")) == rows


def test_a_storage_that_fails_in_its_own_way_is_told_by_the_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive = Archive("memory://audio")
    monkeypatch.setattr(archive, "stored", mock.Mock(side_effect=LookupError("no credentials")))
    recordings = Recordings(mock.Mock(), "/x", archive, 1, logging.getLogger(__name__))
    row = {"container_id": "1", "tenant_id": "0", **call(recordingUrl=LINK)}
    with pytest.raises(StreamFailed, match=r"recordings_dir cannot be used \(LookupError\)"):
        recordings.fetch(row)
