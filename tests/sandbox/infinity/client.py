"""A client, and servers, for the tests of the Infinity imitation."""

from __future__ import annotations

import base64
import http.client
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from contact_sandbox import Server
from contact_sandbox.infinity.api import API_KEY, PASSWORD, USERNAME, InfinityVendor

NOW = datetime(2025, 3, 31, 12, 0, 0, tzinfo=UTC)
KEY = {"Authorization": f"ApiKey {API_KEY}"}
BASIC = {"Authorization": "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()}
CALLS = "/reports/v2.1/igrps/101/triggers/calls"
METRICS = "/reports/v2.1/metrics/channels"
WHOLE = {"startDate": "2024-12-01", "endDate": "2025-03-31"}
Row = dict[str, Any]
Params = dict[str, Any]


class Client:
    """Sends GET requests to an imitation over a socket and reads its lines."""

    def __init__(self, url: str) -> None:
        self.address = urlsplit(url).netloc

    def send(
        self,
        path: str,
        params: Params | None = None,
        headers: dict[str, str] | None = None,
        method: str = "GET",
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            query = urlencode(params or {}, doseq=True)
            target = f"{path}?{query}" if query else path
            connection.request(method, target, headers=KEY if headers is None else headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def rows(self, path: str, params: Params | None = None) -> list[Row]:
        status, body = self.send(path, params)
        assert status == 200, body
        assert body.endswith(b"\n")
        return [json.loads(line) for line in body.split(b"\n") if line]

    def refusal(self, path: str, params: Params | None = None) -> tuple[int, str]:
        status, body = self.send(path, params)
        message = json.loads(body)
        assert isinstance(message, str)
        return status, message


def serve(**options: Any) -> Server:
    return Server([InfinityVendor(now=NOW, days=60, **{"short_pages": 0.0, **options})])


def keyset(client: Client, path: str = CALLS, limit: int = 40, **more: Any) -> list[list[Row]]:
    """Read a report the way the vendor recommends; return its pages, the last of them empty."""
    pages: list[list[Row]] = []
    last = 0
    while not pages or pages[-1]:
        rule = f"rowId-gt-value-{last}"
        asked = {**WHOLE, "limit": limit, "sort[]": "rowId-asc", "filter[]": rule, **more}
        pages.append(client.rows(path, asked))
        last = int(pages[-1][-1]["rowId"]) if pages[-1] else last
    return pages
