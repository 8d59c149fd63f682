"""The smallest tap that has everything, and the vendor that it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any, ClassVar

from singer_sdk import typing as th

from contact_sandbox import Reply as VendorReply
from contact_sandbox import Request as VendorRequest
from contact_sandbox import Vendor
from tap_shared.auth import header
from tap_shared.errors import (
    CredentialsRefused,
    StreamFailed,
    StreamUnavailable,
    WindowTooLarge,
)
from tap_shared.http import Reply, Request, Transport, gateway_faults
from tap_shared.instants import instant_text, parse_instant
from tap_shared.page import Page, decode
from tap_shared.prefetch import Fence, Node, Step
from tap_shared.settings import settings_schema
from tap_shared.stream import ApiStream, WindowRead
from tap_shared.tap import ApiTap
from tap_shared.windows import Span, Window, plan

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 10
SITES = ("a", "b", "c")
KEY = "sandbox-tiny-key"


class Tiny(Vendor):
    """Calls and visits, one an hour, and three things.

    Options: `refused` (path to status), `weight` (letters in each call's text).
    """

    name = "tiny"
    streams = ("calls", "things", "visits")
    defaults: ClassVar[Mapping[str, Any]] = {"refused": {}, "weight": 10}

    def handle(self, request: VendorRequest) -> VendorReply:
        """Answer, or refuse as told."""
        if request.headers.get("x-api-key") != KEY:
            return VendorReply(401, {"error": "no"})
        refused = self.options["refused"].get(request.path)
        if refused and (request.param("from") or "") >= refused[1]:
            return VendorReply(refused[0], {"error": "told so"})
        if request.path == "/things":
            return VendorReply(body={"rows": [{"id": n, "name": f"thing {n}"} for n in range(3)]})
        first, last = (parse_instant(request.param(name) or "") for name in ("from", "to"))
        return VendorReply(body={"rows": list(self._hours(first, last))})

    def _hours(self, first: datetime, last: datetime) -> Iterator[dict[str, Any]]:
        for hour in range(DAYS * 24):
            at = START + timedelta(hours=hour)
            if first <= at < last:
                yield {
                    "id": str(hour), "at": at.isoformat(" ")[:19], "n": "5" if hour % 7 else "odd",
                    "who": {"name": f"Jane {hour} \N{EM DASH} \ud83d", "age": 30}, "new": hour,
                    "text": "x" * self.options["weight"],
                }  # fmt: skip

    def settings(self, url: str) -> dict[str, Any]:
        """Give a whole config."""
        return {
            "api_url": url, "api_key": KEY, "start_date": "2024-01-01",
            "end_date": instant_text(START + timedelta(days=DAYS)), "max_attempts": 2,
        }  # fmt: skip

    def expected(self, stream: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Give the rows of a stream."""
        rows = list(self._hours(START, START + timedelta(days=DAYS)))
        return {(int(row["id"]), stream): row for row in rows}

    def change(self, seed: int) -> None:
        """Nothing changes."""


def faults(reply: Reply) -> None:
    """Map the vendor's statuses."""
    if reply.status == 401:
        raise CredentialsRefused("The vendor refuses the key; make a new one.")
    if reply.status == 403:
        raise StreamUnavailable("the vendor refuses it: no permission.")
    if reply.status == 413:
        raise WindowTooLarge("the vendor finds the range too long")
    gateway_faults(reply)
    if reply.status >= 400:
        raise StreamFailed(f"the vendor answers HTTP {reply.status}.")


def rows_of(reply: Reply) -> Page:
    """Read an answer."""
    if reply.status == 299:
        raise KeyError("a bug of the tap")
    return Page(decode(reply.body, dict)["rows"], size=len(reply.body))


TEXT = {"type": ["string", "null"], "description": "Text."}
PROPERTIES: dict[str, Any] = {
    "id": {"type": "integer", "description": "Id."},
    "at": {"type": ["string", "null"], "format": "date-time", "description": "When."},
    "n": {"type": ["integer", "null"], "description": "Number."},
    "who": {
        "type": ["object", "null"],
        "description": "Who.",
        "properties": {
            "name": {**TEXT, "x-pii": True},
            "age": {"type": ["integer", "null"], "description": "Age."},
        },
    },
    "text": TEXT,
}


class Windowed(ApiStream):
    """Rows by the day."""

    primary_keys: ClassVar[Sequence[str]] = ("id",)
    replication_key: str | None = "at"
    extra: ClassVar[dict[str, Any]] = {}
    tap: TinyTap

    def load_schema(self, name: str | None) -> dict[str, Any]:  # noqa: ARG002
        """Give the schema."""
        return {"type": "object", "properties": {**self.extra, **PROPERTIES}}

    def nodes(self, span: Span, context: Any) -> Iterable[Node]:
        """Give one request a day."""
        for window in plan(span, self.tap.settings.window):
            yield partial(self.read, window, context or {})
            yield Fence(WindowRead(window))

    def read(self, window: Window, context: dict[str, Any]) -> Step:
        """Read a day."""
        path = "/".join(("", self.name, *context.values()))
        params = (("from", instant_text(window.start)), ("to", instant_text(window.end)))
        page = self.tap.link.send(Request(f"GET {path}", path, params=params), rows_of)
        return Step(page.stamp(**context))


class Calls(Windowed):
    """Calls."""

    name = "calls"


class Visits(Windowed):
    """Visits, by site."""

    name = "visits"
    primary_keys: ClassVar[Sequence[str]] = ("site", "id")
    extra: ClassVar[dict[str, Any]] = {"site": {"type": "string", "description": "Site."}}

    @property
    def partitions(self) -> list[dict[str, Any]]:
        """Give the sites."""
        return [{"site": site} for site in SITES]


class Things(Windowed):
    """Things, all of them."""

    name = "things"
    replication_key = None

    def nodes(self, span: Span, context: Any) -> Iterable[Node]:  # noqa: ARG002
        """Give the one request."""
        return [lambda: Step(self.tap.link.send(Request("GET /things", "/things"), rows_of))]


class TinyTap(ApiTap):
    """The tap."""

    name = "tap-tiny"
    stream_types = (Calls, Visits, Things)
    config_jsonschema = settings_schema(
        th.Property("api_key", th.StringType, required=True, secret=True, description="Key."),
        defaults={
            "lookback": "1d", "window": "1d", "page_size": 100, "max_concurrency": 3,
            "requests_per_minute": 0, "api_url": "https://tiny.example", "user_agent": "tap-tiny/1",
        },
    )  # fmt: skip

    @cached_property
    def link(self) -> Transport:
        """The way to the vendor."""
        return self.transport(header("x-api-key", self.config["api_key"]), faults)


if __name__ == "__main__":
    TinyTap.cli()
