"""The methods of the API: their fields, windows and parameters, and the streams they feed."""

from __future__ import annotations

from dataclasses import dataclass

from contact_sandbox.callgear.report_fields import REPORT_FIELDS, REPORT_SHAPES
from contact_sandbox.callgear.shapes import Shape, parse_shapes
from contact_sandbox.callgear.table_fields import TABLE_FIELDS, TABLE_SHAPES

_COMMON_SHAPES = """
tags = [{tag_id:n, tag_name:s, tag_type:e, tag_change_time:t, tag_user_id:n, tag_user_login:s,
tag_employee_id:n, tag_employee_full_name:s}];
visitor_custom_properties = [{property_name:s, property_value:s}];
segments = [{segment_id:n, segment_name:s}]; visitor_ids = [n];
call_records = [s]; wav_call_records = [s]; voice_mail_records = [s];
records = [{employee_name:s, employee_id:n, employee_channel:e, record_url:s}];
attributes = [e]; allowed_in_call_types = [e]; in_external_allowed_call_directions = [e];
in_internal_allowed_call_directions = [e]; allowed_out_call_types = [e];
out_external_allowed_call_directions = [e]; out_internal_allowed_call_directions = [e];
allowed_phone_protocols = [e]; connected_integrations = [e]; phone_numbers = [s];
condition = {condition:e, filters:[{field:s, operator:e, value:s}]};
filter = {condition:e, filters:[{field:s, operator:e, value:s}]};
segments_conditions = {group_conditions:[{conditions:[{type:e, operator:e, value:s}]}]};
static_parameters = [{parameter:s, value:s}]
"""

# stream | method | primary key | time field | longest window | required | further parameters
_STREAMS = """
calls | get.calls_report | id | start_time | months | | include_ongoing_calls
call_legs | get.call_legs_report | id | start_time | months | |
communications | get.communications_report | communication_type id | date_time | months | |
goals | get.goals_report | communication_id | date_time | months | |
chats | get.chats_report | id | date_time | months | |
chat_messages | get.chat_messages_report | id | date_time | 30 | | chat_id chat_ids
offline_messages | get.offline_messages_report | id | date_time | months | | include_tech_offline_messages
visitor_sessions | get.visitor_sessions_report | id | date_time | months | |
financial_call_legs | get.financial_call_legs_report | leg_id | start_time | months | |
campaign_daily_stats | get.campaign_daily_stat | | date | 90 | site_id |
employee_stats | get.employee_stat | date id | * | months | | only_default_statuses_in_stats
ct_summary | get.ct_summary_report | date site_id | * | months | |
ct_campaign_summary | get.ct_ac_summary_report | date site_id ac_id | * | months | site_id |
uploaded_calls | get.uploaded_calls | ext_id ext_request_id | upload_time | months | |
employees | get.employees | id | | | |
employee_groups | get.group_employees | id | | | |
employee_statuses | get.statuses | id | | | | is_deleted
employee_positions | get.employee_positions | id | | | |
tags | get.tags | id | | | | is_include_rating
campaigns | get.campaigns | id | | | |
sites | get.sites | id | | | |
site_blocks | get.site_blocks | id | | | |
virtual_numbers | get.virtual_numbers | id | | | |
scenarios | get.scenarios | id | | | |
segments | get.segments | id | | | |
schedules | get.schedules | id | | | |
chat_channels | get.chat_channels | id | | | |
sources | get.sources | id | | | |
source_groups | get.sources_groups | id | | | |
source_channels | get.sources_channels | id | | | |
source_costs | get.source_costs | | * | months | |
contacts | get.contacts | id | | | |
contact_groups | get.group_contacts | id | | | |
contact_organizations | get.contact_organizations | id | | | |
sip_lines | get.sip_lines | id | | | |
media_files | get.media_files | id | | | |
blacklist_phone_numbers | get.blacklist_phone_numbers | id | | | |
auto_call_campaigns | get.auto_call_campaigns | id | | | |
customers | get.customers | id | | | |
customer_users | get.customer_users | id | | | |
"""  # noqa: E501 - one method a line

LIST_PARAMETERS = frozenset(
    ("access_token", "user_id", "limit", "offset", "filter", "fields", "sort")
)
"""Parameters of every list method."""


@dataclass(frozen=True)
class Field:
    """A field of a method's rows: name, type letter and flags (F, S, D)."""

    name: str
    kind: str
    flags: str


@dataclass(frozen=True)
class Method:
    """A list method.

    Attributes:
        name: Its name on the wire.
        stream: Name of the stream that it feeds.
        key: The stream's primary key.
        fields: Its fields by name, in order.
        shapes: Shapes of its arrays and objects.
        time: The field that the asked range applies to, `*` for aggregates over the range, None
            for reference methods.
        window: `months` for three calendar months, a number of days, or None.
        required: Parameters that must be there besides token and dates.
        parameters: Every parameter that it knows.
    """

    name: str
    stream: str
    key: tuple[str, ...]
    fields: dict[str, Field]
    shapes: dict[str, Shape]
    time: str | None
    window: str | None
    required: tuple[str, ...]
    parameters: frozenset[str]

    @property
    def default_names(self) -> tuple[str, ...]:
        """Names of the fields in a reply to a request without `fields`."""
        return tuple(field.name for field in self.fields.values() if "D" in field.flags)


def _fields(text: str) -> dict[str, Field]:
    """Parse `name:type:flags` texts."""
    parts = [(*field.split(":"), "")[:3] for field in text.split()]
    return {name: Field(name, kind, flags) for name, kind, flags in parts}


def _method(line: str) -> Method:
    """Build the method of one line of the table."""
    stream, name, key, time, window, required, further = (part.strip() for part in line.split("|"))
    fields = _fields({**REPORT_FIELDS, **TABLE_FIELDS}[name])
    own = {**REPORT_SHAPES, **TABLE_SHAPES}.get(name, "")
    parameters = {*LIST_PARAMETERS, *required.split(), *further.split()}
    if time:
        parameters |= {"date_from", "date_till"}
    return Method(
        name,
        stream,
        tuple(key.split()),
        fields,
        {**parse_shapes(_COMMON_SHAPES), **parse_shapes(own)},
        time or None,
        window or None,
        tuple(required.split()),
        frozenset(parameters),
    )


METHODS = {
    method.name: method for method in map(_method, filter(None, _STREAMS.strip().splitlines()))
}
"""Every list method by its name."""

BY_STREAM = {method.stream: method for method in METHODS.values()}
"""Every list method by the stream that it feeds."""

AGENT_METHODS = frozenset(("get.customers", "get.customer_users"))
"""Methods that only agents may call."""
