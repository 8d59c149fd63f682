"""The exports' own pace within the credential's: one request at a time, few a minute.

They have another host but the same token, so each of their requests also takes a place among those
that the settings allow. 10 requests a minute: https://posthog.com/docs/data-pipelines/sources/dixa
(conversations; that messages have no more is inferred).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tap_shared.rate_limit import RateLimit

__all__ = ["ExportsGate"]

_PER_MINUTE = 10


class ExportsGate(RateLimit):
    """The gate of the exports.

    Args:
        credential: The gate of all requests with the token.
        per_minute: The setting; 0 for no limit of our own.
    """

    def __init__(self, credential: RateLimit, per_minute: float) -> None:
        """Open the gate."""
        super().__init__(in_flight=1, per_minute=min(per_minute, _PER_MINUTE))
        self._credential = credential

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a place in both gates from the start of a request to its end.

        Raises:
            Stopped: The run is ending.
        """
        with super().slot(), self._credential.slot():
            yield

    def pause(self, seconds: float) -> None:
        """Wait, unless the run is ending.

        Raises:
            Stopped: The run is ending.
        """
        self._credential.pause(seconds)
