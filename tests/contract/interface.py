"""The public contract of the taps as data: streams, keys, replication keys, defaults, settings.

Written down here a second time on purpose: a test that read it from the taps could not fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

__all__ = ["DEFAULTS", "INTERFACE", "SECRETS", "SETTINGS", "StreamFacts", "facts"]


@dataclass(frozen=True)
class StreamFacts:
    """What users script against.

    Attributes:
        keys: The primary key, in order.
        replication_key: The replication key, None for a list that is read whole.
        selected: Whether it is selected by default; or the setting on which that depends.
        context: Context keys of its state partitions.
    """

    keys: tuple[str, ...]
    replication_key: str | None
    selected: bool | str
    context: tuple[str, ...] = ()


# streams | primary key | replication key | selected by default | context of a state partition
_INFINITY = """
calls goal_triggers transactions | igrp rowId | triggerDatetime | yes | igrp
call_users visits touch_points triggers | igrp rowId | triggerDatetime | no | igrp
call_keywords | igrp rowId keywordId leg startTime | - | no | igrp
channel_metrics | igrp report_date ch | report_date | yes | igrp
pbx_user_states | igrp triggerDatetime operatorRef operatorState | triggerDatetime | no | igrp
audit_log | _id | dt | no | igrp
organisations | orgId | - | yes |
igrps | igrp | - | yes |
users | userId | - | no |
channels | igrp channelId | - | yes |
dgrps | igrp dgrp | - | yes |
goals | igrp goalId | - | yes |
segments | igrp segment | - | yes |
segment_groups | igrp segmentGroupId | - | yes |
attribution_models | igrp modelId | - | yes |
numbers | igrp phoneId | - | no |
user_activity | _id | - | no |
"""
_PBX = """
calls | container_id tenant_id callUuid | callDate | yes | tenant_id
call_events | container_id tenant_id callUuid eventUuid | callDate | no | tenant_id
call_recordings | container_id tenant_id callUuid | callDate | no | tenant_id
event_types | eventType | - | yes |
ring_group_events | container_id tenant_id event_id | eventDate | no | tenant_id
sms_conversations | container_id phone_number conversation_id | - | no |
sms_messages | container_id message_id | - | no |
"""
_CALLGEAR = """
calls call_legs | id | start_time | yes |
communications | communication_type id | date_time | yes |
chats offline_messages | id | date_time | yes |
chat_messages visitor_sessions | id | date_time | no |
goals | communication_id | date_time | yes |
financial_call_legs | leg_id | start_time | no |
campaign_daily_stats | row_key | date | no | site_id
employee_stats | date id | date | no |
ct_summary | date site_id | date | no |
ct_campaign_summary | date site_id ac_id | date | no | site_id
uploaded_calls | ext_id ext_request_id | upload_time | no |
account | app_id | - | yes |
employees employee_groups employee_statuses employee_positions tags campaigns sites | id | - | yes |
site_blocks virtual_numbers scenarios segments schedules chat_channels sources | id | - | yes |
source_groups source_channels | id | - | yes |
contacts contact_groups contact_organizations sip_lines media_files | id | - | no |
blacklist_phone_numbers auto_call_campaigns customers customer_users | id | - | no |
"""
_DIXA = """
record_* | record_key | window_end | yes |
metric_* | metric_id period_start period_end timezone filter_attribute filter_value measure presence_status | period_start | yes |
analytics_metrics analytics_records | id | - | yes |
analytics_filter_values | filter_attribute value | - | yes |
agents queues tags teams custom_attributes business_hours_schedules organization | id | - | yes |
queue_members | queue_id agentId | - | yes |
team_members | team_id id | - | yes |
agent_teams | agent_id team_id | - | no |
agent_presence | userId requestTime | - | no |
contact_endpoints | _type endpoint | - | yes |
conversation_flows | id channel | - | no |
endusers | id | - | no |
activity_log | id | activityTimestamp | no |
conversation_export | id | updated_at | no |
message_export | id | created_at | no |
"""  # noqa: E501 - one stream a line
_INTERACTIONS = """
interactions | _id | MostRecentRollupAtUtc | yes |
report_messages | _id | window_end | no |
agent_workstate_events | _id | event_at | yes |
agent_workstate_rollup | AgentId period_start | period_start | no |
queues agents dispositions disposition_sets report_message_event_types | id | - | yes |
report_message_event_type_reasons workflow_message_event_types | id | - | yes |
workstates workstate_sets | id | - | tenant_id |
tickets | id | updatedDate | no |
"""


def _table(text: str) -> dict[str, StreamFacts]:
    found = {}
    for line in filter(None, text.strip().splitlines()):
        names, keys, replication_key, selected, context = (part.strip() for part in line.split("|"))
        for name in names.split():
            found[name] = StreamFacts(
                tuple(keys.split()),
                None if replication_key == "-" else replication_key,
                selected if selected not in {"yes", "no"} else selected == "yes",
                tuple(context.split()),
            )
    return found


INTERFACE: Mapping[str, Mapping[str, StreamFacts]] = {
    name: _table(text)
    for name, text in (
        ("infinity", _INFINITY),
        ("pbx", _PBX),
        ("callgear", _CALLGEAR),
        ("dixa", _DIXA),
        ("interactions", _INTERACTIONS),
    )
}
"""Tap -> stream (or a pattern of dynamic streams) -> its facts."""


def facts(tap: str, stream: str) -> StreamFacts:
    """Give the facts of a stream, dynamic ones by their pattern.

    Raises:
        LookupError: The contract does not know the stream.
    """
    table = INTERFACE[tap]
    if stream in table:
        return table[stream]
    for pattern, found in table.items():
        if "*" in pattern and fnmatchcase(stream, pattern):
            return found
    message = f"no stream {stream!r} in the contract of {tap}"
    raise LookupError(message)


SETTINGS: Mapping[str, tuple[str, object]] = {
    "start_date": ("string", None),
    "end_date": ("string", None),
    "lookback": ("string", ...),
    "window": ("string", ...),
    "page_size": ("integer", ...),
    "max_concurrency": ("integer", ...),
    "requests_per_minute": ("integer", ...),
    "max_attempts": ("integer", 8),
    "request_timeout": ("integer", 120),
    "skip_unavailable": ("boolean", False),
    "api_url": ("string", ...),
    "user_agent": ("string", ...),
    "pii": ("string", "keep"),
    "pii_salt": ("string", None),
    "undeclared_fields": ("string", "keep"),
}
"""Common setting -> type and default; `...` where each tap has its own, see `DEFAULTS`."""

DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "infinity": {"lookback": "7d", "window": "7d", "page_size": 10_000, "max_concurrency": 2},
    "pbx": {
        "lookback": "3d", "window": "1d", "max_concurrency": 4, "requests_per_minute": 240,
    },
    "callgear": {
        "lookback": "7d", "window": "1d", "page_size": 5000, "max_concurrency": 2,
        "requests_per_minute": 0,
    },
    "dixa": {
        "lookback": "7d", "window": "1d", "page_size": 300, "max_concurrency": 4,
        "requests_per_minute": 480,
    },
    "interactions": {"lookback": "1h", "window": "1d", "page_size": 500, "max_concurrency": 1},
}  # fmt: skip
"""Each tap's own defaults."""

SECRETS: Mapping[str, frozenset[str]] = {
    "infinity": frozenset({"api_key", "password", "pii_salt"}),
    "pbx": frozenset({"api_key", "pii_salt"}),
    "callgear": frozenset({"access_token", "password", "pii_salt"}),
    "dixa": frozenset({"api_token", "pii_salt"}),
    "interactions": frozenset({"api_key", "pii_salt"}),
}
"""Each tap's secret settings."""
