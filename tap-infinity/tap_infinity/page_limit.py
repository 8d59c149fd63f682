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

__all__ = ["LimitTooHigh", "PageLimit", "is_of_limit"]

T = TypeVar("T")

_OF_PACE = re.compile(r"\brate\b|\brequests\b", re.IGNORECASE)


class LimitTooHigh(PleaseRetry):
    """The vendor refuses the page size; a smaller one may do."""


def is_of_limit(said: str) -> bool:
    """Tell whether a message of the vendor is about the page size, not about the pace."""
    return "limit" in said.lower() and _OF_PACE.search(said) is None


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
                self.value = refused // 2
                self._log.warning(
                    "The vendor refuses %d rows a request; going on with %d. Set page_size so.",
                    refused, self.value,
                )  # fmt: skip
