"""A client of the imitated MotionCX, for its tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import requests

from contact_sandbox import Server
from contact_sandbox.interactions.api import Interactions

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
REPORTING = "/reporting/api/v1"
DETAILS = "interaction/details"
ROLLUP = "MostRecentRollupAtUtc"
EVER = {"StartDateTime": "2000-01-01T00:00:00Z", "EndDateTime": "2099-01-01T00:00:00Z"}
QUERY: dict[str, Any] = {
    **EVER,
    "DateFilterField": ROLLUP,
    "OrderBy": [ROLLUP, "_id"],
    "Limit": 500,
}
FEW = {"interactions": 60, "burst": 0, "messages": 20, "events": 20, "agents": 8, "tickets": 12}


class Client:
    """Asks one MotionCX over one connection."""

    def __init__(self, vendor: Interactions, url: str) -> None:
        self.vendor = vendor
        self.url = url
        self.session = requests.Session()
        self.session.headers["x-api-key"] = vendor.settings(url)["api_key"]

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.session.get(self.url + path, params=query, timeout=10)

    def post(self, path: str, **members: Any) -> requests.Response:
        return self.session.post(f"{self.url}{REPORTING}/{path}", json=members, timeout=10)

    def data(self, path: str, **members: Any) -> Any:
        answer = self.post(path, **members).json()
        assert (answer["resultCode"], answer["resultCodeName"]) == (0, "Success")
        return answer["data"]

    def ask(self, **members: Any) -> requests.Response:
        return self.post(DETAILS, **{**QUERY, **members})

    def rows(self, **members: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.data(DETAILS, **{**QUERY, **members})
        return found

    def everything(self, **members: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while page := self.rows(**members, Offset=len(found)):
            found += page
        return found


@contextmanager
def serving(**options: Any) -> Iterator[Client]:
    vendor = Interactions(seed=3, now=NOW, **{"days": 30, **FEW, **options})
    with Server([vendor]) as server:
        client = Client(vendor, server.url("interactions"))
        with client.session:
            yield client
        assert server.errors == []
