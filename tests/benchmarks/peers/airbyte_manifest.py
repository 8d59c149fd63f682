"""airbyte-cdk with a declarative manifest, run in this process; AirbyteMessages to its output.

With several in flight, days are read side by side: within one, its pages are sequential.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from airbyte_cdk.entrypoint import launch  # type: ignore[import-not-found]
from airbyte_cdk.models import (  # type: ignore[import-not-found]
    ConfiguredAirbyteCatalogSerializer,
)
from airbyte_cdk.sources.declarative.concurrent_declarative_source import (  # type: ignore[import-not-found]
    ConcurrentDeclarativeSource,
)

Component = dict[str, Any]

_ISO = "%Y-%m-%dT%H:%M:%S.%fZ"
_SECONDS = "%Y-%m-%d %H:%M:%S"
_TIMES = {
    "callgear": ("start_time", _SECONDS, [_SECONDS], "PT1S"),
    "interactions": (
        "MostRecentRollupAtUtc", _ISO, [_ISO, "%Y-%m-%dT%H:%M:%SZ"], "PT0.001S",
    ),
    "pbx": ("callDate", _SECONDS, [_SECONDS], "PT1S"),
    "dixa": ("activityTimestamp", _ISO, [f"{_ISO}[GMT]"], "PT0.001S"),
}  # fmt: skip
"""Per shape: the cursor field, how bounds are written, how values may look, the precision."""


def _option(inject_into: str, *path: str) -> Component:
    place = {"field_path": list(path)} if inject_into == "body_json" else {"field_name": path[0]}
    return {"type": "RequestOption", "inject_into": inject_into, **place}


def _paginator(strategy: Component, token: Component, size: Component | None) -> Component:
    sized = {"page_size_option": size} if size else {}
    return {
        "type": "DefaultPaginator", "pagination_strategy": strategy, "page_token_option": token,
        **sized,
    }  # fmt: skip


def _offsets(size: int, *path: str) -> Component:
    """Give offsets in the body: the last of `path` in either spelling."""
    *outer, offset, limit = path
    return _paginator(
        {"type": "OffsetIncrement", "page_size": size, "inject_on_first_request": True},
        _option("body_json", *outer, offset),
        _option("body_json", *outer, limit),
    )


def callgear(size: int, first: str, last: str) -> Component:
    """Offsets in the body."""
    return {
        "path": "/v2.0", "http_method": "POST", "select": ["result", "data"],
        "request_body_json": {
            "jsonrpc": "2.0", "id": "1", "method": "get.calls_report",
            "params": {"date_from": first, "date_till": last},
        },
        "paginator": _offsets(size, "params", "offset", "limit"),
    }  # fmt: skip


def interactions(size: int, first: str, last: str) -> Component:
    """Offsets in the body."""
    field = "MostRecentRollupAtUtc"
    return {
        "path": "/reporting/api/v1/interaction/details", "http_method": "POST", "select": ["data"],
        "request_body_json": {
            "StartDateTime": first, "EndDateTime": last, "DateFilterField": field,
            "OrderBy": [field, "_id"],
        },
        "paginator": _offsets(size, "Offset", "Limit"),
    }  # fmt: skip


def pbx(size: int, first: str, last: str) -> Component:
    """Numbered pages."""
    strategy = {
        "type": "PageIncrement", "page_size": size, "start_from_page": 1,
        "inject_on_first_request": True,
    }  # fmt: skip
    return {
        "path": "/api/call_list.php", "http_method": "GET", "select": ["data", "*"],
        "request_parameters": {
            "auth": "benchmark-key", "containerID": "123456", "tenantID": "0", "utcOffset": "0",
            "fromDate": first, "toDate": last,
        },
        "paginator": _paginator(strategy, _option("request_parameter", "page"), None),
    }  # fmt: skip


def dixa(size: int, first: str, last: str) -> Component:
    """The address of the next page."""
    strategy = {
        "type": "CursorPagination", "page_size": size,
        "cursor_value": "{{ response['meta']['next'] }}",
        "stop_condition": "{{ not response['meta']['next'] }}",
    }  # fmt: skip
    return {
        "path": "/v1/conversations/activitylog", "http_method": "GET", "select": ["data"],
        "request_parameters": {"fromDatetime": first, "toDatetime": last},
        "paginator": _paginator(
            strategy, {"type": "RequestPath"}, _option("request_parameter", "pageLimit")
        ),
    }  # fmt: skip


ENDPOINTS = {"callgear": callgear, "interactions": interactions, "pbx": pbx, "dixa": dixa}


def manifest(options: dict[str, Any]) -> Component:
    """Give the connector."""
    has_windows = options["in_flight"] > 1
    bounds = (options["first"], options["last"])
    if has_windows:
        bounds = ("{{ stream_interval.start_time }}", "{{ stream_interval.end_time }}")
    asked = ENDPOINTS[options["shape"]](options["page_size"], *bounds)
    select, paginator = asked.pop("select"), asked.pop("paginator")
    schema = json.loads(Path(options["schema_file"]).read_text(encoding="utf-8"))
    stream = {
        "type": "DeclarativeStream",
        "name": "rows",
        "primary_key": options["keys"],
        "retriever": {
            "type": "SimpleRetriever",
            "requester": {"type": "HttpRequester", "url_base": options["api_url"], **asked},
            "record_selector": {
                "type": "RecordSelector",
                "extractor": {"type": "DpathExtractor", "field_path": select},
            },
            "paginator": paginator,
        },
        "schema_loader": {"type": "InlineSchemaLoader", "schema": schema},
        **({"incremental_sync": _days(options)} if has_windows else {}),
    }
    return {
        "version": "7.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["rows"]},
        "streams": [stream],
        "spec": {"type": "Spec", "connection_specification": {"type": "object"}},
        "concurrency_level": {
            "type": "ConcurrencyLevel", "default_concurrency": max(2, options["in_flight"]),
            "max_concurrency": 32,
        },
        **({"api_budget": _budget(options["rate"])} if options["rate"] else {}),
    }  # fmt: skip


def _days(options: dict[str, Any]) -> Component:
    field, written, read, precision = _TIMES[options["shape"]]
    return {
        "type": "DatetimeBasedCursor", "cursor_field": field, "datetime_format": written,
        "cursor_datetime_formats": read, "cursor_granularity": precision, "step": "P1D",
        "start_datetime": options["windows"][0][0], "end_datetime": options["windows"][-1][1],
    }  # fmt: skip


def _budget(rate: int) -> Component:
    rates = [{"type": "Rate", "limit": rate, "interval": "PT1S"}]
    policy = {"type": "MovingWindowCallRatePolicy", "rates": rates, "matchers": []}
    return {"type": "HTTPAPIBudget", "policies": [policy]}


def main(options: dict[str, Any], folder: Path) -> None:
    """Read the one stream."""
    has_windows = options["in_flight"] > 1
    mode = "incremental" if has_windows else "full_refresh"
    stream = {
        "name": "rows", "json_schema": {}, "supported_sync_modes": [mode],
    }  # fmt: skip
    catalog = {
        "streams": [{"stream": stream, "sync_mode": mode, "destination_sync_mode": "append"}]
    }
    files = {"config": {}, "catalog": catalog}
    names = {}
    for name, content in files.items():
        names[name] = folder / f"airbyte-{name}-{mode}.json"
        names[name].write_text(json.dumps(content), encoding="utf-8")
    source = ConcurrentDeclarativeSource(
        config={},
        catalog=ConfiguredAirbyteCatalogSerializer.load(catalog),
        state=None,
        source_config=manifest(options),
    )
    arguments = [word for name, path in names.items() for word in (f"--{name}", str(path))]
    launch(source, ["read", *arguments])


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[1]).parent)
