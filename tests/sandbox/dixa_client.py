"""A small, careful client of the imitated Dixa, for the tests of the imitation."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from contact_sandbox import Server
from contact_sandbox.dixa.api import DixaVendor
from contact_sandbox.dixa.gateway import TOKEN

NOW = datetime(2026, 5, 20, 13, 30, tzinfo=UTC)
DAYS = 60
METRICS = "/v1/analytics/metrics"
RECORDS = "/v1/analytics/records"
ACTIVITY = "/v1/conversations/activitylog"
CONVERSATIONS = "/v1/conversation_export"
MESSAGES = "/v1/message_export"


class Client:
    """Asks one imitation over a real connection."""

    def __init__(self, vendor: DixaVendor, server: Server) -> None:
        self.vendor = vendor
        self.server = server
        self._connection = http.client.HTTPConnection(
            urlsplit(server.url("dixa")).netloc, timeout=10
        )

    def close(self) -> None:
        self._connection.close()

    def ask(
        self,
        method: str,
        path: str,
        query: dict[str, Any] | None = None,
        body: object = None,
        token: str | None = TOKEN,
    ) -> tuple[int, Any]:
        """Return status and parsed body of any answer."""
        target = f"{path}?{urlencode(query)}" if query else path
        headers = {} if token is None else {"Authorization": token}
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        self._connection.request(method, target, content, headers)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def get(self, path: str, **query: object) -> Any:
        """Return the body of a GET that must succeed."""
        status, body = self.ask("GET", path, query)
        assert status == 200, body
        return body

    def post(self, path: str, body: object, **query: object) -> Any:
        """Return the body of a POST that must succeed."""
        status, answer = self.ask("POST", path, query, body)
        assert status == 200, answer
        return answer

    def refused(self, path: str, body: object = None, **query: object) -> tuple[int, str]:
        """Return status and message of a request that must fail; with a body it is a POST."""
        status, answer = self.ask("GET" if body is None else "POST", path, query, body)
        assert status >= 400, answer
        assert set(answer) == {"message"}
        return status, answer["message"]

    def pages(self, path: str, body: object = None, **query: object) -> list[list[Any]]:
        """Return every page of a list, each key decoded once and used with the same body."""
        found = []
        asked = dict(query)
        while True:
            answer = self.post(path, body, **asked) if body else self.get(path, **asked)
            found.append(answer["data"])
            key = next_key(answer)
            if key is None:
                return found
            asked["pageKey"] = key

    def rows(self, path: str, body: object = None, **query: object) -> list[Any]:
        """Return every row of a list."""
        return [row for page in self.pages(path, body, **query) for row in page]

    def record(self, raw: str, start: datetime, end: datetime, **query: object) -> list[Any]:
        """Return a record's rows of a period."""
        return self.rows(RECORDS, body(raw, start, end), pageLimit=300, **query)

    def everything(self, raw: str) -> list[Any]:
        """Return all rows of a record."""
        return self.record(raw, self.vendor.start - timedelta(days=2), self.vendor.now)

    def measures(self, raw: str, start: datetime, end: datetime, **more: object) -> Any:
        """Return a metric's values, None where the answer has none."""
        answer = self.post(METRICS, body(raw, start, end, **more))["data"]
        assert answer["id"] == raw
        return answer.get("aggregates")


def body(raw: str, start: datetime, end: datetime, **more: object) -> dict[str, Any]:
    """Return a body that asks for a period."""
    interval = {"_type": "Interval", "start": text(start), "end": text(end)}
    return {"id": raw, "periodFilter": interval, "timezone": "UTC", **more}


def text(at: datetime) -> str:
    """Return an instant for a request."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def next_key(answer: dict[str, Any]) -> str | None:
    """Return the key of the next page, decoded, or None."""
    address: str | None = (answer.get("meta") or {}).get("next")
    if not address:
        return None
    split = urlsplit(address)
    assert not split.netloc
    assert split.path.endswith("/")
    return parse_qs(split.query, strict_parsing=True)["pageKey"][0]


@contextmanager
def serve(**options: Any) -> Iterator[Client]:
    """Serve an imitation with these options; its own failures fail the test."""
    settings = {"now": NOW, "days": DAYS, **options}
    vendor = DixaVendor(**settings)
    with Server([vendor]) as server:
        client = Client(vendor, server)
        try:
            yield client
        finally:
            client.close()
        assert server.errors == []
