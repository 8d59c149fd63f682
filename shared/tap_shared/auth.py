"""Credentials into headers, and sessions that are renewed once for all threads."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Session", "Token", "basic", "header"]


def header(name: str, value: str) -> Mapping[str, str]:
    """Give the header that carries a static key, byte for byte but for outer white space."""
    return {name: value.strip()}


def basic(username: str, password: str) -> Mapping[str, str]:
    """Give the HTTP Basic header of a login."""
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


@dataclass(frozen=True, slots=True)
class Token:
    """A session token and the moment (unix seconds) at which it ends."""

    value: str
    expires_at: float


class Session:
    """A token that a login gives, renewed ahead of its end, by one thread for all.

    Args:
        login: Gets a new token from the vendor.
        margin: Seconds before its end at which a token is renewed.
        clock: Unix seconds, for tests.
    """

    def __init__(
        self,
        login: Callable[[], Token],
        *,
        margin: float = 300,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Log in only when a token is first asked for."""
        self._login = login
        self._margin = margin
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._renew_at = 0.0

    def token(self) -> str:
        """Give a token that is good for a while."""
        with self._lock:
            if self._token is None or self._clock() > self._renew_at:
                self._token = self._login()
                left = self._token.expires_at - self._clock()
                # A session shorter than the margin is still used for half of its life.
                self._renew_at = self._token.expires_at - min(self._margin, left / 2)
            return self._token.value

    def refused(self, value: str) -> None:
        """Forget a token that the vendor refused, unless another thread has renewed it already."""
        with self._lock:
            if self._token is not None and self._token.value == value:
                self._token = None
