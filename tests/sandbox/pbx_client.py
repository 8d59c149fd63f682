"""A client of the imitated PBX, and what its tests ask for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import requests

from contact_sandbox import Server
from contact_sandbox.pbx.api import CONTAINER, KEY, PbxVendor

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
ACCESS = {"auth": KEY, "containerID": CONTAINER}
EVER = {"fromDate": "2000-01-01 00:00:00", "toDate": "2030-01-01 00:00:00"}
LIST = "/api/call_list.php"
DETAILS = "/api/call_details.php"
RECORDING = "/api/call_recording.php"
NOTES = "/api/call_notes.php"
RING_GROUPS = "/api/reports/raw/ringgroup"
CONVERSATIONS = "/api/messaging/v1/conversations"
CONVERSATION = "/api/messaging/v1/conversation"

Value = str | int


class Client:
    """Asks one PBX over one connection."""

    def __init__(self, vendor: PbxVendor, url: str) -> None:
        self.vendor = vendor
        self.url = url
        self.session = requests.Session()
        vendor.settings(url)

    def get(self, path: str, **query: Value) -> requests.Response:
        return self.session.get(self.url + path, params={**ACCESS, **query}, timeout=10)

    def json(self, path: str, **query: Value) -> dict[str, Any]:
        answer: dict[str, Any] = self.get(path, **query).json()
        return answer

    def pages(self, **query: Value) -> list[dict[str, Any]]:
        first = self.json(LIST, **{**EVER, **query})
        numbers = range(2, first["maxPages"] + 1)
        return [first, *(self.json(LIST, **{**EVER, **query}, page=number) for number in numbers)]

    def identifiers(self, **query: Value) -> list[str]:
        return [uuid for page in self.pages(**query) for uuid in page["data"]]

    def note(self, **fields: Value) -> dict[str, str]:
        data = {**ACCESS, **fields}
        answer: dict[str, str] = self.session.post(self.url + NOTES, data=data, timeout=10).json()
        return answer

    def calls(self, tenant: str = "0") -> dict[str, dict[str, Any]]:
        rows = self.vendor.expected("calls")
        return {key[2]: row for key, row in rows.items() if key[1] == tenant}

    def events(self, tenant: str, uuid: str) -> dict[str, dict[str, Any]]:
        rows = self.vendor.expected("call_events")
        return {key[3]: row for key, row in rows.items() if key[1:3] == (tenant, uuid)}

    def find(self, **wanted: str) -> str:
        return next(
            call.uuid
            for call in self.vendor.store.tenants["0"]
            if all(getattr(call, name) == value for name, value in wanted.items())
        )


@contextmanager
def serve(**options: Any) -> Iterator[Client]:
    vendor = PbxVendor(now=NOW, **options)
    with Server([vendor]) as server:
        yield Client(vendor, server.url("pbx"))
        assert not server.errors
