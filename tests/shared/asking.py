"""How tests ask a raw server over the transport."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from tap_shared.errors import (
    StreamFailed,
)
from tap_shared.http import Limits, Reply, Request, Transport, gateway_faults
from tap_shared.page import decode
from tap_shared.rate_limit import RateLimit
from tests.shared.raw_server import RawServer, reply

__all__ = ["GET", "LIMITS", "OK", "SECRET", "faults", "get", "parse", "transport"]

GET = Request("GET /things", "/things", params=(("token", "query-secret"),))
LIMITS = Limits(attempts=3, timeout=1, attempt_seconds=2, backoff_seconds=0.02, body_bytes=1 << 20)
SECRET = {"Authorization": "Bearer sandbox-credential"}


def faults(answer: Reply) -> None:
    gateway_faults(answer)
    if answer.status >= 300:
        raise StreamFailed(f"HTTP {answer.status}")


def transport(url: str, limits: Limits = LIMITS, headers: Any = None) -> Transport:
    return Transport(
        url,
        headers=SECRET if headers is None else headers,
        gate=RateLimit(in_flight=8),
        limits=limits,
        logger=logging.getLogger("http-test"),
        faults=faults,
    )


def parse(answer: Reply) -> Any:
    return decode(answer.body, dict)


def get(
    server: RawServer, limits: Limits = LIMITS, request: Request = GET,
    reader: Callable[[Reply], Any] = parse,
) -> Any:  # fmt: skip
    return transport(server.url, limits).send(request, reader)


OK = reply(b'{"rows": [1]}')
