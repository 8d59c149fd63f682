"""Aggregated reports: channel metrics and operational call metrics.

Facts: https://www.infinity.co/service/api/reports_v2_metrics.html; columns beyond ch, chName,
pageCountTotal, goalCount, goalCountTotal and callCount are invented stand-ins for the undisclosed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contact_sandbox.infinity.columns import NUMERIC
from contact_sandbox.infinity.custom_metrics import CustomMetric, checked
from contact_sandbox.infinity.query import Query, RefusedError, Row
from contact_sandbox.infinity.reference import CHANNELS
from contact_sandbox.infinity.trigger_table import BLANK_GOALS, Trigger


@dataclass(frozen=True)
class Report:
    """What an aggregated report can be grouped by and what it counts.

    Attributes:
        dimensions: Columns to group and filter by.
        measures: Counted columns.
        conditions: Dimensions that custom metrics may be narrowed by.
        by_channel_type: Whether `chType` narrows it.
    """

    dimensions: tuple[str, ...]
    measures: tuple[str, ...]
    conditions: tuple[str, ...]
    by_channel_type: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that may be displayed, filtered or sorted."""
        return (*self.dimensions, *self.measures)


REPORTS = {
    "channels": Report(
        ("ch", "dgrp", "segment", "metricMonth"),
        ("pageCountTotal", "goalCount", "goalCountTotal", "callCount"),
        ("ch", "dgrp", "segment", "goal"),
        by_channel_type=True,
    ),
    "operational": Report(
        ("queueName", "dgrp", "metricMonth"),
        ("callCount", "talkTimeAverage"),
        ("queueName", "dgrp", "ch"),
        by_channel_type=False,
    ),
}
_APPENDED = {"ch": "chName", "metricMonth": "metricMonthName"}
_CUSTOM = ("goalCount", "callCount", "pageCountTotal")


def contributions(trigger: Trigger, zone: Any) -> Iterator[tuple[Row, dict[str, float]]]:
    """Yield what one trigger adds to which dimensions.

    Every fifth goal is split between its channel and the next one, as multi-touch attribution does.
    """
    wire = trigger.wire
    moment = datetime.fromtimestamp(trigger.at, UTC).astimezone(zone)
    channel = int(wire["ch"])
    dimensions: Row = {
        "ch": str(channel),
        "dgrp": wire["dgrp"],
        "segment": str(wire["segment"]),
        "goal": str(wire["goal"]),
        "queueName": trigger.queue,
        "metricMonth": moment.strftime("%Y%m"),
        "metricMonthName": moment.strftime("%B %Y"),
    }
    is_goal = wire["goal"] not in BLANK_GOALS
    split = is_goal and trigger.row_id % 5 == 0
    goals = 0.5 if split else float(is_goal)
    yield (
        dimensions,
        {
            "pageCountTotal": float(wire["act"] in {"land", "page"}),
            "callCount": float(wire["act"] == "call"),
            "goalCount": goals,
            "talk": float(wire["bridgeDuration"] or 0) if wire["act"] == "call" else 0.0,
        },
    )
    if split:
        after = channel + 1 if 620 <= channel < 619 + len(CHANNELS) else 620
        yield dimensions | {"ch": str(after)}, {"goalCount": 0.5}


def aggregate(report: Report, query: Query, triggers: Iterable[Trigger]) -> list[Row]:
    """Return the report's rows for the triggers of the asked time, before sort and limit.

    Raises:
        RefusedError: A group field or a custom metric that the report does not know.
    """
    for name in query.group:
        if name not in report.dimensions:
            raise RefusedError(400, f"Unknown group field {name}")
    customs = checked(query.custom_metrics, _CUSTOM, report.conditions, NUMERIC)
    if set(customs) & {*report.columns, *_APPENDED.values()}:
        raise RefusedError(400, "A custom metric must not bear the name of a column")
    kind = query.scalars.get("chType")
    rules = [rule for rule in query.filters if rule.field in report.dimensions]
    sums: dict[tuple[Any, ...], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for trigger in triggers:
        for dimensions, measures in contributions(trigger, query.zone):
            wrong_type = kind is not None and channel(dimensions["ch"])[1] != kind
            if not wrong_type and all(rule.accepts(dimensions) for rule in rules):
                group = tuple((name, dimensions[name]) for name in query.group)
                _count(sums[group], dimensions, measures, customs)
    rows = [_row(report, dict(group), found, customs) for group, found in sums.items()]
    later = [rule for rule in query.filters if rule.field in report.measures]
    return [row for row in rows if all(rule.accepts(row) for rule in later)]


def channel(channel_id: Any) -> tuple[str | None, str]:
    """Return name and type of a channel; the unknown one has neither."""
    place = int(channel_id) - 620
    return CHANNELS[place] if 0 <= place < len(CHANNELS) else (None, "")


def _count(
    total: dict[str, float],
    dimensions: Row,
    measures: dict[str, float],
    customs: dict[str, CustomMetric],
) -> None:
    """Add measures, and those that custom metrics count apart."""
    for name, value in measures.items():
        total[name] += value
    for ref, custom in customs.items():
        meets = all(dimensions[name] in found for name, found in custom.conditions.items())
        total["custom " + ref] += measures.get(custom.metric, 0.0) if meets else 0.0


def _row(
    report: Report, group: Row, total: dict[str, float], customs: dict[str, CustomMetric]
) -> Row:
    """Return one row in the mixed spelling of the wire."""
    row: Row = {}
    for name, value in group.items():
        row[name] = value
        if name == "ch":
            row["chName"] = channel(value)[0]
        elif name == "metricMonth":
            moment = datetime.strptime(value, "%Y%m").replace(tzinfo=UTC)
            row["metricMonthName"] = moment.strftime("%B %Y")
    calls = total["callCount"]
    measures: Row = {
        "pageCountTotal": _plain(total["pageCountTotal"], text=True),
        "goalCount": _plain(total["goalCount"], text=calls > 1),
        "goalCountTotal": _plain(total["goalCount"], text=True),
        "callCount": _plain(calls, text=True),
        "talkTimeAverage": f"{total['talk'] / calls:.2f}" if calls else "",
    }
    row |= {name: measures[name] for name in report.measures}
    if report.by_channel_type:
        row |= {
            "callConversionRate": f"{total['goalCount'] / calls:.4f}" if calls else None,
            "bestCampaign": "spring_sale",
        }
    return row | {ref: _plain(total["custom " + ref], text=True) for ref in customs}


def _plain(value: float, *, text: bool) -> str | float:
    """Return a sum without a needless fraction, as text or as a number."""
    found = int(value) if value == int(value) else value
    return str(found) if text else found
