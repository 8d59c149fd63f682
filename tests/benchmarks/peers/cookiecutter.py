"""A tap as the SDK's template leads to: RESTStream, a paginator, a typed schema, nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlparse

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import BaseHATEOASPaginator, BaseOffsetPaginator, BasePageNumberPaginator


class PeerStream(RESTStream[Any]):
    """What the streams share."""

    @property
    def url_base(self) -> str:
        """The server."""
        return str(self.config["api_url"])

    @property
    def page_size(self) -> int:
        """Rows a request."""
        return int(self.config["page_size"])


class Totalled(BaseOffsetPaginator):
    """Offset to the vendor's total."""

    def has_more(self, response: Any) -> bool:
        """Compare with the total."""
        total = response.json()["result"]["metadata"]["total_items"]
        return bool(self.current_value + self._page_size < total)


class CallGear(PeerStream):
    """The calls report."""

    name = "calls"
    path = "/v2.0"
    http_method = "POST"
    primary_keys = ("id",)
    replication_key = "start_time"
    records_jsonpath = "$.result.data[*]"

    def get_new_paginator(self) -> Totalled:
        """Page by offset."""
        return Totalled(start_value=0, page_size=self.page_size)

    def prepare_request_payload(self, context: Any, next_page_token: Any) -> dict[str, Any]:  # noqa: ARG002
        """Give the JSON-RPC body."""
        params = {
            "date_from": self.config["first"], "date_till": self.config["last"],
            "limit": self.page_size, "offset": next_page_token or 0,
        }  # fmt: skip
        return {"jsonrpc": "2.0", "id": 1, "method": "get.calls_report", "params": params}


class Untotalled(BaseOffsetPaginator):
    """Offset to a page that is not full."""

    def has_more(self, response: Any) -> bool:
        """Look at the page."""
        return len(response.json()["data"]) == self._page_size


class MotionCX(PeerStream):
    """Details of interactions."""

    name = "interactions"
    path = "/reporting/api/v1/interaction/details"
    http_method = "POST"
    primary_keys = ("_id",)
    replication_key = "MostRecentRollupAtUtc"
    records_jsonpath = "$.data[*]"

    def get_new_paginator(self) -> Untotalled:
        """Page by offset."""
        return Untotalled(start_value=0, page_size=self.page_size)

    def prepare_request_payload(self, context: Any, next_page_token: Any) -> dict[str, Any]:  # noqa: ARG002
        """Give the body."""
        return {
            "StartDateTime": self.config["first"], "EndDateTime": self.config["last"],
            "DateFilterField": self.replication_key, "OrderBy": [self.replication_key, "_id"],
            "Limit": self.page_size, "Offset": next_page_token or 0,
        }  # fmt: skip


class Numbered(BasePageNumberPaginator):
    """Page numbers to the vendor's last."""

    def has_more(self, response: Any) -> bool:
        """Compare with the number of pages."""
        return bool(self.current_value < response.json()["maxPages"])


class Pbx(PeerStream):
    """The call list."""

    name = "calls"
    path = "/api/call_list.php"
    primary_keys = ("callUuid",)
    replication_key = "callDate"
    records_jsonpath = "$.data.*"

    def get_new_paginator(self) -> Numbered:
        """Page by number."""
        return Numbered(start_value=1)

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:  # noqa: ARG002
        """Give the query."""
        return {
            "auth": "benchmark-key", "containerID": "123456", "tenantID": "0", "utcOffset": "0",
            "fromDate": self.config["first"], "toDate": self.config["last"],
            "page": next_page_token or 1,
        }  # fmt: skip


class Linked(BaseHATEOASPaginator):
    """The address of the next page."""

    def get_next_url(self, response: Any) -> str | None:
        """Take it from the answer."""
        found: str | None = response.json()["meta"]["next"]
        return found


class Dixa(PeerStream):
    """The activity log."""

    name = "activity_log"
    path = "/v1/conversations/activitylog"
    primary_keys = ("id",)
    replication_key = "activityTimestamp"
    records_jsonpath = "$.data[*]"

    def get_new_paginator(self) -> Linked:
        """Follow addresses."""
        return Linked()

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:  # noqa: ARG002
        """Give the query."""
        if next_page_token:
            return dict(parse_qsl(urlparse(next_page_token.geturl()).query))
        return {
            "fromDatetime": self.config["first"], "toDatetime": self.config["last"],
            "pageLimit": self.page_size,
        }  # fmt: skip


class Infinity(PeerStream):
    """Calls, one object a line."""

    name = "calls"
    path = "/reports/v2.1/igrps/101/triggers/calls"
    primary_keys = ("rowId",)
    replication_key = "triggerDatetime"
    _last: str | None = None

    def parse_response(self, response: Any) -> Iterable[dict[str, Any]]:
        """Read line by line."""
        self._last = None
        for line in response.iter_lines(chunk_size=1 << 16):
            if line:
                row = json.loads(line)
                self._last = row["rowId"]
                yield row

    def get_new_paginator(self) -> Any:
        """Page by hand."""
        return None

    def request_records(self, context: Any) -> Iterable[dict[str, Any]]:
        """Ask for rows beyond the last one until there are none."""
        decorated = self.request_decorator(self._request)
        token: str | None = None
        while True:
            response = decorated(self.prepare_request(context, next_page_token=token), context)
            yield from self.parse_response(response)
            token = self._last
            if token is None:
                return

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:  # noqa: ARG002
        """Give the query."""
        return {
            "startDate": self.config["first"], "endDate": self.config["last"], "tz": "UTC",
            "format": "json", "sort[]": "rowId-asc", "limit": self.page_size,
            **({"filter[]": f"rowId-gt-value-{next_page_token}"} if next_page_token else {}),
        }  # fmt: skip


STREAMS: dict[str, type[PeerStream]] = {
    "callgear": CallGear, "interactions": MotionCX, "pbx": Pbx, "dixa": Dixa, "infinity": Infinity,
}  # fmt: skip


class TapPeer(Tap):
    """The tap."""

    name = "tap-peer"
    config_jsonschema = th.PropertiesList(
        th.Property("api_url", th.StringType, required=True),
        th.Property("shape", th.StringType, required=True),
        th.Property("schema_file", th.StringType, required=True),
        th.Property("first", th.StringType, required=True),
        th.Property("last", th.StringType, required=True),
        th.Property("page_size", th.IntegerType, required=True),
    ).to_dict()

    def discover_streams(self) -> list[PeerStream]:
        """Give the one stream."""
        schema = json.loads(Path(self.config["schema_file"]).read_text(encoding="utf-8"))
        return [STREAMS[self.config["shape"]](self, schema=schema)]


if __name__ == "__main__":
    TapPeer.cli(sys.argv[1:])
