"""dlt's rest_api source, extracted and no more: rows go to files as dlt keeps them.

Writes no messages and types nothing; a user needs normalize and load too. The last line of the
output is the number of rows.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt  # type: ignore[import-not-found]
from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found]


def callgear(options: dict[str, Any]) -> dict[str, Any]:
    """Offsets in the body, and a total."""
    size = options["page_size"]
    params = {
        "date_from": options["first"], "date_till": options["last"], "limit": size, "offset": 0,
    }  # fmt: skip
    return {
        "path": "v2.0",
        "method": "POST",
        "json": {"jsonrpc": "2.0", "id": 1, "method": "get.calls_report", "params": params},
        "data_selector": "result.data",
        "paginator": {
            "type": "offset", "limit": size, "offset_body_path": "params.offset",
            "limit_body_path": "params.limit", "total_path": "result.metadata.total_items",
        },
    }  # fmt: skip


def interactions(options: dict[str, Any]) -> dict[str, Any]:
    """Offsets in the body, up to an empty page."""
    field = "MostRecentRollupAtUtc"
    return {
        "path": "reporting/api/v1/interaction/details",
        "method": "POST",
        "json": {
            "StartDateTime": options["first"], "EndDateTime": options["last"],
            "DateFilterField": field, "OrderBy": [field, "_id"],
        },
        "data_selector": "data",
        "paginator": {
            "type": "offset", "limit": options["page_size"], "offset_body_path": "Offset",
            "limit_body_path": "Limit", "total_path": None, "stop_after_empty_page": True,
        },
    }  # fmt: skip


def pbx(options: dict[str, Any]) -> dict[str, Any]:
    """Numbered pages, and how many there are."""
    return {
        "path": "api/call_list.php",
        "params": {
            "auth": "benchmark-key", "containerID": "123456", "tenantID": "0", "utcOffset": "0",
            "fromDate": options["first"], "toDate": options["last"],
        },
        "data_selector": "data.*",
        "paginator": {
            "type": "page_number", "base_page": 1, "page_param": "page", "total_path": "maxPages",
        },
    }  # fmt: skip


def dixa(options: dict[str, Any]) -> dict[str, Any]:
    """The address of the next page."""
    return {
        "path": "v1/conversations/activitylog",
        "params": {
            "fromDatetime": options["first"], "toDatetime": options["last"],
            "pageLimit": options["page_size"],
        },
        "data_selector": "data",
        "paginator": {"type": "json_link", "next_url_path": "meta.next"},
    }  # fmt: skip


ENDPOINTS = {"callgear": callgear, "interactions": interactions, "pbx": pbx, "dixa": dixa}


def main(options: dict[str, Any]) -> None:
    """Extract, and tell how many rows there were."""
    endpoint = ENDPOINTS[options["shape"]](options)
    source = rest_api_source(
        {
            "client": {"base_url": options["api_url"]},
            "resources": [{"name": "rows", "endpoint": endpoint}],
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline("benchmark", pipelines_dir=folder, destination="filesystem")
        found = pipeline.extract(source)
        tables = [one["table_metrics"] for each in found.metrics.values() for one in each]
        print(sum(one["rows"].items_count for one in tables if "rows" in one))  # noqa: T201


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
