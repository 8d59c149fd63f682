"""Fetch: the only place with sockets, retries and waiting.

A vendor's `parse` reads each answer inside the retry loop, so that a truncated body, an HTML page
or an error dressed as a 200 is tried again like any other fault. Bodies and query strings never
reach a log or an error.
"""

from __future__ import annotations

import json
import logging
import random
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import backoff
import requests
import urllib3
from requests.adapters import HTTPAdapter

from tap_shared.errors import (
    CredentialsRefused,
    PleaseRetry,
    PleaseWait,
    StreamFailed,
    TapError,
    TimedOut,
    WindowTooLarge,
)
from tap_shared.rate_limit import RateLimit

__all__ = ["Limits", "Reply", "Request", "Transport", "gateway_faults"]

T = TypeVar("T")

_BAD_HEADER = "A credential setting holds a character that no HTTP header may carry."
_HEADER = re.compile(r"[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?")
_GZIP = zlib.MAX_WBITS | 16
_CONNECT_SECONDS = 10
_BLOCK = 1 << 18
_REDIRECTS = 3
_TIMEOUTS = 2
_REQUEST_IDS = ("x-request-id", "x-correlation-id", "x-amzn-requestid", "request-id", "cf-ray")


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


class Reply:
    """One answer, its body not yet read.

    Attributes:
        status: HTTP status.
        headers: Header fields, by name in any case.
    """

    def __init__(self, response: requests.Response, limits: Limits) -> None:
        """Wrap the vendor's response."""
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._limits = limits
        self._deadline = time.monotonic() + limits.attempt_seconds
        self._body: bytes | None = None

    def blocks(self, *, is_bounded: bool = True) -> Iterator[bytes]:
        """Stream the body in pieces, decompressed.

        Args:
            is_bounded: Whether the limit on a body's size holds: not for a reader that lets go of
                each piece.

        Raises:
            PleaseRetry: The connection broke, or the body is shorter than announced or drips.
            StreamFailed: The body is larger than the limit.
        """
        packed = "gzip" in self.headers.get("Content-Encoding", "").lower()
        pieces, got = self._pieces(), 0
        for block in _inflated(pieces) if packed else pieces:
            got += len(block)
            if is_bounded and got > self._limits.body_bytes:
                msg = f"the answer is larger than {self._limits.body_bytes >> 20} MiB."
                raise StreamFailed(msg)
            yield block

    def _pieces(self) -> Iterator[bytes]:
        """Give the body's bytes as they come, so that the clock is read however few they are."""
        raw = self._response.raw
        try:
            while piece := raw.read1(_BLOCK, decode_content=False):
                if time.monotonic() > self._deadline:
                    msg = f"the answer took longer than {self._limits.attempt_seconds:.0f} s"
                    raise TimedOut(msg)
                yield piece
            left = getattr(raw, "length_remaining", None)
        except urllib3.exceptions.ReadTimeoutError:
            msg = "the answer stopped coming"
            raise TimedOut(msg) from None
        except (urllib3.exceptions.HTTPError, OSError) as err:
            msg = f"the connection broke while reading ({type(err).__name__})"
            raise PleaseRetry(msg) from None
        if left:
            msg = f"the answer was cut off {left} bytes before its end"
            raise PleaseRetry(msg)

    @property
    def body(self) -> bytes:
        """The whole body."""
        if self._body is None:
            self._body = b"".join(self.blocks())
        return self._body

    @property
    def is_html(self) -> bool:
        """Whether the body is an HTML or XML page, as gateways send it."""
        return self.body.lstrip()[:1] == b"<"

    @property
    def retry_after(self) -> float | None:
        """Seconds that the vendor asks to wait; None where it does not say or says nonsense."""
        text = self.headers.get("Retry-After", "").strip()
        if re.fullmatch(r"[+-]?\d{1,9}(\.\d*)?", text):
            return max(0.0, float(text))
        try:
            moment = parsedate_to_datetime(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return max(0.0, moment.timestamp() - time.time())
        except (ValueError, TypeError, OverflowError, IndexError):
            return None

    @property
    def reference(self) -> str:
        """The vendor's id of this answer, for its support, where it gives one."""
        found = (self.headers.get(name) for name in _REQUEST_IDS)
        given = next((value for value in found if value), "")
        return f" (request id {given[:64]})" if given else ""

    def close(self) -> None:
        """Give the connection back, or drop it where bytes are left unread."""
        self._response.close()


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress gzip in bounded blocks.

    Raises:
        PleaseRetry: It is no gzip, or cut off.
    """
    inflate = zlib.decompressobj(_GZIP)
    begun = False
    try:
        for piece in pieces:
            begun, left, block = True, piece, b""
            while left or len(block) == _BLOCK:
                if inflate.eof:
                    inflate = zlib.decompressobj(_GZIP)  # one gzip may follow another
                block = inflate.decompress(left, _BLOCK)
                if block:
                    yield block
                left = inflate.unconsumed_tail or inflate.unused_data
    except zlib.error:
        msg = "the answer says that it is gzip and is not"
        raise PleaseRetry(msg) from None
    if begun and not inflate.eof:
        msg = "the answer was cut off before the end of its gzip"
        raise PleaseRetry(msg)


def gateway_faults(reply: Reply) -> None:
    """Raise for what every vendor's gateway may answer.

    Raises:
        PleaseWait: 429.
        PleaseRetry: 408 or 5xx, with the wait that the vendor asks for.
    """
    said = f"HTTP {reply.status}{reply.reference}"
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise PleaseWait(said, reply.retry_after)
    if reply.status == HTTPStatus.GATEWAY_TIMEOUT:
        raise TimedOut(said, reply.retry_after)
    if (
        reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or reply.status == HTTPStatus.REQUEST_TIMEOUT
    ):
        raise PleaseRetry(said, reply.retry_after)


class Transport:
    """Sends the requests of one credential, over connections that are kept.

    Args:
        url: The `api_url` setting.
        headers: Sent with every request: User-Agent and credentials.
        gate: The credential's limiter.
        limits: Bounds of one request.
        logger: Where retries are told.
        faults: The vendor's error table: raises for every answer that is no success.

    Attributes:
        requests: Requests sent.
        answers: Answers that came, of any status.
        retries: Tries after a failed one.
        skew: Seconds that the vendor's clock was ahead of ours; None where it told no time.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        gate: RateLimit,
        limits: Limits,
        logger: logging.Logger,
        faults: Callable[[Reply], None] = gateway_faults,
    ) -> None:
        """Prepare one pool of connections; nothing is sent yet."""
        self.url = url
        self.gate = gate
        self.limits = limits
        self.requests = 0
        self.retries = 0
        self.answers = 0
        self.skew: float | None = None
        self._log = logger
        self._faults = faults
        self._count = threading.Lock()
        self._headers = {"Accept": "application/json", "Accept-Encoding": "gzip", **headers}
        _check_headers(self._headers)
        self._session = _session(url)

    def send(self, request: Request, parse: Callable[[Reply], T]) -> T:
        """Send a request until `parse` accepts an answer.

        Args:
            request: What to ask.
            parse: Reads the answer; raises `PleaseRetry` or its kin where another try may help.

        Returns:
            What `parse` returns.

        Raises:
            StreamFailed: The tries are used up, or the vendor asks for too long a wait.
            TapError: Whatever `parse` decided.
        """
        return self.persist(request, lambda: self._attempt(request, parse))

    def persist(self, request: Request, attempt: Callable[[], T]) -> T:
        """Make attempts of the caller's own (with `open`) until one succeeds.

        Args:
            request: What they ask, for logs and errors.
            attempt: Raises `PleaseRetry` or its kin where another attempt may help.

        Returns:
            What `attempt` returns.

        Raises:
            StreamFailed: The tries are used up, or the vendor asks for too long a wait.
            TapError: Whatever `attempt` decided.
        """
        failures = _Failures(self, request)

        @backoff.on_exception(
            backoff.expo,
            PleaseRetry,
            max_tries=self.limits.attempts,
            max_time=self.limits.total_seconds,
            jitter=None,
            factor=0,
            logger=None,
            giveup=failures.is_final,
            on_backoff=failures.pause,
        )
        def attempts() -> T:
            return attempt()

        while True:
            try:
                return attempts()
            except PleaseWait as wait:
                failures.wait(wait)
            except PleaseRetry as err:
                raise failures.verdict(err) from None

    def _attempt(self, request: Request, parse: Callable[[Reply], T]) -> T:
        with self.gate.slot():
            reply = self._exchange(request)
            try:
                self._faults(reply)
                return parse(reply)
            finally:
                reply.close()

    def open(self, request: Request) -> Reply:
        """Send once and give the answer with its body unread; the caller closes it.

        Raises:
            PleaseRetry: The attempt failed.
        """
        with self.gate.slot():
            reply = self._exchange(request)
        try:
            self._faults(reply)
        except TapError:
            reply.close()
            raise
        return reply

    def _exchange(self, request: Request) -> Reply:
        """Send, following redirects on the same host only."""
        for _ in range(_REDIRECTS + 1):
            self._keep_home(request)
            response = self._once(request)
            if not response.is_redirect:
                return Reply(response, self.limits)
            base, location = response.url or "", response.headers.get("Location", "")
            response.close()
            request = replace(request, path=_target(base, location), params=())
        msg = f"{request.what}: more than {_REDIRECTS} redirects in a row."
        raise StreamFailed(msg)

    def _keep_home(self, request: Request) -> None:
        """Refuse to send anything to another host than the API's.

        Raises:
            StreamFailed: A redirect, or a link of the vendor's, leads elsewhere.
        """
        if request.path.startswith("/") or _origin(request.path) == _origin(self.url):
            return
        host = (_origin(request.path) or ("", ""))[1]
        msg = (
            f"{request.what}: the vendor redirects to another host ({(host or 'nowhere')[:80]});"
            " credentials are never sent there. Check the api_url setting."
        )
        raise StreamFailed(msg)

    def _once(self, request: Request) -> requests.Response:
        with self._count:
            self.requests += 1
        absolute = request.path.startswith(("http://", "https://"))
        headers = {**self._headers, **request.headers}
        if request.body is not None and not request.form:
            headers.setdefault("Content-Type", "application/json; charset=UTF-8")
            body: Any = json.dumps(request.body, ensure_ascii=False).encode()
        else:
            body = request.body
        try:
            response = self._session.request(
                request.method,
                request.path if absolute else self.url + request.path,
                params=list(request.params) or None,
                data=body,
                headers=headers,
                timeout=(_CONNECT_SECONDS, self.limits.timeout),
                allow_redirects=False,
                stream=True,
            )
        except requests.exceptions.InvalidHeader:
            raise CredentialsRefused(_BAD_HEADER) from None
        except requests.Timeout as err:
            raise TimedOut(_connection_fault(err, self.url)) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as err:
            raise PleaseRetry(_connection_fault(err, self.url)) from None
        self._note(response)
        return response

    def _note(self, response: requests.Response) -> None:
        """Count an answer, and compare its clock with ours."""
        with self._count:
            self.answers += 1
        try:
            told = parsedate_to_datetime(response.headers.get("Date", ""))
            self.skew = told.replace(tzinfo=told.tzinfo or UTC).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError, IndexError):
            self.skew = None


class _Failures:
    """What has gone wrong with one request so far, and how long to wait for the next try."""

    def __init__(self, transport: Transport, request: Request) -> None:
        self._transport = transport
        self._request = request
        self._begun = time.monotonic()
        self._waits = 0
        self._retries = 0
        self._timeouts = 0

    @staticmethod
    def is_final(err: Exception) -> bool:
        """Tell whether our own loop, not another try, deals with it."""
        return type(err) not in {PleaseRetry, TimedOut}

    def pause(self, details: Any) -> None:
        """Wait with full jitter, or as long as the vendor says.

        `backoff` counts and gives up; the pause is ours, so that the end of the run can cut it.
        """
        transport, err = self._transport, details["exception"]
        transport.retries += 1
        self._retries += 1
        self._timeouts += isinstance(err, TimedOut)
        if self._request.is_window and self._timeouts >= _TIMEOUTS:
            raise WindowTooLarge(str(err))
        cap = min(transport.limits.backoff_seconds, 2.0 ** (details["tries"] - 1))
        seconds = backoff.full_jitter(cap) if err.after is None else self._bounded(err)
        transport._log.info(  # noqa: SLF001 - same module
            "%s: %s; try %d of %d in %.1f s.", self._request.what, err, details["tries"] + 1,
            transport.limits.attempts, seconds,
        )  # fmt: skip
        transport.gate.pause(seconds)

    def wait(self, err: PleaseWait) -> None:
        """Let everybody wait for a limit to reset; such waits do not use up the tries."""
        transport = self._transport
        transport.retries += 1
        self._retries += 1
        self._waits += 1
        floor = min(transport.limits.backoff_seconds, 0.05 * 2.0**self._waits)
        asked = random.uniform(1, 2) if err.after is None else self._bounded(err)  # noqa: S311
        seconds = max(asked, floor)
        if time.monotonic() - self._begun + seconds > transport.limits.total_seconds:
            raise self.verdict(err)
        transport._log.info(  # noqa: SLF001 - same module
            "%s: %s; all requests wait %.1f s.", self._request.what, err, seconds
        )
        transport.gate.hold(seconds)

    def _bounded(self, err: PleaseRetry) -> float:
        after = err.after or 0.0
        if after > self._transport.limits.longest_wait:
            msg = (
                f"{self._request.what}: the vendor asks to wait {after:.0f} s ({err}), longer than"
                f" the {self._transport.limits.longest_wait:.0f} s this run waits. Run again later."
            )
            raise StreamFailed(msg)
        return after

    def verdict(self, err: PleaseRetry) -> TapError:
        """Give the error that ends the request."""
        if type(err) not in {PleaseRetry, PleaseWait, TimedOut}:
            return err
        tries = self._retries + 1
        times = f"{tries} time{'s' * (tries > 1)}"
        return StreamFailed(
            f"{self._request.what} failed {times}, the last time with: {err}. Run again"
            " later; what was read is kept in the state."
        )


def _origin(url: str) -> tuple[str, str | None, int] | None:
    """Give scheme, host and port; None where it is no URL at all."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80)


def _target(base: str, location: str) -> str:
    try:
        return urljoin(base, location)
    except ValueError:
        return location.lstrip("/")  # no URL: it is refused like another host


def _check_headers(headers: Mapping[str, str]) -> None:
    """Refuse what would end, or forge, the head of a request.

    Raises:
        CredentialsRefused: A header's value holds such a character.
    """
    for name, value in headers.items():
        if not _HEADER.fullmatch(value):
            msg = f"The header '{name}': {_BAD_HEADER}"
            raise CredentialsRefused(msg)


def _connection_fault(err: Exception, url: str) -> str:
    """Say what failed without the URL's path or query, which may hold secrets."""
    kind = type(err).__name__
    reason = {
        "ConnectTimeout": "no connection within 10 s",
        "ReadTimeout": "no answer in time",
        "SSLError": "the TLS certificate is not accepted",
        "ProxyError": "the proxy does not answer",
    }.get(kind, f"the connection failed ({kind})")
    return f"{reason}: {urlsplit(url).hostname}"


class _Session(requests.Session):
    """A session that leaves redirects alone: even unfollowed, their bodies would be read whole."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002
        """Find none."""
        return None


def _session(url: str) -> requests.Session:
    # At DEBUG it writes every query string, which holds telephone numbers and the like.
    logging.getLogger("urllib3").setLevel(logging.INFO)
    session = _Session()
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=64, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    # Proxies and certificates of the environment are taken once; .netrc, which would replace our
    # Authorization header, is not.
    surroundings = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies = surroundings["proxies"]
    session.verify = surroundings["verify"]
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # It logs whole URLs, at DEBUG and where a header cannot be read: queries hold personal data.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    return session
