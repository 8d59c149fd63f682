"""What a full sync must hold, stream by stream."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from contact_sandbox.dixa import records
from contact_sandbox.dixa.catalogue import ATTRIBUTES, find, measures, stream_names
from contact_sandbox.dixa.data import Data
from contact_sandbox.dixa.directory import Row
from contact_sandbox.dixa.metrics import SOURCES, aggregates
from contact_sandbox.seeded import utc_text

Truth = dict[tuple[Any, ...], Row]

STATIC_STREAMS = (
    "analytics_metrics", "analytics_records", "analytics_filter_values", "agents", "queues", "tags",
    "teams", "custom_attributes", "business_hours_schedules", "organization", "queue_members",
    "team_members", "agent_teams", "agent_presence", "contact_endpoints", "conversation_flows",
    "endusers", "activity_log", "conversation_export", "message_export",
)  # fmt: skip


def expected(data: Data, stream: str, start: datetime, now: datetime) -> Truth:
    """Return a stream's rows as on the wire, by primary key; see `DixaVendor.expected`."""
    recorded = stream_names("record", data.records)
    if stream in recorded:
        return {key: row.wire for key, row in records.numbered(data.rows(recorded[stream]))}
    measured = stream_names("metric", data.metrics)
    if stream in measured:
        return _metric(data, measured[stream], start, now)
    return copy.deepcopy(_static(data)[stream]())


def _by(rows: list[Row], *names: str) -> Truth:
    """Return rows by the values of some of their members."""
    return {tuple(row[name] for name in names): row for row in rows}


def _children(parents: dict[str, list[Row]], name: str) -> Truth:
    """Return children by their parent's id and their own."""
    return {(parent, row[name]): row for parent, rows in parents.items() for row in rows}


def _static(data: Data) -> dict[str, Callable[[], Truth]]:
    """Return what makes the truth of each stream that does not depend on the catalogue."""
    lists = data.directory
    return {
        "analytics_metrics": lambda: _by(data.metrics, "id"),
        "analytics_records": lambda: _by(data.records, "id"),
        "analytics_filter_values": lambda: {
            (name, row["value"]): row for name in ATTRIBUTES for row in data.filter_values(name)
        },
        "agents": lambda: _by(lists.agents, "id"),
        "queues": lambda: _by(lists.queues, "id"),
        "tags": lambda: _by(lists.tags, "id"),
        "teams": lambda: _by(lists.teams, "id"),
        "custom_attributes": lambda: _by(lists.attributes, "id"),
        "business_hours_schedules": lambda: _by(lists.schedules, "id"),
        "organization": lambda: _by([lists.organization], "id"),
        "queue_members": lambda: _children(lists.queue_members, "agentId"),
        "team_members": lambda: _children(lists.team_members, "id"),
        "agent_teams": lambda: _children(lists.agent_teams, "id"),
        "agent_presence": lambda: {
            (row["userId"], utc_text(datetime.fromisoformat(f"{row['requestTime']}Z"))): row
            for row in lists.presence
        },
        "contact_endpoints": lambda: {
            (row["_type"], row.get("address") or row["number"]): row for row in lists.endpoints
        },
        "conversation_flows": lambda: _by(lists.flows, "id", "channel"),
        "endusers": lambda: _by(lists.endusers, "id"),
        "activity_log": lambda: _by([row for _, row in data.activity()], "id"),
        "conversation_export": lambda: _by(data.export("conversation_export"), "id"),
        "message_export": lambda: _by(data.export("message_export"), "id"),
    }


def _metric(data: Data, metric: str, start: datetime, now: datetime) -> Truth:
    """Return a metric's values for each day from `start`'s to the present's."""
    entry = find(data.metrics, metric)
    asked = measures(entry) if entry else []
    buckets: dict[datetime, list[records.RecordRow]] = {}
    for row in data.rows(SOURCES[metric]):
        buckets.setdefault(_midnight(row.at), []).append(row)
    truth: Truth = {}
    day = _midnight(start)
    while day <= now:
        following = day + timedelta(days=1)
        period = (metric, utc_text(day), utc_text(following), "UTC", "", "")
        values = aggregates(metric, buckets.get(day, []), asked)
        for measure, status, value in unfolded(asked, values):
            truth[*period, measure, status] = value
        day = following
    return truth


def unfolded(asked: list[str], values: list[Row] | None) -> list[tuple[str, str, Row]]:
    """Return measure, presence status and row of each value, a null where none came."""
    found = []
    came = set()
    for value in values or []:
        measure = value.get("measure", "AgentPresenceDuration")
        came.add(measure)
        if isinstance(value["value"], list):
            found += [(measure, each["status"]["status"], each) for each in value["value"]]
        else:
            found.append((measure, "", value))
    nothing: Row = {"value": None}
    return found + [(measure, "", nothing) for measure in asked if measure not in came]


def _midnight(at: datetime) -> datetime:
    """Return the start of an instant's day in UTC."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
