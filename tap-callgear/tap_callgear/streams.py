"""The streams: what each one is and where it comes from.

Business objects and methods: https://callgear.github.io/data_api/.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tap_callgear.families import (
    CallGearStream,
    DayStream,
    ListStream,
    ReportStream,
    SiteDayStream,
    SiteReportStream,
)

__all__ = ["STREAMS"]


class Calls(ReportStream):
    """Call sessions, one row each (`get.calls_report`)."""

    name = "calls"
    method = "get.calls_report"
    primary_keys = ("id",)
    replication_key = "start_time"
    flags = ("include_ongoing_calls",)

    @property
    def extra(self) -> Mapping[str, Any]:
        """Whether calls that are still in progress are listed too."""
        return {"include_ongoing_calls": True} if self.tap.config["include_ongoing_calls"] else {}


class CallLegs(ReportStream):
    """Legs of call sessions (`get.call_legs_report`)."""

    name = "call_legs"
    method = "get.call_legs_report"
    primary_keys = ("id",)
    replication_key = "start_time"


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
    row_key_of = (
        "date",
        "site_id",
        "campaign_id",
        "campaign_ext_id",
        "engine",
        "banner_group_id",
        "keyword_id",
        "current_banner_id",
    )


class EmployeeStats(DayStream):
    """Seconds that each employee spent in each status, by day (`get.employee_stat`)."""

    name = "employee_stats"
    method = "get.employee_stat"
    primary_keys = ("date", "id")
    selected_by_default = False


class CtSummary(DayStream):
    """Call-tracking numbers by site and day (`get.ct_summary_report`)."""

    name = "ct_summary"
    method = "get.ct_summary_report"
    primary_keys = ("date", "site_id")
    selected_by_default = False


class CtCampaignSummary(SiteDayStream):
    """Call-tracking numbers by campaign, site and day (`get.ct_ac_summary_report`)."""

    name = "ct_campaign_summary"
    method = "get.ct_ac_summary_report"
    primary_keys = ("date", "site_id", "ac_id")
    selected_by_default = False


class UploadedCalls(ReportStream):
    """Calls that the customer uploaded, by the time of upload (`get.uploaded_calls`)."""

    name = "uploaded_calls"
    method = "get.uploaded_calls"
    primary_keys = ("ext_id", "ext_request_id")
    replication_key = "upload_time"
    selected_by_default = False
    is_sortable = False


class Account(ListStream):
    """The account and its time zone (`get.account`)."""

    name = "account"
    method = "get.account"
    is_paged = False
    primary_keys = ("app_id",)


class Employees(ListStream):
    """Employees with their numbers, groups and status (`get.employees`)."""

    name = "employees"
    method = "get.employees"


class EmployeeGroups(ListStream):
    """Groups of employees (`get.group_employees`)."""

    name = "employee_groups"
    method = "get.group_employees"


class EmployeeStatuses(ListStream):
    """Statuses that employees can have (`get.statuses`)."""

    name = "employee_statuses"
    method = "get.statuses"


class EmployeePositions(ListStream):
    """Job titles of employees (`get.employee_positions`)."""

    name = "employee_positions"
    method = "get.employee_positions"


class Tags(ListStream):
    """Tags of communications (`get.tags`)."""

    name = "tags"
    method = "get.tags"
    asks_fields = True


class Campaigns(ListStream):
    """Advertising campaigns (`get.campaigns`)."""

    name = "campaigns"
    method = "get.campaigns"
    asks_fields = True


class Sites(ListStream):
    """Web sites (`get.sites`)."""

    name = "sites"
    method = "get.sites"


class SiteBlocks(ListStream):
    """Blocks of a site that show a number (`get.site_blocks`)."""

    name = "site_blocks"
    method = "get.site_blocks"


class VirtualNumbers(ListStream):
    """The account's telephone numbers (`get.virtual_numbers`)."""

    name = "virtual_numbers"
    method = "get.virtual_numbers"


class Scenarios(ListStream):
    """Scenarios of call processing (`get.scenarios`)."""

    name = "scenarios"
    method = "get.scenarios"
    asks_fields = True


class Segments(ListStream):
    """Visitor segments (`get.segments`)."""

    name = "segments"
    method = "get.segments"


class Schedules(ListStream):
    """Working hours (`get.schedules`)."""

    name = "schedules"
    method = "get.schedules"


class ChatChannels(ListStream):
    """Channels through which chats come (`get.chat_channels`)."""

    name = "chat_channels"
    method = "get.chat_channels"


class Sources(ListStream):
    """Traffic sources (`get.sources`)."""

    name = "sources"
    method = "get.sources"
    asks_fields = True


class SourceGroups(ListStream):
    """Groups of traffic sources (`get.sources_groups`)."""

    name = "source_groups"
    method = "get.sources_groups"


class SourceChannels(ListStream):
    """Channels of traffic sources (`get.sources_channels`)."""

    name = "source_channels"
    method = "get.sources_channels"


class Contacts(ListStream):
    """The address book (`get.contacts`)."""

    name = "contacts"
    method = "get.contacts"
    selected_by_default = False


class ContactGroups(ListStream):
    """Groups of the address book (`get.group_contacts`)."""

    name = "contact_groups"
    method = "get.group_contacts"
    selected_by_default = False


class ContactOrganizations(ListStream):
    """Organizations of the address book (`get.contact_organizations`)."""

    name = "contact_organizations"
    method = "get.contact_organizations"
    selected_by_default = False


class SipLines(ListStream):
    """SIP lines; their passwords are dropped as they arrive (`get.sip_lines`)."""

    name = "sip_lines"
    method = "get.sip_lines"
    selected_by_default = False
    secret_fields = ("password",)


class MediaFiles(ListStream):
    """Sound files (`get.media_files`)."""

    name = "media_files"
    method = "get.media_files"
    selected_by_default = False


class BlacklistPhoneNumbers(ListStream):
    """Blocked numbers (`get.blacklist_phone_numbers`)."""

    name = "blacklist_phone_numbers"
    method = "get.blacklist_phone_numbers"
    selected_by_default = False


class AutoCallCampaigns(ListStream):
    """Outbound dialling campaigns (`get.auto_call_campaigns`)."""

    name = "auto_call_campaigns"
    method = "get.auto_call_campaigns"
    selected_by_default = False


class Customers(ListStream):
    """Customers of an agent; agents only (`get.customers`)."""

    name = "customers"
    method = "get.customers"
    selected_by_default = False


class CustomerUsers(ListStream):
    """Users of an agent's customers; agents only (`get.customer_users`)."""

    name = "customer_users"
    method = "get.customer_users"
    selected_by_default = False


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
    Account,
    Employees,
    EmployeeGroups,
    EmployeeStatuses,
    EmployeePositions,
    Tags,
    Campaigns,
    Sites,
    SiteBlocks,
    VirtualNumbers,
    Scenarios,
    Segments,
    Schedules,
    ChatChannels,
    Sources,
    SourceGroups,
    SourceChannels,
    Contacts,
    ContactGroups,
    ContactOrganizations,
    SipLines,
    MediaFiles,
    BlacklistPhoneNumbers,
    AutoCallCampaigns,
    Customers,
    CustomerUsers,
)
