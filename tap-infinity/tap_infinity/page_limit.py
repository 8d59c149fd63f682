"""Page sizes that the vendor refuses.

Older clients met a cap of 10,000 and an error above it (https://github.com/ETikalenko/Infinity);
the refusal's text is not known but for what it is about.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from typing import TypeVar

from tap_shared.errors import PleaseRetry, StreamFailed

__all__ = ["CAPS", "LimitTooHigh", "PageLimit", "is_of_limit", "is_passing"]

T = TypeVar("T")

CAPS = frozenset({50_000, 10_000, 1_000})
"""Page sizes that the vendor was seen to cap at."""

_OF_PACE = re.compile(r"\brate\b|\brequests\b", re.IGNORECASE)
_PASSING = re.compile(
    r"\b(again|later|time|timed|time-?out|memory|connections?|quota|daily|busy|overload\w*)\b",
    re.IGNORECASE,
)


class LimitTooHigh(PleaseRetry):
    """The vendor refuses the page size; a smaller one may do."""


def is_of_limit(said: str) -> bool:
    """Tell whether a message of the vendor is about the page size, not about the pace."""
    return "limit" in said.lower() and _OF_PACE.search(said) is None


def is_passing(said: str) -> bool:
    """Tell whether a message speaks of something that passes, such as a limit of time."""
    return _PASSING.search(said) is not None


class PageLimit:
    """A page size that the vendor may find too large; what it accepted is remembered.

    Args:
        value: Rows a request.
        logger: Where a reduction is told.
    """

    def __init__(self, value: int, logger: logging.Logger) -> None:
        """Begin with the wish."""
        self.value = value
        self._lock = threading.Lock()
        self._log = logger

    def use(self, ask: Callable[[int], T]) -> T:
        """Ask with the present limit, halved as often as the vendor refuses it.

        Raises:
            StreamFailed: It refuses even one row.
        """
        while True:
            limit = self.value
            try:
                return ask(limit)
            except LimitTooHigh as err:
                if limit <= 1:
                    raise StreamFailed(str(err)) from None
                self._halve(limit)

    def _halve(self, refused: int) -> None:
        with self._lock:
            if self.value >= refused:
                # A cap that lies between is the likelier size.
                self.value = max(refused // 2, *(cap for cap in (0, *CAPS) if cap < refused))
                self._log.warning(
                    "The vendor refuses %d rows a request; going on with %d. Set page_size so.",
                    refused, self.value,
                )  # fmt: skip
