from __future__ import annotations

from typing import Any

import pytest

from dev.pipeline import Narrator, Outcome, note, secrets_of
from dev.report import bookmark, overview, table


def entry(
    event: str, *, level: str = "info", consumer: bool = False, **more: Any
) -> dict[str, Any]:
    return {"stdio": "stderr", "consumer": consumer, "event": event, "level": level, **more}


def counted(stream: str, value: int, *, consumer: bool) -> dict[str, Any]:
    metric = {"metric": "record_count", "value": value, "tags": {"stream": stream}}
    return entry("METRIC", consumer=consumer, metric_info=metric)


def told(*entries: dict[str, Any], hidden: tuple[str, ...] = ()) -> Outcome:
    outcome = Outcome("tap-dixa")
    show = Narrator("tap-dixa", list(hidden))
    for one in entries:
        note(outcome, one, show)
    return outcome


def test_the_loaders_counts_win_over_the_taps() -> None:
    outcome = told(counted("calls", 5, consumer=False), counted("calls", 4, consumer=True))
    assert outcome.read == {"calls": 4}


def test_what_a_failed_loader_did_not_count_was_not_loaded() -> None:
    end = {"event": "Block run completed", "err": "Loader failed", "exit_codes": {"loaders": 1}}
    outcome = told(counted("calls", 5, consumer=False), end)
    assert outcome.read == {}
    assert outcome.reason == "Loader failed"
    refused = entry("cannot connect", level="error", consumer=True)
    assert told(counted("calls", 5, consumer=False), refused).read == {}


def test_partial_counts_of_a_stream_add_up() -> None:
    outcome = told(counted("calls", 5, consumer=False), counted("calls", 2, consumer=False))
    assert outcome.read == {"calls": 7}


def test_counts_are_read_from_an_unstructured_log_too() -> None:
    text = 'METRIC: {"metric":"record_count","value":3,"tags":{"stream":"tags"}}'
    assert told(entry(text, consumer=True)).read == {"tags": 3}


def test_the_reason_is_the_taps_own_sentence_once() -> None:
    refused = entry("Stream 'chats' was refused.", level="error")
    outcome = told(refused, refused, entry("closing"), {"event": "end", "err": "Extractor failed"})
    assert outcome.reason == "Stream 'chats' was refused."


def test_without_an_error_line_the_last_words_are_the_reason() -> None:
    assert told(entry("ImportError: no module"), {"event": "x", "err": "y"}).reason == (
        "ImportError: no module"
    )
    assert (
        told({"event": "Block run completed", "err": "no such plugin"}).reason == "no such plugin"
    )


def test_secrets_are_blotted_out(capsys: pytest.CaptureFixture[str]) -> None:
    hidden = secrets_of(
        {
            "TAP_DIXA_API_TOKEN": "fake-dixa-token",
            "TARGET_POSTGRES_SQLALCHEMY_URL": "postgresql://u:fake-password@h/d",
            "TAP_DIXA_START_DATE": "2024-01-01",
            "HOME": "somewhere",
        }
    )
    event = "GET 2024-01-01 fake-dixa-token to postgresql://u:fake-password@h/d failed"
    outcome = told(entry(event, level="error"), hidden=tuple(hidden))
    assert outcome.reason == "GET 2024-01-01 *** to *** failed"
    assert "fake-" not in capsys.readouterr().out


def test_a_sign_of_life_shows_no_statement_of_the_loader(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dev.pipeline.SIGN_OF_LIFE_SECONDS", -1)
    told(entry("INSERT INTO x VALUES (:y)", consumer=True), entry("Reading all rows."))
    assert capsys.readouterr().out.splitlines() == [
        "  tap-dixa goes on: loading",
        "  tap-dixa goes on: Reading all rows.",
    ]


def test_a_partitioned_bookmark_shows_the_earliest() -> None:
    parts = [{"replication_key_value": value} for value in ("2024-02-02", "2024-01-01")]
    assert bookmark({"partitions": parts}) == "2024-01-01 (earliest of 2)"
    assert bookmark({"replication_key_value": "2024-03-03"}) == "2024-03-03"
    assert bookmark({}) == "-"


def test_the_table_lists_streams_that_are_only_in_the_warehouse() -> None:
    outcome = told(counted("calls", 4, consumer=True))
    outcome.bookmarks = {"calls": {"replication_key_value": "2024-03-03"}}
    rows = {"tap-dixa": {"calls": 1200, "old_stream": 7}}
    lines = table([outcome], rows).splitlines()
    assert [line.split() for line in lines[2:]] == [
        ["tap-dixa", "calls", "1,200", "4", "2024-03-03"],
        ["tap-dixa", "old_stream", "7", "0", "-"],
    ]
    assert overview([outcome], rows) == ("Read 4 rows this run; the warehouse holds 1,207 (0.3 %).")


def test_an_uncounted_warehouse_and_a_failure_are_said() -> None:
    outcome = told(counted("calls", 4, consumer=True))
    outcome.code = 1
    assert "?" in table([outcome], {"tap-dixa": None})
    assert overview([outcome], {"tap-dixa": None}) == "Read 4 rows this run. Failed: tap-dixa."
