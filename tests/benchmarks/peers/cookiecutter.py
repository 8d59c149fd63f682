"""A tap as the SDK's template leads to: RESTStream, a paginator, a typed schema, nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import BaseOffsetPaginator


class Offsets(BaseOffsetPaginator):
    """Offset to the vendor's total."""

    def has_more(self, response: Any) -> bool:
        """Compare with the total."""
        total = response.json()["result"]["metadata"]["total_items"]
        return bool(self.current_value + self._page_size < total)


class Calls(RESTStream):
    """The calls report."""

    name = "calls"
    path = "/v2.0"
    http_method = "POST"
    primary_keys = ("id",)
    replication_key = "start_time"
    records_jsonpath = "$.result.data[*]"

    @property
    def url_base(self) -> str:
        """The server."""
        return str(self.config["api_url"])

    def get_new_paginator(self) -> Offsets:
        """Page by offset."""
        return Offsets(start_value=0, page_size=self.config["page_size"])

    def prepare_request_payload(self, context: Any, next_page_token: Any) -> dict[str, Any]:  # noqa: ARG002
        """Give the JSON-RPC body."""
        params = {
            "date_from": self.config["first"], "date_till": self.config["last"],
            "limit": self.config["page_size"], "offset": next_page_token or 0,
        }  # fmt: skip
        return {"jsonrpc": "2.0", "id": 1, "method": "get.calls_report", "params": params}


class TapPeer(Tap):
    """The tap."""

    name = "tap-peer"
    config_jsonschema = th.PropertiesList(
        th.Property("api_url", th.StringType, required=True),
        th.Property("schema_file", th.StringType, required=True),
        th.Property("first", th.StringType, required=True),
        th.Property("last", th.StringType, required=True),
        th.Property("page_size", th.IntegerType, required=True),
    ).to_dict()

    def discover_streams(self) -> list[Calls]:
        """Give the one stream."""
        schema = json.loads(Path(self.config["schema_file"]).read_text(encoding="utf-8"))
        return [Calls(self, schema=schema)]


if __name__ == "__main__":
    TapPeer.cli(sys.argv[1:])
