from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tap_shared.noise import Repeats, quieten

TRY = "%s: %s; try %d of %d in %.1f s."


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Give the lines of a root handler of its own."""
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    monkeypatch.setattr(logging.getLogger(), "handlers", [Handler()])
    monkeypatch.delenv("SINGER_SDK_LOG_CONFIG", raising=False)
    logger = logging.getLogger("tap-noisy")
    yield lines
    logger.setLevel(logging.NOTSET)
    logger.getChild("http").filters.clear()


def speak() -> None:
    logger = logging.getLogger("tap-noisy")
    logger.warning("Config validation failed")
    logger.info("Beginning sync of '%s' in %s mode", "calls", "incremental")
    logger.error("An unhandled error occurred while syncing '%s'", "calls")
    logger.info("METRIC: %s", {"value": 1})
    logger.info("Reading %s.", "all rows")
    for number in (2, 3):
        logger.getChild("http").info(TRY, "GET /x", "HTTP 502", number, 8, 0.5)


@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG])
def test_only_debug_tells_everything(told: list[str], level: int) -> None:
    logging.getLogger("tap-noisy").setLevel(level)
    quieten("tap-noisy")
    speak()
    if level == logging.DEBUG:
        assert len(told) == 7
    else:
        assert told == ["Reading all rows.", "GET /x: HTTP 502; try 2 of 8 in 0.5 s."]


def test_machines_that_read_the_log_get_the_metrics(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SINGER_SDK_LOG_CONFIG", "logging.yml")
    logging.getLogger("tap-noisy").setLevel(logging.INFO)
    quieten("tap-noisy")
    speak()
    assert "METRIC: {'value': 1}" in told
    assert not any("Beginning" in line for line in told)


def passed(repeats: Repeats, *args: object, level: int = logging.INFO) -> str:
    record = logging.LogRecord("x", level, "x", 1, TRY, args, None)
    return record.getMessage() if repeats.filter(record) else ""


def test_each_subject_is_told_once_in_a_while_and_says_what_was_kept_back() -> None:
    now = 100.0
    repeats = Repeats(30, clock=lambda: now)
    said = ("HTTP 502", 2, 8, 0.5)
    assert passed(repeats, "GET /a", *said)
    assert passed(repeats, "GET /b", *said)
    now += 10
    assert not passed(repeats, "GET /a", *said)
    assert not passed(repeats, "GET /a", "HTTP 500", 3, 8, 0.5)
    now += 20
    told = passed(repeats, "GET /a", *said)
    assert told == "GET /a: HTTP 502; try 2 of 8 in 0.5 s. (2 more since the last.)"
    now += 30
    assert "more" not in passed(repeats, "GET /a", *said)


def test_a_long_wait_is_told_among_short_ones_and_so_is_a_warning() -> None:
    repeats = Repeats(30, clock=lambda: 5.0)
    assert passed(repeats, "GET /a", "HTTP 429", 2, 8, 1.0)
    assert passed(repeats, "GET /a", "HTTP 429", 2, 8, 600.0)
    assert not passed(repeats, "GET /a", "HTTP 429", 2, 8, 600.0)
    assert passed(repeats, "GET /a", "HTTP 429", 2, 8, 600.0, level=logging.WARNING)
