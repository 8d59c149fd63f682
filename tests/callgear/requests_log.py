"""Reads the requests that reached an account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.contract.bench import Bench

__all__ = ["asked", "length"]


def asked(account: Bench, method: str = "") -> list[Mapping[str, Any]]:
    """Give the parameters of all requests, or of one method's, in order."""
    calls = [json.loads(entry.body) for entry in account.server.log.entries]
    return [call["params"] for call in calls if not method or call["method"] == method]


def length(params: Mapping[str, Any]) -> timedelta:
    """Give how long the asked range is."""
    first, last = (datetime.fromisoformat(params[name]) for name in ("date_from", "date_till"))
    return last - first
