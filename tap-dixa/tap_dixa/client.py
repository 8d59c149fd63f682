"""Dixa's transport: credentials, envelopes, page keys and the error table.

Facts of the vendor: https://docs.dixa.io/docs/api-standards-rules and
https://docs.dixa.io/openapi/dixa-api/v1/analytics unless said otherwise.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tap_dixa.envelope import plain_page, typed_page
from tap_dixa.exports_gate import ExportsGate
from tap_shared.errors import (
    BodyTooLarge,
    CredentialsRefused,
    LimitReached,
    PleaseRetry,
    StreamFailed,
    StreamUnavailable,
    WindowTooLarge,
)
from tap_shared.http import Reply, Request, Transport, gateway_faults
from tap_shared.once import made_once
from tap_shared.page import Page, decode

if TYPE_CHECKING:
    from tap_dixa.tap import TapDixa
    from tap_shared.codec import Codec

__all__ = ["DixaClient", "Rejected"]

_VERSION = "/v1"
_REFUSED = (
    "Dixa refuses the API token (%s): it is wrong, or its user lacks the right. Make one under"
    " Settings, Integrations, API Tokens and set api_token."
)
_HARMLESS = (("/organization", ()), ("/agents", (("pageLimit", "1"),)))
_JSON = {"Content-Type": "application/json"}
_QUOTA = "limit exceeded"  # inferred: the gateway's own wording for a daily quota

Params = Sequence[tuple[str, str]]


class Rejected(StreamUnavailable):
    """The vendor will not answer this request: a bad parameter, an unknown or vanished id.

    Args:
        status: The HTTP status.
        sentence: What was refused.
    """

    def __init__(self, status: int, sentence: str) -> None:
        """Keep the status beside the sentence."""
        super().__init__(sentence)
        self.status = status


class DixaClient:
    """The APIs of one organisation.

    Args:
        tap: Gives settings and credentials.
    """

    def __init__(self, tap: TapDixa) -> None:
        """Prepare; nothing is sent."""
        self._tap = tap
        self._token = "".join((tap.config.get("api_token") or "").split())
        tap.redact.add(self._token)
        self._has_answered = False
        self._lock = threading.Lock()

    @made_once
    def _main(self) -> Transport:
        is_bearer = self._tap.config["auth_scheme"] == "bearer"
        credential = f"Bearer {self._token}" if is_bearer else self._token
        return self._tap.transport({"Authorization": credential}, self._faults)

    @made_once
    def _exports(self) -> Transport:
        """The exports: another host, `Bearer` always, and far fewer requests a minute."""
        gate = ExportsGate(self._tap.gate, self._tap.settings.requests_per_minute)
        headers = {"Authorization": f"Bearer {self._token}"}
        return self._tap.transport(headers, self._faults, url=self._tap.exports_url, gate=gate)

    # Asking

    def most(self, rows: int) -> int:
        """Give the rows a request that a list takes and the settings allow."""
        return min(rows, self._tap.settings.page_size)

    def get(
        self, path: str, params: Params = (), *, what: str = "", inside: str | None = None,
        is_window: bool = False, codec: Codec | None = None,
    ) -> Page:  # fmt: skip
        """Read one page of a list.

        Args:
            path: Path behind the version.
            params: Query pairs.
            what: The path as errors name it, where it holds an id.
            inside: The member of `data` that holds the list, where it lies one deeper.
            is_window: Whether it asks for a range of time that may be halved.
            codec: Decodes the rows; dictionaries where there is none.

        Returns:
            Rows, with the next page's key in `facts['cursor']`.

        Raises:
            Rejected: The vendor will not answer this.
            TapError: Whatever else the error table says.
        """
        request = Request(
            f"GET {_VERSION}{what or path}", _VERSION + path, params=tuple(params),
            is_window=is_window,
        )  # fmt: skip
        return self._send(self._main, request, lambda reply: self._page(reply, inside, codec))

    def post(
        self, path: str, body: Mapping[str, Any], params: Params = (), *, is_window: bool = False
    ) -> Page:
        """Ask for analytics data; the POSTs of this API only read, so they may be repeated.

        Raises:
            Rejected: The vendor will not answer this.
            TapError: Whatever else the error table says.
        """
        request = Request(
            f"POST {_VERSION}{path}", _VERSION + path, "POST", tuple(params), dict(body),
            headers=_JSON, is_window=is_window,
        )  # fmt: skip
        try:
            return self._send(self._main, request, self._page)
        except Rejected as refusal:
            if refusal.status != 400:
                raise
            said = f"{refusal} Where it asks for a filter, set default_filters."
            raise Rejected(400, said) from None

    def export(self, kind: str, params: Params, codec: Codec | None = None) -> Page:
        """Read one range of an export: a bare array.

        Args:
            kind: Which export.
            params: Query pairs.
            codec: Decodes the rows; dictionaries where there is none.

        Raises:
            WindowTooLarge: It is more than fits into memory, or the vendor takes too long.
            Rejected: The vendor will not answer this.
            TapError: Whatever else the error table says.
        """
        path = f"{_VERSION}/{kind}"
        request = Request(f"GET {path}", path, params=tuple(params), is_window=True)
        try:
            return self._send(self._exports, request, lambda r: self._page(r, None, codec))
        except BodyTooLarge as err:
            raise WindowTooLarge(str(err)) from None

    def _send(self, transport: Transport, request: Request, parse: Callable[[Reply], Page]) -> Page:
        try:
            return transport.send(request, parse)
        except Rejected as refusal:
            if refusal.status == 403 and not self._is_token_good():
                raise CredentialsRefused(_REFUSED % "HTTP 403") from None
            raise

    def _is_token_good(self) -> bool:
        """Tell a token that is refused from a missing right: ask for what anybody may see."""
        with self._lock:
            for path, params in _HARMLESS:
                if self._has_answered:
                    break
                request = Request(f"GET {_VERSION}{path}", _VERSION + path, params=params)
                try:
                    self._main.send(request, self._page)
                except Rejected as refusal:
                    self._has_answered = refusal.status != 403
            return self._has_answered

    # Answers

    def _page(self, reply: Reply, inside: str | None = None, codec: Codec | None = None) -> Page:
        page = typed_page(reply.body, codec) if codec is not None and inside is None else None
        if page is None:
            page = plain_page(reply.body, inside)
        self._has_answered = True
        return page

    def _faults(self, reply: Reply) -> None:
        """Raise for every status that is no success; texts vary, so the status decides."""
        status = reply.status
        if status < 400:
            return
        said = f"HTTP {status}{reply.reference}"
        if status == 401:
            raise CredentialsRefused(_REFUSED % said)
        if status == 429 and _message(reply).strip().lower() == _QUOTA:
            raise LimitReached(
                "Dixa's requests of this day are used up; the state is written, run again tomorrow."
            )
        gateway_faults(reply)
        if status in {400, 403, 404, 405, 409, 410, 422}:
            raise Rejected(status, f"the vendor refuses the request ({said}).")
        raise StreamFailed(f"the vendor answers {said}; check api_url and exports_url.")


def _message(reply: Reply) -> str:
    try:
        return str(decode(reply.body, dict).get("message") or "")
    except PleaseRetry:
        return ""  # a gateway's page has no message
