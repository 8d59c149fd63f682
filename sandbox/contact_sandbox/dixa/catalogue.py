"""The catalogues: which metrics and records exist, and what streams a tap names after them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any

from contact_sandbox.dixa.directory import Row

ATTRIBUTES = (
    "agent_id", "queue_id", "channel", "initial_direction", "tag_id", "contact_point",
)  # fmt: skip
_NO_AGENT = ATTRIBUTES[1:]


def _filters(names: Iterable[str]) -> list[Row]:
    """Return filter descriptions; one of them has no text."""
    return [
        {"filterAttribute": name, "description": f"Used to filter by the {name}"}
        if name != "contact_point"
        else {"filterAttribute": name}
        for name in names
    ]


def _measures(names: Iterable[str]) -> list[Row]:
    """Return measure descriptions."""
    return [{"measure": name, "description": f"Calculated {name}"} for name in names]


def _fields(**announced: bool) -> list[Row]:
    """Return field descriptions from names and whether they may be empty."""
    return [
        {"field": name, "description": name.replace("_", " ").capitalize(), "nullable": nullable}
        for name, nullable in announced.items()
    ]


METRICS: tuple[Row, ...] = (
    {
        "id": "csat",
        "description": "(Ratings of 4 and 5 / answers) x 100 = % of satisfied customers",
        "filters": _filters(ATTRIBUTES),
        "aggregations": _measures(("Percentage",)),
        "relatedRecordIds": ["ratings"],
    },
    {
        "id": "closed_conversations",
        "description": "Closed conversations",
        "filters": _filters(_NO_AGENT),
        "aggregations": _measures(("Count",)),
        "relatedRecordIds": ["closed_conversations"],
    },
    {
        "id": "first_response_time",
        "filters": _filters(ATTRIBUTES),
        "aggregations": _measures(("Min", "Max", "Sum", "Count", "StdDev", "Average")),
        "relatedRecordIds": ["first_response_time"],
    },
    {
        "id": "conversation_assignments_per_agent",
        "description": "Assignments, grouped by agent",
        "filters": _filters(("agent_id", "queue_id")),
        "aggregations": _measures(("Count", "Sum")),
    },
    {
        "id": "agentPresenceDuration",
        "description": "Time per presence status",
        "filters": _filters(("agent_id",)),
        "aggregations": [{"measure": "AgentPresenceDuration"}],
        "relatedRecordIds": ["agent_presence_periods"],
    },
    {
        "id": "aiAgentFeedback.v2",
        "description": "Feedback on the AI agent 🤖",
        "aggregations": _measures(("Average", "Count")),
        "relatedRecordIds": ["aiAgentFeedback.v2", "not_a_record"],
    },
)
"""Metrics; optional members are missing here and there, as the schema allows."""

RECORDS: tuple[Row, ...] = (
    {
        "id": "ratings",
        "description": "Conversation Ratings",
        "filters": _filters(ATTRIBUTES),
        "relatedMetricIds": ["csat"],
        "fieldsMetadata": _fields(conversation_id=False, agent_id=True, queue_id=True),
    },
    {
        "id": "closed_conversations",
        "description": "Closed conversation data",
        "filters": _filters(_NO_AGENT),
        "relatedMetricIds": ["closed_conversations"],
        "fieldsMetadata": _fields(
            closed_at=False, conversation_id=False, agent_id=True, queue_id=True, closed_by=False
        ),
    },
    {
        "id": "first_response_time",
        "description": "First answers",
        "filters": _filters(ATTRIBUTES),
        "fieldsMetadata": _fields(
            conversation_id=False, agent_id=True, queue_id=True, first_response_at=True
        ),
    },
    {
        "id": "agent_assignments",
        "description": "Assignments of conversations to agents",
        "filters": _filters(("agent_id", "queue_id")),
        "relatedMetricIds": ["conversation_assignments_per_agent"],
    },
    {
        "id": "agent_presence_periods",
        "description": "What agents were doing",
        "filters": _filters(("agent_id",)),
        "fieldsMetadata": _fields(agent_id=False, status=False, ended_at=True),
    },
    {
        "id": "aiAgentFeedback.v2",
        "description": "Feedback on the AI agent",
        "relatedMetricIds": ["aiAgentFeedback.v2"],
        "fieldsMetadata": _fields(
            csid=True,
            isHelpful=True,
            is_escalated=True,
            handling_time=True,
            reviewed_at=False,
            topic=False,
            source_ids=True,
            value_type=True,
            labels=True,
            turns_count=False,
            never_sent=False,
        ),
    },
)
"""Records; what rows hold differs from what is announced, as in the vendor's own examples."""

COLLIDING: Row = {"id": "ai-agent_feedback V2", "description": "Old spelling"}
"""A record whose stream name would be `record_ai_agent_feedback_v2`, too (option `collisions`)."""


def stream_name(raw: str) -> str:
    """Return the part of a stream's name that comes from a metric's or record's id."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", raw).lower()
    return re.sub(r"[^a-z0-9]+", "_", split)


def stream_names(prefix: str, entries: Iterable[Row]) -> dict[str, str]:
    """Return stream names with their raw ids; a name already taken gets a hash behind it."""
    names: dict[str, str] = {}
    for entry in entries:
        raw: str = entry["id"]
        name = f"{prefix}_{stream_name(raw)}"
        if name in names:
            name = f"{name}_{hashlib.sha256(raw.encode()).hexdigest()[:6]}"
        names[name] = raw
    return names


def honoured(entry: Row) -> set[str]:
    """Return the attributes by which a metric or record can be filtered."""
    return {row["filterAttribute"] for row in entry.get("filters", [])}


def measures(entry: Row) -> list[str]:
    """Return the measures that a metric offers."""
    return [row["measure"] for row in entry.get("aggregations", [])]


def find(entries: Iterable[Row], raw: Any) -> Row | None:
    """Return the entry with this id, or None."""
    return next((entry for entry in entries if entry["id"] == raw), None)
