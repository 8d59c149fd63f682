"""CallGear's transport: credentials, requests, point limits.

Facts of the vendor: https://callgear.github.io/data_api/ unless said otherwise.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tap_callgear.envelope import Answer, Result, Whole, error_of, rows_of
from tap_callgear.faults import (
    MINUTE,
    UsedUp,
    limits_of,
    number_of,
    object_of,
    used_up,
    vendor_error,
)
from tap_callgear.local_time import LocalDays, WallClock
from tap_shared.auth import Session, Token
from tap_shared.errors import (
    CredentialsRefused,
    PleaseLogin,
    PleaseRetry,
    PleaseWait,
    StreamFailed,
    StreamUnavailable,
)
from tap_shared.http import Reply, Request, gateway_faults
from tap_shared.once import made_once
from tap_shared.page import Page, decode

if TYPE_CHECKING:
    from tap_callgear.tap import TapCallGear
    from tap_shared.codec import Codec

__all__ = ["CallGearClient"]

_PATH = "/v2.0"
_BAD_REQUEST = 400
_SESSION_SECONDS = 3600
_MOST_SITES = 10_000


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
            {}, self._faults, longest_wait=max(self._longest_wait, MINUTE)
        )
        self._ended: UsedUp | None = None
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
        refused, waited = "", 0.0
        while True:
            if self._ended is not None:
                raise self._ended.verdict(method)
            token = ""
            try:
                token = self._key or self._session.token()
                body = self._envelope(method, {"access_token": token, **given})
                request = Request(method, _PATH, "POST", body=body, is_window=is_window)
                return self._transport.send(request, partial(self._page, codec))
            except PleaseLogin:
                if refused:
                    msg = "CallGear ends each new session at once; check login and password."
                    raise CredentialsRefused(msg) from None
                refused = token
                self._session.refused(token)
            except UsedUp as limit:
                waited = max(limit.reset, 2 * waited)
                self._wait(limit, waited)

    def _envelope(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": dict(params)}

    def _page(self, codec: Codec | None, reply: Reply) -> Page:
        """Read an answer: rows under `result.data`, or `result` itself as a bare array."""
        body = reply.body
        if codec is not None and (whole := codec.whole(Whole, body)) is not None:
            total = self._heed(whole.result.metadata)
            return Page(codec.rows(whole.result.data), total, len(body))
        answer = decode(body, Answer)
        self._raise_error(answer.error)  # errors come with HTTP 200
        result = bytes(answer.result)
        if result.startswith(b"["):
            return Page(rows_of(result, codec), size=len(body))
        envelope = decode(result, Result) if result.startswith(b"{") else Result()
        data = bytes(envelope.data)
        if not data:
            msg = "the answer has neither result nor error"
            raise PleaseRetry(msg)
        total = self._heed(envelope.metadata or envelope.meta_data)
        rows = rows_of(b"[" + data + b"]" if data.startswith(b"{") else data, codec)
        return Page(rows, total, len(body))

    # Errors and limits

    def _faults(self, reply: Reply) -> None:
        """Raise for every HTTP status that is no success; an RPC error in its body goes first."""
        if reply.status >= _BAD_REQUEST:
            self._raise_error(error_of(reply.body))
        gateway_faults(reply)
        if reply.status >= _BAD_REQUEST:
            msg = f"the vendor answers HTTP {reply.status}{reply.reference}; check api_url."
            raise StreamFailed(msg)

    def _raise_error(self, error: Any) -> None:
        if not isinstance(error, dict):
            return
        found = vendor_error(error, by_session=self._key is None)
        seconds = found.after if isinstance(found, PleaseWait) else None
        raise UsedUp("minute", seconds) if seconds and seconds > self._longest_wait else found

    def _heed(self, told: Any) -> int | None:
        """Obey the points that an answer says are left; give how many rows there are in all."""
        metadata = object_of(told)
        if (limit := used_up(limits_of(metadata))) is not None:
            self._wait(limit, limit.reset)
        version = metadata.get("api_version")
        if version and not self._warned:
            self._warned = True
            self._tap.logger.warning("CallGear announces the end of Data API 2.0: update the tap.")
        total = number_of(metadata.get("total_items"))
        return None if total is None else int(total)

    def _wait(self, limit: UsedUp, seconds: float) -> None:
        """Let every further request wait, or end the run where that would be too long."""
        if seconds > self._longest_wait:
            self._ended = limit
            return
        self._tap.logger.info("%s; waiting %.0f s.", limit, seconds)
        self._tap.gate.hold(seconds)

    # Session and zone

    def _new_session(self) -> Token:
        """Log in; a session lives an hour and is renewed ahead of its end."""
        body = self._envelope("login.user", self._login)
        request = Request("login.user", _PATH, "POST", body=body)
        try:
            page = self._transport.send(request, partial(self._page, None))
        except PleaseLogin:
            msg = "CallGear refuses the login: login or password is wrong."
            raise CredentialsRefused(msg) from None
        row = page.rows[0] if page.rows else {}
        token = row.get("access_token")
        if not isinstance(token, str) or not token:
            msg = "CallGear's login gave no token; check login and password."
            raise CredentialsRefused(msg)
        self._tap.redact.add(token)
        now, end = time.time(), number_of(row.get("expire_at")) or 0.0
        return Token(token, end if end > now else now + _SESSION_SECONDS)

    @made_once
    def clock(self) -> WallClock:
        """The account's wall clock, in which all its times are written; one point a run."""
        return WallClock(ZoneInfo(self._tap.config.get("timezone") or self._account_zone()))

    @made_once
    def days(self) -> LocalDays:
        """The account's days, for figures that carry dates."""
        return LocalDays(self.clock.zone)

    def _account_zone(self) -> str:
        try:
            rows = self.read("get.account", {}).rows
        except StreamUnavailable as err:
            # Not this stream is refused, and leaving it out for that would hide it.
            msg = f"the account's time zone cannot be read with get.account ({err}) Set timezone."
            raise StreamFailed(msg) from None
        name = rows[0].get("timezone") if rows else None
        try:
            return ZoneInfo(str(name)).key
        except (KeyError, ValueError, OSError):
            msg = "the account names no known time zone; set timezone."
            raise StreamFailed(msg) from None

    @made_once
    def site_ids(self) -> list[int]:
        """Ids of all sites, for the streams that are read site by site."""
        sites: dict[int, None] = {}
        while True:
            found = len(sites)
            page = self.read("get.sites", {"limit": _MOST_SITES, "offset": found})
            sites.update((_site_id(row), None) for row in page.rows)
            if len(sites) == found or (page.total is not None and len(sites) >= page.total):
                return list(sites)


def _site_id(row: Mapping[str, Any]) -> int:
    """Read the id of a site.

    Raises:
        StreamFailed: It has none.
    """
    try:
        return int(row.get("id"))  # type: ignore[arg-type] # no float: it may have 64 bits
    except (TypeError, ValueError, OverflowError):
        msg = "the vendor lists a site without a usable id; report it to the vendor."
        raise StreamFailed(msg) from None
