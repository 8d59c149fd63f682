"""Keys, sessions and the budget of points."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from contact_sandbox.callgear.errors import RpcError

TOKEN = "sandbox-callgear-token"  # noqa: S105 - obviously fake
LOGIN = "sandbox"
PASSWORD = "sandbox-password"  # noqa: S105 - obviously fake

_UNLIMITED = 1_000_000


class Sessions:
    """The permanent key and the sessions of the account; call it under a lock."""

    def __init__(self, options: Mapping[str, Any], app_id: int) -> None:
        """Take `session_seconds`, `session_requests` and `key_requests` from the options."""
        self._options = options
        self._app_id = app_id
        self._sessions: dict[str, list[float]] = {}
        self._opened = 0
        self._key_uses = 0

    def login(self, params: dict[str, Any]) -> dict[str, Any]:
        """Open a session; return its token, its end in epoch seconds and the account's id."""
        for name in ("login", "password"):
            if name not in params:
                raise RpcError("required_parameter_missed", field=name)
        unexpected = sorted(set(params) - {"login", "password"})
        if unexpected:
            raise RpcError("unexpected_parameters", field=unexpected[0])
        if (params["login"], params["password"]) != (LOGIN, PASSWORD):
            raise RpcError("auth_error", field="login", value=params["login"])
        self._opened += 1
        token = f"sandbox-session-{self._opened}"
        end = time.time() + self._options["session_seconds"]
        self._sessions[token] = [end, 0]
        return {"access_token": token, "expire_at": int(end), "app_id": self._app_id}

    def logout(self, params: dict[str, Any]) -> dict[str, Any]:
        """Close the session of a checked token."""
        self._sessions.pop(params["access_token"], None)
        return {}

    def check(self, params: dict[str, Any]) -> None:
        """Refuse a request without a valid token; the answer echoes what was sent."""
        token = params.get("access_token")
        if token is None:
            raise RpcError("required_parameter_missed", field="access_token")
        if not isinstance(token, str):
            raise RpcError("data_type_error", field="access_token", value=token)
        if token == TOKEN:
            self._check_key()
            return
        session = self._sessions.get(token)
        most = self._options["session_requests"]
        if session is None or session[0] < time.time() or (most and session[1] >= most):
            raise RpcError("access_token_invalid", field="access_token", value=token)
        session[1] += 1

    def _check_key(self) -> None:
        """Refuse the permanent key where the options let it expire."""
        most = self._options["key_requests"]
        if most is not None and self._key_uses >= most:
            raise RpcError("access_token_expired", field="access_token", value=TOKEN)
        self._key_uses += 1


class Points:
    """The day's and the minute's budget: each successful request costs one point."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Take `day_limit`, `minute_limit`, `day_seconds` and `minute_seconds`."""
        self._limits = {
            name: (options[f"{name}_limit"] or _UNLIMITED, options[f"{name}_seconds"])
            for name in ("day", "minute")
        }
        self._on = bool(options["day_limit"] or options["minute_limit"])
        self._used = {"day": 0, "minute": 0}
        self._ends = dict.fromkeys(self._limits, 0.0)

    def check(self) -> None:
        """Refuse a request that the budget does not allow."""
        self._renew()
        for name, (limit, _) in self._limits.items():
            if self._on and self._used[name] >= limit:
                raise RpcError("limit_exceeded", limit_type=name, limit_max_value=limit)

    def charge(self) -> None:
        """Take a point for a successful request."""
        for name in self._used:
            self._used[name] += 1

    def metadata(self) -> dict[str, int]:
        """Return `metadata.limits`; empty where the account has no limits."""
        if not self._on:
            return {}
        self._renew()
        state = {}
        for name, (limit, _) in self._limits.items():
            left = self._ends[name] - time.monotonic()
            state[f"{name}_limit"] = limit
            state[f"{name}_remaining"] = max(0, limit - self._used[name])
            state[f"{name}_reset"] = max(1, math.ceil(left))
        return state

    def _renew(self) -> None:
        """Start new periods where the old ones are over."""
        now = time.monotonic()
        for name, (_, seconds) in self._limits.items():
            if now >= self._ends[name]:
                self._ends[name] = now + seconds
                self._used[name] = 0
