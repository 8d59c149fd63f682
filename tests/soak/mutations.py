"""Flaws that a soak must find: each is built into a tap's process before it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from tap_shared import reading, state, stream, windows
from tap_shared.writer import PageWriter

__all__ = ["MUTATIONS"]


def _no_lookback() -> None:
    """Read from the bookmark on, so that late and changed rows are missed."""
    decide = windows.span_of_run

    def span(**given: Any) -> windows.Span:
        return decide(**{**given, "lookback": timedelta(0)})

    patch.object(stream, "span_of_run", span).start()


def _early_watermark() -> None:
    """Move the watermark to the run's end at the first window's end, so that a kill loses rows."""
    move = state.mark

    def mark(entry: Any, key: str, _: datetime, run_start: datetime) -> None:
        move(entry, key, run_start, run_start)

    patch.object(reading, "mark", mark).start()


def _dropped_rows() -> None:
    """Leave the last row of a long page out."""
    write = PageWriter.write_page

    def short(writer: PageWriter, name: str, records: Any, *more: Any) -> None:
        write(writer, name, records[:-1] if len(records) > 50 else records, *more)

    patch.object(PageWriter, "write_page", short).start()


MUTATIONS: Mapping[str, Callable[[], None]] = {
    "no lookback": _no_lookback,
    "early watermark": _early_watermark,
    "dropped rows": _dropped_rows,
}
"""What is wrong -> builds it in."""
