"""What the log leaves out above DEBUG: lines of the SDK that tell nothing new, and repetitions.

In a log that the user has set up (`SINGER_SDK_LOG_CONFIG`, as Meltano does) the SDK's metrics stay:
machines read them.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

__all__ = ["Repeats", "quieten"]

_SECONDS = 30.0
_LONG = 60.0
_TOLD_BETTER = (
    "An unhandled error occurred while syncing '%s'",  # its own sentence follows
    "Config validation failed",  # so does that of the setting
    "Beginning sync of '%s' in %s mode",
    "Parsing env var for settings config...",
    "Parsing '%s' config from env variable '%s'.",
    "Skipping parse of env var settings...",
)
_METRIC = "METRIC: %s"


def quieten(name: str) -> None:
    """Leave noise out of the log of a tap, unless it is to tell everything.

    Args:
        name: The tap's.
    """
    logger = logging.getLogger(name)
    if logger.isEnabledFor(logging.DEBUG):
        return
    left_out = {*_TOLD_BETTER}
    if "SINGER_SDK_LOG_CONFIG" not in os.environ:
        left_out.add(_METRIC)
    for handler in logging.getLogger().handlers:
        handler.addFilter(lambda record: record.msg not in left_out)
    logger.getChild("http").addFilter(Repeats())


class Repeats(logging.Filter):
    """Lets a line about one subject pass once in a while, and tells how many it kept back.

    Many threads meet the same fault at the same time. The subject is a record's first argument, the
    request that is tried again; a long pause, which is its last argument, is told by itself.

    Args:
        seconds: How long a subject is left alone.
        clock: Monotonic seconds, for tests.
    """

    def __init__(
        self, seconds: float = _SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with nothing told."""
        super().__init__()
        self._seconds = seconds
        self._clock = clock
        self._told: dict[object, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether to write a record; those above INFO always are."""
        args = record.args
        if record.levelno > logging.INFO or not isinstance(args, tuple) or not args:
            return True
        pause, now = args[-1], self._clock()
        subject = (args[0], isinstance(pause, float) and pause >= _LONG)
        with self._lock:
            last, kept_back = self._told.get(subject, (now - self._seconds, 0))
            if now - last < self._seconds:
                self._told[subject] = (last, kept_back + 1)
                return False
            self._told[subject] = (now, 0)
        if kept_back:
            record.msg, record.args = (
                f"{record.getMessage()} ({kept_back} more since the last.)",
                (),
            )
        return True
