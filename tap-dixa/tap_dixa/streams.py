"""The streams that every organisation has: catalogues, reference lists, the log and the exports.

Paths and fields: the published description at https://github.com/api-evangelist/dixa; exports:
https://docs.dixa.io/docs/exports-api-guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from tap_dixa.catalogue import filter_walk
from tap_dixa.client import Rejected
from tap_dixa.families import (
    GONE,
    ChildStream,
    DixaStream,
    ExportStream,
    ListStream,
    LogStream,
)
from tap_dixa.paging import SMALL_PAGE, PageSize, Walk
from tap_shared.page import Page
from tap_shared.prefetch import Node, Step
from tap_shared.windows import Span

__all__ = ["STREAMS"]

_PHONE = "PstnPhone"
_CHANNELS = (
    _PHONE, "Email", "WidgetChat", "ContactForm", "Callback", "Messenger", "FacebookMessenger",
    "WhatsApp", "Voicemail", "Sms", "Twitter",
)  # fmt: skip

Context = Mapping[str, Any]


class AnalyticsMetrics(ListStream):
    """The catalogue of metrics."""

    name = "analytics_metrics"
    path = "/analytics/metrics"
    most = SMALL_PAGE


class AnalyticsRecords(ListStream):
    """The catalogue of records."""

    name = "analytics_records"
    path = "/analytics/records"
    most = SMALL_PAGE


class AnalyticsFilterValues(DixaStream):
    """Values of every filter attribute that the catalogues list."""

    name = "analytics_filter_values"
    primary_keys = ("filter_attribute", "value")

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read the attributes side by side.

        Raises:
            TapError: A catalogue that lists some could not be read.
        """
        if unread := self.tap.catalogue.unread:
            raise next(iter(unread.values()))
        jobs = [partial(self._values, name) for name in self.tap.catalogue.attributes]
        return [*jobs, self.every(span)]

    def _values(self, attribute: str) -> Step:
        try:
            pages = filter_walk(self.tap.client, attribute, self.logger.warning).whole()
        except Rejected as refusal:
            if refusal.status not in GONE:
                raise
            self.logger.warning("Filter attribute '%s' is refused; it is left out.", attribute)
            return Step()
        rows = [row for page in pages for row in page.rows]
        return Step(Page(rows).stamp(filter_attribute=attribute))


class Agents(ListStream):
    """Agents."""

    name = "agents"
    path = "/agents"
    most = SMALL_PAGE


class AgentPresence(ListStream):
    """Who is connected and available right now; a bare array."""

    name = "agent_presence"
    primary_keys = ("userId", "requestTime")
    selected_by_default = False
    path = "/agents/presence"


class AgentTeams(ChildStream):
    """Teams of each agent."""

    name = "agent_teams"
    primary_keys = ("agent_id", "team_id")
    selected_by_default = False
    parents = "/agents"
    parents_most = SMALL_PAGE
    template = "/agents/{}/teams"
    parent_key = "agent_id"
    row_codec = None

    def shape(self, page: Page) -> Page:
        """Give the team's id a name that tells it from the agent's."""
        page.rows = [{"team_id": row.get("id"), **row} for row in page.rows]
        return page


class Queues(ListStream):
    """Queues."""

    name = "queues"
    path = "/queues"


class QueueMembers(ChildStream):
    """Agents of each queue."""

    name = "queue_members"
    primary_keys = ("queue_id", "agentId")
    parents = "/queues"
    template = "/queues/{}/members"
    parent_key = "queue_id"


class Tags(ListStream):
    """Tags, also deactivated ones: old rows refer to them."""

    name = "tags"
    path = "/tags"
    params = (("includeDeactivated", "true"),)


class Teams(ListStream):
    """Teams."""

    name = "teams"
    path = "/teams"


class TeamMembers(ChildStream):
    """Agents of each team."""

    name = "team_members"
    primary_keys = ("team_id", "id")
    parents = "/teams"
    template = "/teams/{}/agents"
    parent_key = "team_id"


class ContactEndpoints(ListStream):
    """Addresses and numbers that customers write to or call; they have no id."""

    name = "contact_endpoints"
    primary_keys = ("_type", "endpoint")
    path = "/contact-endpoints"
    row_codec = None

    def shape(self, page: Page) -> Page:
        """Make the key: the address or the number is what analytics call `contact_point`."""
        page.rows = [
            {
                "_type": "EmailEndpoint" if row.get("address") else "TelephonyEndpoint",
                "endpoint": row.get("address") or row.get("number"),
                **row,
            }
            for row in page.rows
        ]
        return page


class CustomAttributes(ListStream):
    """Definitions of custom attributes."""

    name = "custom_attributes"
    path = "/custom-attributes"


class BusinessHoursSchedules(ListStream):
    """Schedules of business hours; the list lies one level deeper than others."""

    name = "business_hours_schedules"
    path = "/business-hours/schedules"
    inside = "schedules"


class Organization(ListStream):
    """The organisation itself, one row; newer than most of the API."""

    name = "organization"
    path = "/organization"
    may_be_missing = True


class EndUsers(ListStream):
    """Customers: personal data throughout."""

    name = "endusers"
    selected_by_default = False
    path = "/endusers"
    most = SMALL_PAGE


class ConversationFlows(DixaStream):
    """Flows of each channel; without one, the vendor answers those of phones only."""

    name = "conversation_flows"
    primary_keys = ("id", "channel")
    selected_by_default = False

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Ask for the channels side by side."""
        return [*(partial(self._flows, name) for name in _CHANNELS), self.every(span)]

    def _flows(self, channel: str) -> Step:
        path = "/conversations/flows"
        ask = partial(self._ask, path, channel)
        walk = Walk(ask, PageSize(None, self.logger.warning), f"GET /v1{path}")
        try:
            rows = [row for page in walk.whole() for row in page.rows]
        except Rejected as refusal:
            if refusal.status not in GONE or channel == _PHONE:
                raise
            self.logger.info("The vendor has no flows of channel %s.", channel)
            return Step()
        return Step(Page([{**row, "channel": row.get("channel") or channel} for row in rows]))

    def _ask(self, path: str, channel: str, params: Sequence[tuple[str, str]]) -> Page:
        return self.tap.client.get(path, [("channel", channel), *params])


class ActivityLog(LogStream):
    """What happened to conversations."""

    name = "activity_log"
    replication_key = "activityTimestamp"
    selected_by_default = False
    path = "/conversations/activitylog"
    range_params = ("fromDatetime", "toDatetime")


class ConversationExport(ExportStream):
    """Conversations in bulk, by their last change."""

    name = "conversation_export"
    replication_key = "updated_at"
    range_name = "updated"

    def shape_page(self, page: Page) -> list[Any]:
        """Make the value of a custom field a list: it is one for choices, else a bare text."""
        page.rows = [*page.rows]  # rows of a large answer are decoded anew at each look
        for fields in page.column("custom_fields"):
            for field in fields if isinstance(fields, list) else []:
                value = field.get("value") if isinstance(field, dict) else None
                if not (value is None or isinstance(value, list)):
                    field["value"] = [value]
        return super().shape_page(page)


class MessageExport(ExportStream):
    """Messages in bulk, by their creation; internal notes are not among them."""

    name = "message_export"
    replication_key = "created_at"
    range_name = "created"


STREAMS: tuple[type[DixaStream], ...] = (
    AnalyticsMetrics, AnalyticsRecords, AnalyticsFilterValues, Agents, Queues, Tags, Teams,
    CustomAttributes, BusinessHoursSchedules, Organization, QueueMembers, TeamMembers, AgentTeams,
    AgentPresence, ContactEndpoints, ConversationFlows, EndUsers, ActivityLog, ConversationExport,
    MessageExport,
)  # fmt: skip
"""Every stream whose name does not depend on the catalogue."""
