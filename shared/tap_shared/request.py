"""One request, as a tap asks for it, and the bounds it is held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Limits", "Request"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request.

    Attributes:
        attempts: Tries that may fail.
        timeout: Seconds without a byte before an attempt fails.
        attempt_seconds: Seconds one attempt may last in all, however slowly bytes drip.
        total_seconds: Seconds after which no further attempt begins.
        longest_wait: Longest wait, in seconds, that a vendor may ask for.
        body_bytes: Largest answer, after decompression.
        backoff_seconds: Cap of one pause between attempts.
    """

    attempts: int = 8
    timeout: float = 120
    attempt_seconds: float = 900
    total_seconds: float = 3600
    longest_wait: float = 900
    body_bytes: int = 256 << 20
    backoff_seconds: float = 60


@dataclass(frozen=True, slots=True)
class Request:
    """One request, without its credentials.

    Attributes:
        what: What it asks for, for logs and errors (`get.calls_report`, `GET /v1/agents`).
        method: HTTP method.
        path: Path below the API's URL, or an absolute URL on the same host.
        params: Query pairs.
        body: JSON body, or form pairs where `form` is set.
        form: Whether the body is form-encoded.
        headers: Further headers.
        is_window: Whether it asks for a range of time, which may be halved where answers time out.
    """

    what: str
    path: str
    method: str = "GET"
    params: tuple[tuple[str, str], ...] = ()
    body: Any = None
    form: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    is_window: bool = False
