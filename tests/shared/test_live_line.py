"""What other threads log while the line comes and goes stays on lines of its own."""

from __future__ import annotations

import io
import logging
import threading
from typing import Any

import pytest

from tap_shared.live_line import LiveLine

LINE = "calls up to noon"


class Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


def test_a_line_that_is_logged_while_the_live_one_goes_is_not_glued_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    handler = logging.StreamHandler(terminal)
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    record = logging.LogRecord("x", logging.INFO, "x", 1, "told meanwhile", (), None)
    line = LiveLine(lambda: LINE)
    line._live.refresh()
    assert LINE in terminal.getvalue()

    console = line._live.console
    unhook = console.pop_render_hook
    others: list[threading.Thread] = []

    def unhook_slowly(*args: Any) -> None:
        unhook(*args)
        others.append(threading.Thread(target=handler.handle, args=[record]))
        others[0].start()
        others[0].join(timeout=0.5)

    monkeypatch.setattr(console, "pop_render_hook", unhook_slowly)
    line.close()
    others[0].join(timeout=10)
    assert not others[0].is_alive()
    before = terminal.getvalue().partition("told meanwhile")[0]
    assert before.endswith(("\x1b[2K", "\n")), before
