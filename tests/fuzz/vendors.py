"""Whole streams of whole taps, over a vendor whose answers are spoilt: a run ends as runs end."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cache, cached_property
from random import Random
from typing import Any, NoReturn
from unittest.mock import patch
from urllib.parse import parse_qs, unquote, urlsplit

import requests
import urllib3
from hypothesis import note
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter

from contact_sandbox.registry import vendor_class
from contact_sandbox.vendor import Headers, Request
from tap_shared.errors import TapError
from tap_shared.failures import Failures
from tap_shared.rate_limit import RateLimit
from tests.contract.bench import recent
from tests.contract.cases import CASES
from tests.contract.runner import installed_taps
from tests.contract.tap_class import tap_class
from tests.fuzz.mangled import mangled, spoilt, text_of
from tests.fuzz.outcome import check_lines, check_sentence
from tests.fuzz.running import Target

__all__ = ["VENDORS"]

_MOST_ANSWERS = 40
_LONGEST_WAIT = 3600
_URL = "http://127.0.0.1:9"


class Imitation(HTTPAdapter):
    """A vendor without a network, of which some answers are spoilt.

    Args:
        vendor: The imitation.
    """

    def __init__(self, vendor: Any) -> None:
        """Answer well until told otherwise."""
        super().__init__()
        self._vendor = vendor
        self.plan: Mapping[int, int] = {}
        self.told: list[str] = []
        self.count = 0

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Answer: well, spoilt where planned, and not at all after too many."""
        self.count += 1
        reply = self._vendor.handle(_received(request))
        content = reply.content()[0]
        body = content if isinstance(content, bytes) else b"".join(content)
        status = reply.status
        if self.count in self.plan:
            body, status = _spoilt(body, status, Random(self.plan[self.count]))  # noqa: S311
            self.told.append(f"{request.method} {request.path_url}: {status} {body!r}")
        if self.count > _MOST_ANSWERS:
            body, status = b"enough", 503
        response = requests.Response()
        response.status_code, response.url = status, request.url or ""
        response.headers.update(reply.headers)
        response.raw = urllib3.HTTPResponse(io.BytesIO(body), preload_content=False)
        return response


def _received(request: requests.PreparedRequest) -> Request:
    parts = urlsplit(request.url or "")
    body = request.body or b""
    return Request(
        request.method or "", unquote(parts.path), parse_qs(parts.query, keep_blank_values=True),
        Headers(dict(request.headers)), body if isinstance(body, bytes) else body.encode(),
        request.path_url,
    )  # fmt: skip


def _spoilt(body: bytes, status: int, chance: Random) -> tuple[bytes, int]:
    """Spoil an answer: a value in its JSON, or in that of one of its lines, or any bytes."""
    if chance.random() < 0.1:
        status = chance.choice((200, 204, 400, 401, 403, 404, 429, 500, 504))
    if chance.random() < 0.2:
        return mangled(body, chance), status
    lines = body.split(b"\n")
    at = chance.randrange(len(lines))
    for _ in range(chance.choice((1, 1, 3))):
        with contextlib.suppress(ValueError):
            lines[at] = text_of(spoilt(json.loads(lines[at]), chance), chance)
    return b"\n".join(lines), status


class Clock:
    """A clock that only waiting moves on."""

    def __init__(self) -> None:
        """Begin anywhere."""
        self.now = 1000.0

    def time(self) -> float:
        """Give the seconds."""
        return self.now

    def sleep(self, seconds: float) -> bool:
        """Pass them; no wait is longer than a person would let a run hang."""
        assert seconds <= _LONGEST_WAIT, f"waits {seconds} s"
        self.now += seconds
        return False


class Vendor:
    """A tap and its vendor in one process.

    Args:
        name: Both their name.
    """

    def __init__(self, name: str) -> None:
        """Discover with good answers."""
        self._case = CASES[name]
        self._kind = tap_class(f"tap_{name}")
        self._now: datetime = recent()
        given = {**self._case.options, "days": 3, "now": self._now}
        self._adapter = Imitation(vendor_class(name)(seed=11, **given))
        self._vendor = self._adapter._vendor
        self._name = name

    @cached_property
    def config(self) -> dict[str, Any]:
        """Settings that lead nowhere but to the imitation."""
        return {
            **self._vendor.settings(_URL), **self._case.config, "max_attempts": 2,
            "max_concurrency": 1, "requests_per_minute": 0, "end_date": self._now.isoformat(),
        }  # fmt: skip

    @cached_property
    def catalog(self) -> dict[str, Any]:
        """What is offered."""
        with self._surroundings():
            found: dict[str, Any] = self._kind(config=self.config).catalog_dict
            return found

    @cached_property
    def streams(self) -> list[str]:
        """Names of all streams."""
        return [entry["tap_stream_id"] for entry in self.catalog["streams"]]

    @property
    def told(self) -> list[str]:
        """The spoilt answers of the last run."""
        return self._adapter.told

    @contextmanager
    def _surroundings(self) -> Iterator[None]:
        """Lead requests to the imitation, and let waits take no time."""
        clock, make = Clock(), RateLimit.__init__

        def gate(limit: RateLimit, **how: Any) -> None:
            make(limit, **{**how, "clock": clock.time, "sleep": clock.sleep})

        self._adapter.count, self._adapter.told = 0, []
        with ExitStack() as stack:
            for what, name, new in (
                ("tap_shared.http", "DeadlineAdapter", lambda *_, **__: self._adapter),
                ("tap_shared.rate_limit.RateLimit", "__init__", gate),
                ("tap_shared.failures.Failures", "_unexpected", _unexpected),
            ):
                stack.enter_context(patch(f"{what}.{name}", new))
            yield

    def run(self, stream: str, plan: Mapping[int, int]) -> None:
        """Read one stream while answers of these numbers are spoilt by these seeds."""
        [entry] = [one for one in self.catalog["streams"] if one["tap_stream_id"] == stream]
        [root] = [one for one in entry["metadata"] if not one["breadcrumb"]]
        chosen = {**root, "metadata": {**root["metadata"], "selected": True}}
        catalog = {"streams": [{**entry, "metadata": [chosen]}]}  # of one stream: it takes time
        self._adapter.plan = plan
        out = io.StringIO()
        with self._surroundings(), contextlib.redirect_stdout(out):
            try:
                self._kind(config=self.config, catalog=catalog).sync_all()
            except TapError as err:
                check_sentence(str(err))
        messages = check_lines(out.getvalue().encode())
        assert not messages or messages[-1]["type"] == "STATE"


def _unexpected(_: Failures, __: Any, err: Exception) -> NoReturn:
    """Let an error that nobody foresaw come out as it is."""
    raise Unforeseen from err


class Unforeseen(BaseException):
    """Not an `Exception`: nothing on the way out may take it for a stream's failure."""


@cache
def vendor(name: str) -> Vendor:
    """Give a vendor, made once."""
    return Vendor(name)


def _target(name: str) -> Target:
    plans = st.dictionaries(st.integers(1, 8), st.integers(0, 2**32), min_size=1, max_size=3)
    streams = st.deferred(lambda: st.sampled_from(vendor(name).streams))

    def check(case: tuple[str, dict[int, int]]) -> None:
        try:
            vendor(name).run(*case)
        except BaseException as err:  # noqa: BLE001 - what was spoilt is told, and it goes on
            note("\n".join(vendor(name).told))
            foreseen = not isinstance(err, Unforeseen)
            raise (err if foreseen else err.__cause__ or err) from None

    return Target(st.tuples(streams, plans), check)


VENDORS = {name: _target(name) for name in installed_taps()}
