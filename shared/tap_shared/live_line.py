"""The line at the bottom of a terminal that tells how far a run is.

It is one line only: a loader that writes to the same terminal knows nothing of it, and none of its
lines may be erased. Log lines go above it. Standard output, which carries the records, is never
touched.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from singer_sdk.logging import ConsoleFormatter

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["LiveLine", "is_watched"]

_A_SECOND = 4
_MARGIN = 3  # columns left free: the terminal's own `^C` must not begin a new line


def is_watched() -> bool:
    """Tell whether somebody looks, at a terminal that can erase lines and shows no records."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") in {"", "dumb", "unknown"}
    return not plain and sys.stderr.isatty() and not sys.stdout.isatty()


class LiveLine:
    """A line that is drawn anew four times a second, below the log.

    Args:
        line: Gives its text; it is cut to the terminal's width.
    """

    def __init__(self, line: Callable[[], str]) -> None:
        """Draw it, and lead the log's handlers above it."""
        # Only here is `rich` worth the time that its import takes.
        from rich.console import Console  # noqa: PLC0415
        from rich.live import Live  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        class Visible(Console):
            """A console whose cursor is never hidden: a killed run could not show it again."""

            def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002
                return False

        console = Visible(file=sys.stderr, highlight=False)

        def draw() -> Text:
            text = Text(line(), style="dim", no_wrap=True, end="")
            text.truncate(max(1, console.width - _MARGIN), overflow="ellipsis")
            return text

        self._live = Live(
            console=console, get_renderable=draw, refresh_per_second=_A_SECOND, transient=True,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        above = _Above(console)
        self._led: list[tuple[logging.StreamHandler[Any], Any]] = [
            (handler, handler.setStream(above))
            for handler in logging.getLogger().handlers
            if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
        ]
        self._live.start()

    def close(self) -> None:
        """Take it away; the log's handlers write as before."""
        with ExitStack() as held:
            # What another thread logs meanwhile would land behind the line that is going.
            for handler, _ in self._led:
                handler.acquire()
                held.callback(handler.release)
            self._live.stop()
            for handler, stream in self._led:
                handler.setStream(stream)

    @contextmanager
    def bare(self) -> Iterator[None]:
        """Leave time, level and name out of what people read: a table has no room for them."""
        kept = [(handler, handler.formatter) for handler, _ in self._led]
        plain = [pair for pair in kept if isinstance(pair[1], ConsoleFormatter)]
        for handler, _ in plain:
            handler.setFormatter(logging.Formatter())
        try:
            yield
        finally:
            for handler, formatter in plain:
                handler.setFormatter(formatter)


class _Above(io.TextIOBase):
    """Writes whole lines above the live one, as they are."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def write(self, text: str) -> int:
        self._console.out(text, end="", highlight=False)
        return len(text)
