"""What stands before the service: credentials, rate limits and the daily quota."""

from __future__ import annotations

import base64
import time
from collections import deque

from contact_sandbox.dixa.periods import RefusedError

TOKEN = "sandbox-dixa-token"  # noqa: S105 - obviously fake
_RATE = 10.0
_BURST = 4
_MINUTE = 60.0


def authorize(header: str | None, *, exports: bool) -> None:
    """Check the Authorization header.

    The main API takes the token as it is or after `Bearer`; the exports take `Bearer` or Basic
    with the user `bearer` and the token as password.

    Raises:
        RefusedError: 401; a missing and a wrong token look alike.
    """
    basic = base64.b64encode(f"bearer:{TOKEN}".encode()).decode()
    accepted = {f"Bearer {TOKEN}", f"Basic {basic}" if exports else TOKEN}
    if header not in accepted:
        raise RefusedError("Unauthorized", 401)


class Gateway:
    """Counts requests as the vendor's gateway does; not safe for threads by itself."""

    def __init__(self, *, limits: bool, exports_per_minute: int, daily_quota: int) -> None:
        """Set the limits.

        Args:
            limits: Whether 10 requests a second with bursts of 4 are enforced.
            exports_per_minute: Requests a minute to each export; 0 for any number.
            daily_quota: Requests in all; 0 for any number.
        """
        self._limits = limits
        self._exports_per_minute = exports_per_minute
        self._quota = daily_quota
        self._count = 0
        self._tokens = float(_BURST)
        self._filled = time.monotonic()
        self._exports: dict[str, deque[float]] = {}

    def admit(self, path: str, *, exports: bool) -> None:
        """Let a request through.

        Raises:
            RefusedError: 429, with the gateway's own wording.
        """
        self._count += 1
        if self._quota and self._count > self._quota:
            raise RefusedError("Limit Exceeded", 429)
        now = time.monotonic()
        if exports:
            self._admit_export(path, now)
        elif self._limits:
            self._tokens = min(_BURST, self._tokens + (now - self._filled) * _RATE)
            self._filled = now
            if self._tokens < 1:
                raise RefusedError("Too Many Requests", 429)
            self._tokens -= 1

    def _admit_export(self, path: str, now: float) -> None:
        """Let a request to an export through unless its minute is used up."""
        if not self._exports_per_minute:
            return
        recent = self._exports.setdefault(path, deque())
        while recent and now - recent[0] >= _MINUTE:
            recent.popleft()
        if len(recent) >= self._exports_per_minute:
            raise RefusedError("Too Many Requests", 429)
        recent.append(now)
