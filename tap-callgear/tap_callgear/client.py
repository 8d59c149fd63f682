"""CallGear's transport: JSON-RPC envelope, credentials, point limits and the error table.

Facts of the vendor: https://callgear.github.io/data_api/ unless said otherwise.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Raw, Struct

from tap_callgear.local_time import WallClock
from tap_shared.auth import Session, Token
from tap_shared.errors import (
    CredentialsRefused,
    LimitReached,
    PleaseLogin,
    PleaseRetry,
    PleaseWait,
    StreamFailed,
    StreamUnavailable,
    TapError,
    WindowTooLarge,
)
from tap_shared.http import Reply, Request, gateway_faults
from tap_shared.page import Page, decode

if TYPE_CHECKING:
    from tap_callgear.tap import TapCallGear
    from tap_shared.codec import Codec

__all__ = ["CallGearClient", "vendor_error"]

T = TypeVar("T")

_PATH = "/v2.0"
_MINUTE = 60.0
_BAD_REQUEST = 400
_FIELD_NAME = re.compile("[a-z][a-z0-9_]{0,59}")

_CREDENTIALS = {
    "access_token_expired": "the access token has expired; make a new API key in the client area",
    "access_token_invalid": "the access token is unknown; make a new API key in the client area",
    "access_token_blocked": "the access token is blocked",
    "auth_error": "login or password is wrong",
    "ip_not_whitelisted": (
        "this machine's address is not on the account's allow-list (client area, security"
        " settings, API)"
    ),
    "account_inactive": "the account is inactive",
}
_UNAVAILABLE = {
    "forbidden": "the user lacks the right for it",
    "method_component_disabled": "the account's component for it is not enabled",
    "parameter_component_disabled": "the account's component for it is not enabled",
    "method_not_found": "the vendor does not know this method",
}
_SESSION_ENDS = {"access_token_expired", "access_token_invalid"}
_BY_CODE = {
    -32001: "auth_error",
    -32003: "forbidden",
    -32008: "method_component_disabled",
    -32009: "account_inactive",
    -32029: "limit_exceeded",
    -32601: "method_not_found",
    -32603: "internal_error",
}


def vendor_error(error: Mapping[str, Any], *, by_session: bool) -> TapError:
    """Turn the `error` of an answer into what is to be done about it.

    The vendor's `message` and `value` are left out: they may echo what was sent, even the token.

    Args:
        error: The JSON-RPC error object.
        by_session: Whether the token came from a login, so that a new one can be had.
    """
    data = _object(error.get("data"))
    name = str(data.get("mnemonic") or _BY_CODE.get(error.get("code", 0), "unknown"))
    if by_session and name in _SESSION_ENDS:
        return PleaseLogin("the session has ended")
    if name in _CREDENTIALS:
        return CredentialsRefused(f"CallGear refuses the login: {_CREDENTIALS[name]} ({name}).")
    if name in _UNAVAILABLE:
        return StreamUnavailable(f"the vendor refuses it: {_UNAVAILABLE[name]} ({name}).")
    return _PASSING.get(name, partial(_refusal, name))(data)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _refusal(name: str, data: Mapping[str, Any]) -> TapError:
    field = str(data.get("field") or "")[:80]
    about = f" of '{field}'" if field else ""
    value = data.get("value")
    if field == "fields" and isinstance(value, str) and _FIELD_NAME.fullmatch(value):
        about += f" ('{value}')"
    hint = ""
    if name in {"invalid_parameter_value", "unexpected_parameters"}:
        hint = " If a field is unknown to this account, name it in exclude_fields."
    return StreamFailed(f"the vendor refuses the request: {name}{about}.{hint}")


def _limit_error(data: Mapping[str, Any]) -> TapError:
    params = _object(data.get("params"))
    limits = _limits(data.get("metadata"))
    if str(params.get("limit_type", "minute")).startswith("day"):
        return DayLimit(limits.get("day_reset"))
    after = float(limits.get("minute_reset") or _MINUTE)
    return PleaseWait("the account's points of this minute are used up", after)


def _limits(metadata: Any) -> Mapping[str, Any]:
    return _object(_object(metadata).get("limits"))


class DayLimit(TapError):
    """The points of the day are used up.

    Args:
        reset: Seconds until they are renewed, where the vendor says.
    """

    def __init__(self, reset: float | None) -> None:
        """Keep when it resets."""
        super().__init__("the account's points of this day are used up")
        self.reset = reset


_PASSING: Mapping[str, Callable[[Mapping[str, Any]], TapError]] = {
    "internal_error": lambda _data: PleaseRetry("the vendor reports an internal error"),
    "limit_exceeded": _limit_error,
    "date_interval_limit_reached": lambda _data: WindowTooLarge(
        "the vendor refuses so long a range"
    ),
}


class CallGearClient:
    """The Data API of one account.

    Args:
        tap: Gives settings and credentials.
    """

    def __init__(self, tap: TapCallGear) -> None:
        """Prepare; nothing is sent."""
        config = tap.config
        self._tap = tap
        self._key: str | None = (config.get("access_token") or "").strip() or None
        self._login = {"login": config.get("login"), "password": config.get("password")}
        self._session = Session(self._new_session)
        self._user = {"user_id": config["user_id"]} if config.get("user_id") is not None else {}
        self._ids = itertools.count(1)
        self._longest_wait = float(config["max_wait_seconds"])
        self._transport = tap.transport(
            {}, self._faults, longest_wait=max(self._longest_wait, _MINUTE)
        )
        self._lock = threading.Lock()
        self._day_reset: float | None = None
        self._warned = False

    # Asking

    def read(
        self,
        method: str,
        params: Mapping[str, Any],
        *,
        is_window: bool = False,
        codec: Codec | None = None,
    ) -> Page:
        """Call a `get.*` method.

        Args:
            method: Its name.
            params: Its parameters, without credentials.
            is_window: Whether a range that is too long for the vendor may be halved.
            codec: Decodes the rows; dictionaries where there is none.

        Returns:
            The rows, with the vendor's total where it gives one.

        Raises:
            TapError: Whatever the error table says; the sentence names the method.
        """
        agents_own = method in {"get.account", "get.customers", "get.customer_users"}
        given = params if agents_own else {**self._user, **params}
        for is_last in (False, True):
            self._refuse_when_day_is_over(method)
            token = self._key or self._session.token()
            body = self._envelope(method, {"access_token": token, **given})
            request = Request(method, _PATH, "POST", body=body, is_window=is_window)
            try:
                return self._transport.send(request, partial(self._page, codec))
            except PleaseLogin:
                self._session.refused(token)
                if is_last:
                    break
            except DayLimit as over:
                self._wait_for_day(over.reset, method)
        msg = "CallGear ends each new session at once; check login and password."
        raise CredentialsRefused(msg)

    def _envelope(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": dict(params)}

    def _page(self, codec: Codec | None, reply: Reply) -> Page:
        """Read an answer: rows under `result.data`, or `result` itself as a bare array."""
        body = reply.body
        if codec is not None and (whole := codec.whole(_Whole, body)) is not None:
            total = self._heed(whole.result.metadata)
            return Page(codec.rows(whole.result.data), total, len(body))
        answer = decode(body, _Answer)
        self._raise_error(answer.error)  # errors come with HTTP 200
        result = bytes(answer.result)
        if result.startswith(b"["):
            return Page(_rows(result, codec), size=len(body))
        envelope = decode(result, _Result) if result.startswith(b"{") else _Result()
        data = bytes(envelope.data)
        if not data:
            msg = "the answer has neither result nor error"
            raise PleaseRetry(msg)
        total = self._heed(envelope.metadata or envelope.meta_data)
        rows = _rows(b"[" + data + b"]" if data.startswith(b"{") else data, codec)
        return Page(rows, total, len(body))

    # Errors and limits

    def _faults(self, reply: Reply) -> None:
        """Raise for every HTTP status that is no success; an RPC error in its body goes first."""
        if reply.status >= _BAD_REQUEST:
            self._raise_error(_error_of(reply.body))
        gateway_faults(reply)
        if reply.status >= _BAD_REQUEST:
            msg = f"the vendor answers HTTP {reply.status}{reply.reference}; check api_url."
            raise StreamFailed(msg)

    def _raise_error(self, error: Any) -> None:
        if isinstance(error, dict):
            raise vendor_error(error, by_session=self._key is None)

    def _heed(self, told: Any) -> int | None:
        """Obey the points that an answer says are left; give how many rows there are in all."""
        metadata = _object(told)
        limits = _limits(metadata)
        if limits.get("day_remaining") == 0:
            with self._lock:
                self._day_reset = float(limits.get("day_reset") or 0) or float("inf")
        elif limits.get("minute_remaining") == 0:
            self._tap.gate.hold(float(limits.get("minute_reset") or _MINUTE))
        version = metadata.get("api_version")
        if version and not self._warned:
            self._warned = True
            self._tap.logger.warning("CallGear announces the end of Data API 2.0: update the tap.")
        total = metadata.get("total_items")
        return None if total is None else int(total)

    def _refuse_when_day_is_over(self, method: str) -> None:
        with self._lock:
            reset, self._day_reset = self._day_reset, None
        if reset is not None:
            self._wait_for_day(reset, method)

    def _wait_for_day(self, reset: float | None, method: str) -> None:
        """Wait for the day limit where that is soon, else stop the run cleanly.

        Raises:
            LimitReached: It resets later than `max_wait_seconds`.
        """
        seconds = float("inf") if reset is None else float(reset)
        if seconds > self._longest_wait:
            with self._lock:
                self._day_reset = seconds
            when = "later" if seconds == float("inf") else f"in {seconds / 3600:.1f} h"
            msg = (
                f"The account's points of this day are used up (at {method}); the state is written,"
                f" run again when they are renewed, {when}."
            )
            raise LimitReached(msg)
        self._tap.logger.info("The day's points are used up; waiting %.0f s.", seconds)
        self._tap.gate.pause(seconds)

    # Session and zone

    def _new_session(self) -> Token:
        """Log in; a session lives an hour and is renewed ahead of its end."""
        body = self._envelope("login.user", self._login)
        request = Request("login.user", _PATH, "POST", body=body)
        page = self._transport.send(request, partial(self._page, None))
        row = page.rows[0] if page.rows else {}
        token = row.get("access_token")
        if not isinstance(token, str) or not token:
            msg = "CallGear's login gave no token; check login and password."
            raise CredentialsRefused(msg)
        self._tap.redact.add(token)
        return Token(token, float(row.get("expire_at") or 0))

    @cached_property
    def clock(self) -> WallClock:
        """The account's wall clock, in which all its times are written; one point a run."""
        return WallClock(ZoneInfo(self._tap.config.get("timezone") or self._account_zone()))

    def _account_zone(self) -> str:
        rows = self.read("get.account", {}).rows
        name = rows[0].get("timezone") if rows else None
        try:
            return ZoneInfo(str(name)).key
        except (KeyError, ValueError, OSError):
            msg = "the account names no known time zone; set timezone."
            raise StreamFailed(msg) from None

    @cached_property
    def site_ids(self) -> list[int]:
        """Ids of all sites, for the streams that are read site by site."""
        sites: list[int] = []
        while True:
            page = self.read("get.sites", {"limit": 1000, "offset": len(sites)})
            sites += [int(row["id"]) for row in page.rows]
            if not page.rows or (page.total is not None and len(sites) >= page.total):
                return list(dict.fromkeys(sites))


class _WholeResult(Struct, Generic[T]):
    """The result of a report."""

    data: T
    metadata: Any


class _Whole(Struct, Generic[T]):
    """The answer of a report, rows and all; one with an error is read as `_Answer`."""

    result: _WholeResult[T]


class _Answer(Struct):
    """The JSON-RPC envelope."""

    result: Raw = Raw()
    error: Any = None


class _Result(Struct):
    """A result; `get.account` spells its metadata otherwise."""

    data: Raw = Raw()
    metadata: Any = None
    meta_data: Any = None


def _rows(data: bytes, codec: Codec | None) -> Sequence[Any]:
    if data == b"null":
        return []
    return decode(data, list[dict[str, Any]]) if codec is None else codec.rows(data)


def _error_of(body: bytes) -> Any:
    """Read the error of an answer; a gateway's HTML has none."""
    try:
        return decode(body, _Answer).error
    except PleaseRetry:
        return None
