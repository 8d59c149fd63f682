"""Streams of aggregated figures: `metric_<id>`, one for each metric of the catalogue.

`POST /v1/analytics/metrics`: https://docs.dixa.io/openapi/dixa-api/v1/analytics. The vendor cannot
group: every period and every value of a breakdown is a request of its own
(https://github.com/Dixa-public/dixa-mcp-public).
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_dixa.families import DixaStream, instant
from tap_dixa.reports import Report
from tap_shared.errors import StreamFailed, StreamUnavailable
from tap_shared.instants import instant_text
from tap_shared.prefetch import Fence, Node, Step
from tap_shared.stream import WindowRead
from tap_shared.windows import Span, Window, steps

if TYPE_CHECKING:
    from tap_dixa.tap import TapDixa

__all__ = ["MetricStream", "Slice", "figures"]

_PATH = "/analytics/metrics"
PRESENCE = "AgentPresenceDuration"

Context = Mapping[str, Any]


class Slice(NamedTuple):
    """What a figure is of: one value of an attribute, or everything where both are empty."""

    attribute: str = ""
    value: str = ""
    label: str | None = None


class MetricStream(DixaStream):
    """Figures of one metric, period by period.

    Args:
        tap: The tap.
        name: The stream's name.
        entry: The metric's entry of the catalogue.
        reports: How it is asked for: grains, measures, breakdowns, filters.
        is_default: Whether it is selected where no catalog says otherwise.
    """

    primary_keys = (
        "metric_id", "period_start", "period_end", "timezone", "filter_attribute", "filter_value",
        "measure", "presence_status",
    )  # fmt: skip
    replication_key = "period_start"
    schema_name = "metric"
    bounded = False  # periods are whole: the first begins before start_date, the last goes beyond
    is_deduplicated = False

    def __init__(
        self,
        tap: TapDixa,
        name: str,
        entry: Mapping[str, Any],
        reports: Sequence[Report],
        *,
        is_default: bool = True,
    ) -> None:
        """Nothing is requested."""
        self._entry = entry
        self.reports = reports
        self.selected_by_default = is_default
        super().__init__(tap, name)

    def load_schema(self, name: str | None) -> dict[str, Any]:
        """Give the schema of all metrics under this one's description."""
        declared = super().load_schema(name)
        about = str(self._entry.get("description") or self._entry["id"]).strip().rstrip(".")
        return {**declared, "description": f"{about}; POST /v1{_PATH}."}

    # Requests

    def requests(self) -> int:
        """Give how many requests this run would send.

        Raises:
            TapError: The values of a breakdown cannot be read.
        """
        span = self.span(None)
        return sum(
            len(self._slices(report)) * sum(1 for _ in self._periods(report, span))
            for report in self.reports
        )

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Ask for each period that overlaps the span, whole, in the order in which they end."""
        for report in self.reports:
            self._warn_of_unlisted(report)
        slices = [self._slices(report) for report in self.reports]
        plans = [self._plan(place, span) for place in range(len(self.reports))]
        for end, place, period in heapq.merge(*plans):
            for one in slices[place]:
                yield partial(self._figure, self.reports[place], period, one)
            yield Fence(WindowRead(Window(period.start, min(end, span.end))))

    def _plan(self, place: int, span: Span) -> Iterator[tuple[datetime, int, Window]]:
        for period in self._periods(self.reports[place], span):
            yield period.end, place, period

    def _periods(self, report: Report, span: Span) -> Iterator[Window]:
        return steps(span, self.tap.metric_zone, report.grain)

    def _slices(self, report: Report) -> list[Slice]:
        """Give everything as one, then each value of each breakdown."""
        parts = [Slice()]
        for attribute in report.breakdowns:
            wanted = report.values_of(attribute)
            known = self.tap.filter_values.of(attribute)
            if unlisted := (wanted or set()) - known.keys():
                self.logger.warning(
                    "'%s' has no value %s, as the metrics setting says: it is left out.",
                    attribute, ", ".join(sorted(unlisted)),
                )  # fmt: skip
            parts += [
                Slice(attribute, value, label)
                for value, label in known.items()
                if wanted is None or value in wanted
            ]
        return parts

    def _warn_of_unlisted(self, report: Report) -> None:
        """Tell of values that the vendor does not list: it ignores them, and answers."""
        for attribute in {each["attribute"] for each in report.filters} & report.honoured:
            if attribute in report.breakdowns:
                continue
            wanted = {v for f in report.filters if f["attribute"] == attribute for v in f["values"]}
            try:
                known = self.tap.filter_values.of(attribute)
            except (StreamFailed, StreamUnavailable) as err:  # figures come without the list, too
                self.logger.info("Values of '%s' are not checked: %s", attribute, err)
                continue
            if unlisted := wanted - known.keys():
                self.logger.warning(
                    "'%s' has no value %s, as a filter says: the vendor ignores it, and the figures"
                    " may be of everything. Spell it as the stream analytics_filter_values does.",
                    attribute, ", ".join(sorted(unlisted)),
                )  # fmt: skip

    def _figure(self, report: Report, period: Window, one: Slice) -> Step:
        filters = report.filters_beside(one.attribute)
        if one.attribute:
            filters = [*filters, {"attribute": one.attribute, "values": [one.value]}]
        body: dict[str, Any] = {
            "id": report.id,
            "timezone": self.tap.config["timezone"],
            "periodFilter": {
                "_type": "Interval",
                "start": instant(period.start),
                "end": instant(period.end),
            },
        }
        body |= {"filters": filters} if filters else {}
        body |= {"aggregations": list(report.measures)} if report.measures else {}
        page = self.tap.client.post(_PATH, body)
        rows = [row for data in page.rows or [{}] for row in figures(data, report.measures)]
        page.rows = [{**self._common(report, period, one), **row} for row in rows]
        return Step(page)

    def _common(self, report: Report, period: Window, one: Slice) -> dict[str, Any]:
        run_start = self.tap.run_start
        return {
            "metric_id": report.id,
            "period_grain": report.grain,
            "period_start": instant_text(period.start),
            "period_end": instant_text(period.end),
            "timezone": self.tap.config["timezone"],
            "filter_attribute": one.attribute,
            "filter_value": one.value,
            "filter_label": one.label,
            "static_filters": report.in_force(one.attribute),
            "is_partial": period.end > run_start,
            "queried_at": instant_text(run_start),
        }


def figures(data: Mapping[str, Any], measures: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Turn an answer into rows, one a measure, presence durations one a status.

    A measure that was asked for and did not come, or came without any status, is a null: a share of
    nothing is not 0, and what an answer without data looks like is not documented.

    Args:
        data: `{"id": ..., "aggregates": [...]}`.
        measures: What was asked for.
    """
    listed = data.get("aggregates")
    came = set()
    for value in listed if isinstance(listed, list) else []:
        if isinstance(value, dict):
            measure = _measure(value, measures)
            for row in _unfolded(value, measure):
                came.add(measure)
                yield row
    for measure in measures:
        if measure not in came:
            yield {"measure": measure, "presence_status": "", "value": None}


def _measure(value: Mapping[str, Any], asked: Sequence[str]) -> str:
    """Give the measure that a value is: presence durations name none."""
    if named := value.get("measure"):
        return str(named)
    if isinstance(value.get("value"), list):
        return PRESENCE
    return asked[0] if len(asked) == 1 else ""


def _unfolded(value: Mapping[str, Any], measure: str) -> Iterator[dict[str, Any]]:
    rest = {k: v for k, v in value.items() if k not in {"_type", "value", "measure"}}
    row = {**rest, "measure": measure, "aggregate_type": value.get("_type")}
    held = value.get("value")
    if not isinstance(held, list):
        yield {**row, "presence_status": "", "value": held}
        return
    entries = [each if isinstance(each, dict) else {"value": each} for each in held]
    given = [each.get("status") for each in entries]
    statuses = [one if isinstance(one, dict) else {"status": one} for one in given]
    for each, status, name in zip(entries, statuses, _status_names(statuses), strict=True):
        yield {
            **row,
            **{k: v for k, v in each.items() if k not in {"value", "status"}},
            "presence_status": name,
            "presence_description": status.get("description", value.get("description")),
            "value": each.get("value"),
        }


def _status_names(statuses: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name statuses; that they differ is not documented, and one name is one key."""
    names = [str(status.get("status") or "") for status in statuses]
    often, seen, found = Counter(names), Counter[str](), list[str]()
    for name, status in zip(names, statuses, strict=True):
        told = name if often[name] == 1 else f"{name}: {status.get('description') or ''}"
        seen[told] += 1
        found.append(told if seen[told] == 1 else f"{told} ({seen[told]})")
    return found
