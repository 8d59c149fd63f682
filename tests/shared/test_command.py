from __future__ import annotations

import logging

import pytest

from tap_shared.command import OneLineCommand
from tap_shared.errors import StreamFailed, Terminated


class Stopped(logging.Logger):
    """A logger that is at work when the signal arrives."""

    def error(self, msg: object, *args: object, **kwargs: object) -> None:  # noqa: ARG002
        raise Terminated(15)


def test_a_signal_while_a_failure_is_told_is_still_the_exit_code() -> None:
    def fail() -> None:
        raise StreamFailed("No.")

    command = OneLineCommand("tap", callback=fail, logger=Stopped("tap"))
    with pytest.raises(SystemExit) as ended:
        command.main([])
    assert ended.value.code == 143
