"""The streams: what each one is and where it comes from; the lists are in `references.py`.

Business objects and methods: https://callgear.github.io/data_api/.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tap_callgear.families import CallGearStream, ReportStream, SiteReportStream
from tap_callgear.lists import DayStream, SiteDayStream
from tap_callgear.references import REFERENCES

__all__ = ["STREAMS"]


class Calls(ReportStream):
    """Call sessions, one row each (`get.calls_report`)."""

    name = "calls"
    method = "get.calls_report"
    primary_keys = ("id",)
    replication_key = "start_time"

    @property
    def extra(self) -> Mapping[str, Any]:
        """Whether calls that are still in progress are listed too."""
        return {"include_ongoing_calls": True} if self.tap.config["include_ongoing_calls"] else {}


class CallLegs(ReportStream):
    """Legs of call sessions (`get.call_legs_report`).

    The vendor's table of today lacks some fields that older ones and its own sample have.
    """

    name = "call_legs"
    method = "get.call_legs_report"
    primary_keys = ("id",)
    replication_key = "start_time"
    doubtful = frozenset({"called_phone_number", "scenario_name", "action_id", "wav_call_records"})


class Communications(ReportStream):
    """Calls, chats, goals and offline messages in one list (`get.communications_report`)."""

    name = "communications"
    method = "get.communications_report"
    primary_keys = ("communication_type", "id")
    replication_key = "date_time"


class Chats(ReportStream):
    """Chats (`get.chats_report`)."""

    name = "chats"
    method = "get.chats_report"
    primary_keys = ("id",)
    replication_key = "date_time"


class ChatMessages(ReportStream):
    """Messages of chats; the vendor answers 30 days at most (`get.chat_messages_report`)."""

    name = "chat_messages"
    method = "get.chat_messages_report"
    primary_keys = ("id",)
    replication_key = "date_time"
    selected_by_default = False
    longest = timedelta(days=29)


class OfflineMessages(ReportStream):
    """Messages left while nobody was there; unsortable by time (`get.offline_messages_report`)."""

    name = "offline_messages"
    method = "get.offline_messages_report"
    primary_keys = ("id",)
    replication_key = "date_time"
    is_sortable = False


class VisitorSessions(ReportStream):
    """Visits of the account's sites; not sortable by time (`get.visitor_sessions_report`)."""

    name = "visitor_sessions"
    method = "get.visitor_sessions_report"
    primary_keys = ("id",)
    replication_key = "date_time"
    selected_by_default = False
    is_sortable = False


class Goals(ReportStream):
    """Goals reached by visitors; `id` names the goal, not the row (`get.goals_report`)."""

    name = "goals"
    method = "get.goals_report"
    primary_keys = ("communication_id",)
    replication_key = "date_time"
    is_sortable = False


class FinancialCallLegs(ReportStream):
    """Charges of call legs (`get.financial_call_legs_report`)."""

    name = "financial_call_legs"
    method = "get.financial_call_legs_report"
    primary_keys = ("leg_id",)
    replication_key = "start_time"
    selected_by_default = False


class CampaignDailyStats(SiteReportStream):
    """Costs and communications of campaigns by day and site (`get.campaign_daily_stat`).

    Costs are restated for weeks, so a month is read again each time.
    """

    name = "campaign_daily_stats"
    method = "get.campaign_daily_stat"
    primary_keys = ("row_key",)
    replication_key = "date"
    selected_by_default = False
    least_lookback = timedelta(days=30)
    needed = (
        "date",
        "site_id",
        "campaign_id",
        "campaign_ext_id",
        "engine",
        "banner_group_id",
        "keyword_id",
        "current_banner_id",
    )
    order = ("campaign_id", "campaign_ext_id", "banner_group_id", "keyword_id", "current_banner_id")


class EmployeeStats(DayStream):
    """Seconds that each employee spent in each status, by day (`get.employee_stat`)."""

    name = "employee_stats"
    method = "get.employee_stat"
    primary_keys = ("date", "id")
    selected_by_default = False
    order = "full_name"


class CtSummary(DayStream):
    """Call-tracking numbers by site and day (`get.ct_summary_report`)."""

    name = "ct_summary"
    method = "get.ct_summary_report"
    primary_keys = ("date", "site_id")
    selected_by_default = False
    order = "site_id"


class CtCampaignSummary(SiteDayStream):
    """Call-tracking numbers by campaign, site and day (`get.ct_ac_summary_report`)."""

    name = "ct_campaign_summary"
    method = "get.ct_ac_summary_report"
    primary_keys = ("date", "site_id", "ac_id")
    selected_by_default = False
    order = "ac_name"


class UploadedCalls(ReportStream):
    """Calls that the customer uploaded, by the time of upload (`get.uploaded_calls`)."""

    name = "uploaded_calls"
    method = "get.uploaded_calls"
    primary_keys = ("ext_id", "ext_request_id")
    replication_key = "upload_time"
    selected_by_default = False
    is_sortable = False
    order = ("ext_id", "ext_request_id")


STREAMS: tuple[type[CallGearStream], ...] = (
    Calls,
    CallLegs,
    Communications,
    Chats,
    ChatMessages,
    OfflineMessages,
    VisitorSessions,
    Goals,
    FinancialCallLegs,
    CampaignDailyStats,
    EmployeeStats,
    CtSummary,
    CtCampaignSummary,
    UploadedCalls,
    *REFERENCES,
)
