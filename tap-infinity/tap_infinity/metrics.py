"""Aggregated metrics: channel metrics, and the reports that a user defines.

Rows of these reports carry no date, so a daily stream asks for one day at a time and writes the day
into the rows. Only `limit` is documented, no offset, so an answer that is as long as was asked for,
or as one of the caps that clients met, is taken for cut.
https://www.infinity.co/service/api/reports_v2_metrics.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from functools import cached_property, partial
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from tap_infinity.client import Params
from tap_infinity.families import Context, InfinityStream, igrp_of, stamped
from tap_infinity.page_limit import CAPS
from tap_infinity.report_settings import Report
from tap_shared.coerce import Misfit, Rules, coercion
from tap_shared.errors import StreamFailed
from tap_shared.page import Page
from tap_shared.prefetch import Fence, Node, Step
from tap_shared.stream import ApiStream, WindowRead
from tap_shared.windows import Span, Window, steps

__all__ = ["metric_stream"]

_NUMBER = coercion({"type": "number"}, Rules())
_INSTANT = timedelta(microseconds=1)

_NAMED_WITH = {"ch": "chName", "metricMonth": "metricMonthName"}
"""Columns that the vendor adds to a dimension."""
_ADDED = {
    "igrp": {
        "type": "integer",
        "description": "Installation the row was read from, stamped from the request.",
    },
    "report_date": {
        "type": "string",
        "format": "date",
        "description": "Day that the figures cover, in metrics_timezone.",
    },
    "metrics_timezone": {
        "type": ["string", "null"],
        "description": "Zone whose midnight bounds the day, from the setting of the same name.",
    },
    "metrics": {
        "type": ["object", "null"],
        "description": "Further numeric columns of the report, by the vendor's column name.",
        "properties": {},
        "additionalProperties": {"type": ["number", "null"]},
    },
}


class MetricStream(InfinityStream):
    """One report of aggregated metrics.

    Attributes:
        report: Its definition.
    """

    report: ClassVar[Report]
    is_deduplicated = False

    def load_schema(self, name: str | None) -> dict[str, Any]:
        """Give the schema file of channel metrics, or one made from the definition."""
        if self.report.name == "channel_metrics":
            schema = super().load_schema(name)
        else:
            schema = self._defined()
        columns = {metric.ref: _custom_column(metric.ref) for metric in self.report.custom}
        return {**schema, "properties": {**schema["properties"], **columns}}

    def _defined(self) -> dict[str, Any]:
        """Make the schema of a user's report: key, dimensions, and `metrics` for the figures."""
        known = {
            **self.schemas.get_schema("trigger")["properties"],
            **self.schemas.get_schema("channel_metrics")["properties"],
        }
        report = self.report
        beside = [_NAMED_WITH[name] for name in report.group if name in _NAMED_WITH]
        named = {*report.group, *beside, *report.primary_key}
        properties = {
            column: known.get(column) or _dimension(column)
            for column in dict.fromkeys([*report.group, *beside, *report.columns])
            if column in known or column in named
        }
        added = {n: s for n, s in _ADDED.items() if report.daily or n != "report_date"}
        what = f"Figures of the report '{report.name}'; GET /reports/{{version}}/{report.path}."
        return {"type": "object", "description": what, "properties": {**added, **properties}}

    @cached_property
    def local(self) -> tzinfo:
        """The zone whose days are counted."""
        return ZoneInfo(self.tap.config["metrics_timezone"])

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:
        """Read each local day that overlaps the span, whole; or the whole span at once."""
        igrp = igrp_of(context)
        if not self.report.daily:
            yield partial(self._ask, igrp, span.start, span.end - _INSTANT, {})
            yield Fence(WindowRead(Window(span.start, span.end)))
            return
        for day in steps(span, self.local, "day"):
            stamp = {"report_date": day.start.astimezone(self.local).date().isoformat()}
            yield partial(self._ask, igrp, day.start, day.start, stamp)
            yield Fence(WindowRead(Window(day.start, min(day.end, span.end))))

    def _ask(self, igrp: int, first: datetime, last: datetime, stamp: Mapping[str, str]) -> Step:
        """Read one answer.

        Raises:
            StreamFailed: It may have been cut by the limit.
        """
        client = self.tap.client

        def ask(limit: int) -> Page:
            params = (*self._params(igrp, first, last), ("limit", str(limit)))
            asked = client.request(self._path(igrp), params)
            page = client.read(asked, self.report.group, is_paged=False)
            if len(page) >= limit or len(page) in CAPS:
                msg = (
                    f"the report has {len(page)} rows or more for one request and cannot be paged;"
                    " set a larger page_size, or group it by less."
                )
                raise StreamFailed(msg)
            return page

        page = stamped(client.metrics.use(ask), igrp)
        zone = self.tap.config["metrics_timezone"]
        page.rows = [self._row({**row, **stamp, "metrics_timezone": zone}) for row in page.rows]
        return Step(page)

    def _path(self, igrp: int) -> str:
        return self.report.path.replace("{igrp}", str(igrp))

    def _params(self, igrp: int, first: datetime, last: datetime) -> Params:
        report = self.report
        in_path = "{igrp}" in report.path
        return (
            *(() if in_path else (("igrp", str(igrp)),)),
            ("startDate", first.astimezone(self.local).date().isoformat()),
            ("endDate", last.astimezone(self.local).date().isoformat()),
            ("tz", self.tap.config["metrics_timezone"]),
            *(("group[]", name) for name in report.group),
            *(("display[]", name) for name in report.shown),
            *(("filter[]", text) for text in report.filters),
            *(("sort[]", text) for text in report.sort),
            *((("chType", report.channel_type),) if report.channel_type else ()),
            *((f"customMetrics[{metric.ref}]", metric.definition) for metric in report.custom),
        )

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        """Gather the figures that the schema does not name; blanks of a key are empty texts."""
        declared = self.raw_schema["properties"]
        shaped: dict[str, Any] = {}
        figures: dict[str, Any] = {}
        for name, value in row.items():
            number = None if name in declared else _figure(value)
            if number is None:
                shaped[name] = value
            else:
                figures[name] = number
        for key in self.keys:
            if shaped.get(key) is None and key in shaped and declared[key]["type"] == _TEXT:
                shaped[key] = ""
        return {**shaped, "metrics": figures}


_TEXT = ["string", "null"]


def _figure(value: Any) -> Any:
    """Give a number, also one that travels as text; None where it is none."""
    if isinstance(value, bool):
        return None
    try:
        return _NUMBER(value)
    except (Misfit, ValueError):
        return None


def _custom_column(ref: str) -> dict[str, Any]:
    what = f"Custom metric {ref}, as the settings define it."
    return {"type": ["number", "null"], "description": what}


def _dimension(name: str) -> dict[str, Any]:
    return {
        "type": _TEXT,
        "description": f"Dimension {name} of the report, as the settings name it.",
    }


def metric_stream(report: Report) -> type[ApiStream]:
    """Give the class of a report's stream."""
    return type(
        "Metrics",
        (MetricStream,),
        {
            "__doc__": f"The report {report.path}, by {', '.join(report.group)}.",
            "name": report.name,
            "primary_keys": tuple(report.primary_key),
            "replication_key": "report_date" if report.daily else None,
            "report": report,
        },
    )
