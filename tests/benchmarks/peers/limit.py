"""The floor: requests and msgspec, no Singer logic; one request at a time or several in flight."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import requests

T = TypeVar("T")
Window = tuple[str, str]
decode = msgspec.json.decode
decode_lines = msgspec.json.Decoder().decode_lines
encode_lines = msgspec.json.Encoder().encode_lines


@dataclass
class Found:
    """A page: its rows, the cursor of the next one, and cursors that are known from it."""

    rows: list[Any]
    following: Any = None
    known: Iterable[Any] = ()


class Vendor:
    """How a vendor is asked."""

    first: Any = 0

    def __init__(self, options: dict[str, Any]) -> None:
        """Open one session."""
        self.url: str = options["api_url"]
        self.size: int = options["page_size"]
        self._session = requests.Session()
        self._session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))
        self._gap = 1.03 / options["rate"] if options.get("rate") else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def send(self, method: str, path: str, **given: Any) -> bytes:
        """Ask, no faster than told, and again where that was too fast."""
        while True:
            if self._gap:
                with self._lock:
                    at = self._next = max(self._next + self._gap, time.monotonic())
                time.sleep(max(0, at - time.monotonic()))
            answer = self._session.request(method, self.url + path, timeout=60, **given)
            if answer.status_code != 429:
                answer.raise_for_status()
                return answer.content
            time.sleep(float(answer.headers["Retry-After"]))

    def page(self, window: Window, cursor: Any) -> Found:
        """Read a page."""
        raise NotImplementedError


class CallGear(Vendor):
    """Offsets and a total."""

    def page(self, window: Window, cursor: int) -> Found:
        """Read a page."""
        params = {
            "date_from": window[0], "date_till": window[1], "limit": self.size, "offset": cursor,
        }  # fmt: skip
        body = {"jsonrpc": "2.0", "id": 1, "method": "get.calls_report", "params": params}
        result = decode(self.send("POST", "/v2.0", data=json.dumps(body)))["result"]
        rows = result["data"]
        total, following = result["metadata"]["total_items"], cursor + self.size
        rest = range(self.size, total, self.size)
        return Found(rows, following if following < total else None, rest)


class MotionCX(Vendor):
    """Offsets without a total."""

    def page(self, window: Window, cursor: int) -> Found:
        """Read a page."""
        body = {
            "StartDateTime": window[0], "EndDateTime": window[1],
            "DateFilterField": "MostRecentRollupAtUtc", "OrderBy": ["MostRecentRollupAtUtc", "_id"],
            "Limit": self.size, "Offset": cursor,
        }  # fmt: skip
        path = "/reporting/api/v1/interaction/details"
        rows = decode(self.send("POST", path, data=json.dumps(body)))["data"]
        following = cursor + self.size if len(rows) == self.size else None
        return Found(rows, following, count(self.size, self.size))


class Pbx(Vendor):
    """Numbered pages, and how many there are."""

    first = 1

    def page(self, window: Window, cursor: int) -> Found:
        """Read a page."""
        params = {
            "auth": "benchmark-key", "containerID": "123456", "tenantID": "0",
            "fromDate": window[0], "toDate": window[1], "utcOffset": "0", "page": str(cursor),
        }  # fmt: skip
        answer = decode(self.send("GET", "/api/call_list.php", params=params))
        pages = answer["maxPages"]
        rows = list(answer["data"].values())
        return Found(rows, cursor + 1 if cursor < pages else None, range(2, pages + 1))


class Dixa(Vendor):
    """A cursor, in the address of the next page."""

    def page(self, window: Window, cursor: str) -> Found:
        """Read a page."""
        first = "/v1/conversations/activitylog"
        params = {"fromDatetime": window[0], "toDatetime": window[1], "pageLimit": str(self.size)}
        text = self.send("GET", cursor or first, params=None if cursor else params)
        answer = decode(text)
        return Found(answer["data"], answer["meta"]["next"])


class Infinity(Vendor):
    """Rows beyond the last one, one object a line."""

    def page(self, window: Window, cursor: int) -> Found:
        """Read a page."""
        params = {
            "startDate": window[0], "endDate": window[1], "tz": "UTC", "format": "json",
            "sort[]": "rowId-asc", "limit": str(self.size),
            **({"filter[]": f"rowId-gt-value-{cursor}"} if cursor else {}),
        }  # fmt: skip
        path = "/reports/v2.1/igrps/101/triggers/calls"
        rows = decode_lines(self.send("GET", path, params=params))
        return Found(rows, rows[-1]["rowId"] if rows else None)


def pages(vendor: Vendor, window: Window) -> Iterator[Found]:
    """Read page after page."""
    cursor = vendor.first
    while cursor is not None:
        page = vendor.page(window, cursor)
        yield page
        cursor = page.following


class Ahead(Generic[T]):
    """Keeps some calls under way and gives their results in order."""

    def __init__(self, in_flight: int, calls: Iterator[Callable[[], T]]) -> None:
        """Start the first ones."""
        self._pool = ThreadPoolExecutor(in_flight)
        self._calls = calls
        self._running: deque[Future[T]] = deque()
        self._more(in_flight)

    def _more(self, number: int) -> None:
        self._running.extend(self._pool.submit(call) for call in islice(self._calls, number))

    def results(self) -> Iterator[T]:
        """Give result after result."""
        while self._running:
            yield self._running.popleft().result()
            self._more(1)

    def stop(self) -> None:
        """Start nothing more."""
        self._pool.shutdown(cancel_futures=True)


def known(vendor: Vendor, window: Window, in_flight: int) -> Iterator[Found]:
    """Read the first page, then the others side by side, up to one that is not full."""
    page = vendor.page(window, vendor.first)
    yield page
    ahead = Ahead(in_flight, (partial(vendor.page, window, c) for c in page.known))
    for page in ahead.results():
        yield page
        if len(page.rows) < vendor.size:
            break
    ahead.stop()


def _chain(vendor: Vendor, window: Window) -> list[Found]:
    return list(pages(vendor, window))


def chains(vendor: Vendor, windows: Iterable[Window], in_flight: int) -> Iterator[Found]:
    """Read windows side by side, each page after page."""
    ahead = Ahead(in_flight, (partial(_chain, vendor, w) for w in windows))
    for found in ahead.results():
        yield from found
    ahead.stop()


VENDORS = {
    "callgear": CallGear, "interactions": MotionCX, "pbx": Pbx, "dixa": Dixa, "infinity": Infinity,
}  # fmt: skip


def main(options: dict[str, Any]) -> None:
    """Read everything and write a line a record."""
    vendor = VENDORS[options["shape"]](options)
    window, in_flight = (options["first"], options["last"]), options["in_flight"]
    if in_flight == 1:
        found = pages(vendor, window)
    elif options["shape"] in {"dixa", "infinity"}:
        found = chains(vendor, options["windows"], in_flight)
    else:
        found = known(vendor, window, in_flight)
    for page in found:
        sys.stdout.buffer.write(encode_lines(page.rows))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
