"""Recordings: what becomes of good, missing and broken ones, and where the key does not go."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from contact_sandbox.pbx.api import KEY
from tests.pbx.syncing import Pbx, serving

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
