"""Aggregated figures, computed from the very rows that the records endpoint answers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

from contact_sandbox.dixa.directory import Row
from contact_sandbox.dixa.records import RecordRow

SOURCES = {
    "csat": "ratings",
    "closed_conversations": "closed_conversations",
    "first_response_time": "first_response_time",
    "conversation_assignments_per_agent": "agent_assignments",
    "agentPresenceDuration": "agent_presence_periods",
    "aiAgentFeedback.v2": "aiAgentFeedback.v2",
}
"""Record whose rows a metric is computed from, by metric ID."""

MEASURES = frozenset(
    ("Min", "Max", "Sum", "Count", "Percentage", "StdDev", "Average", "AgentPresenceDuration")
)
"""Every measure that a request may name."""

_SATISFIED = 4
_NUMBERS: dict[str, Callable[[list[float]], float]] = {
    "Min": min,
    "Max": max,
    "Sum": math.fsum,
    "StdDev": statistics.pstdev,
    "Average": statistics.fmean,
}


def aggregates(metric: str, rows: Sequence[RecordRow], asked: Sequence[str]) -> list[Row] | None:
    """Return a metric's values over `rows` for the measures `asked`.

    What an answer without data looks like is not documented, so each metric has its own way:
    csat answers no `aggregates` at all (None), closed_conversations a count of 0, assignments a
    null, the others an empty list.
    """
    if metric == "conversation_assignments_per_agent":
        return _assignments(rows, asked)
    if metric == "closed_conversations":
        return [_long(len(rows), "Count")] if "Count" in asked else []
    if metric == "agentPresenceDuration":
        return [_durations(rows)] if rows and "AgentPresenceDuration" in asked else []
    numbers = [made.value for made in rows if made.value is not None]
    if metric == "csat":
        return _share(numbers) if numbers and "Percentage" in asked else None
    if not numbers:
        return []
    return [
        _long(len(numbers), name) if name == "Count" else _double(_NUMBERS[name](numbers), name)
        for name in asked
    ]


def _share(scores: list[float]) -> list[Row]:
    """Return the share of satisfied answers."""
    satisfied = sum(score >= _SATISFIED for score in scores)
    return [_double(100 * satisfied / len(scores), "Percentage")]


def _assignments(rows: Sequence[RecordRow], asked: Sequence[str]) -> list[Row]:
    """Return how many agents got any (Count) and how many assignments there were (Sum)."""
    agents = {made.attributes["agent_id"][0] for made in rows}
    values = {
        "Count": _long(len(agents), "Count"),
        "Sum": _double(float(len(rows)) if rows else None, "Sum"),
    }
    return [values[name] for name in asked]


def _durations(rows: Sequence[RecordRow]) -> Row:
    """Return time per status: a value that is a list and names no measure."""
    totals: dict[str, float] = {}
    for made in rows:
        status = str(made.identity).split("|", 1)[1]
        totals[status] = totals.get(status, 0.0) + (made.value or 0.0)
    value = [
        {
            "value": seconds,
            "status": {"status": status}
            | ({"description": "Takes conversations"} if status == "Working" else {}),
        }
        for status, seconds in sorted(totals.items())
    ]
    return {"_type": "AgentPresenceDurationValue", "value": value, "description": "Per status"}


def _long(value: int, measure: str) -> Row:
    """Return a whole number."""
    return {"_type": "LongAggregateValue", "value": value, "measure": measure}


def _double(value: float | None, measure: str) -> Row:
    """Return a fraction, or null."""
    return {"_type": "DoubleAggregateValue", "value": value, "measure": measure}
