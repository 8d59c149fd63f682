"""Fetch: the only place with sockets.

A vendor's `parse` reads each answer inside the retry loop, so that a truncated body, an HTML page
or an error dressed as a 200 is tried again like any other fault. Bodies and query strings never
reach a log or an error.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from tap_shared.connection_fault import connection_fault
from tap_shared.deadline import DeadlineAdapter
from tap_shared.errors import CredentialsRefused, PleaseRetry, StreamFailed, TapError, TimedOut
from tap_shared.rate_limit import RateLimit
from tap_shared.reply import Reply, gateway_faults
from tap_shared.request import Limits, Request
from tap_shared.retry import persist

__all__ = ["Limits", "Reply", "Request", "Transport", "gateway_faults"]

T = TypeVar("T")

_BAD_HEADER = "A credential setting holds a character that no HTTP header may carry."
_HEADER = re.compile(r"[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?")
_CONNECT_SECONDS = 10
_REDIRECTS = 3


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
        accepted: Requests whose answer was what had been asked for.
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
        self.accepted = 0
        self.skew: float | None = None
        self.logger = logger
        self._faults = faults
        self._count = threading.Lock()
        self._headers = {"Accept": "application/json", "Accept-Encoding": "gzip", **headers}
        _check_headers(self._headers)
        self._adapter = DeadlineAdapter(
            limits.attempt_seconds, pool_connections=4, pool_maxsize=64, max_retries=0
        )
        self._surroundings = _surroundings(url)

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
            TapError: As `tap_shared.retry.persist` says.
        """
        accepted = persist(self, request, attempt)
        with self._count:
            self.accepted += 1
        return accepted

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
        deadline = time.monotonic() + self.limits.attempt_seconds
        for _ in range(_REDIRECTS + 1):
            self._keep_home(request)
            response = self._once(request)
            if not response.is_redirect:
                return Reply(response, self.limits, deadline)
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
        url = request.path if absolute else self.url + request.path
        wanted = requests.Request(
            request.method, url, headers, data=body, params=list(request.params) or None
        )
        try:
            # A session would add what is not wanted: cookies, redirects, .netrc.
            response = self._adapter.send(
                wanted.prepare(),
                stream=True,
                timeout=(_CONNECT_SECONDS, self.limits.timeout),
                **self._surroundings,
            )
        except requests.exceptions.InvalidHeader:
            raise CredentialsRefused(_BAD_HEADER) from None
        except requests.Timeout as err:
            raise TimedOut(connection_fault(err, urlsplit(self.url).hostname)) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as err:
            raise PleaseRetry(connection_fault(err, urlsplit(self.url).hostname)) from None
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


def _surroundings(url: str) -> dict[str, Any]:
    """Take proxies and certificates from the environment, once.

    Its .netrc, which would replace our Authorization header, is not heeded.
    """
    # It logs whole URLs, at DEBUG and where a header cannot be read: queries hold personal data.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    found = requests.Session().merge_environment_settings(url, {}, None, None, None)
    return {"proxies": found["proxies"], "verify": found["verify"]}
