"""The streams that list what the account has: what each is and where it comes from.

Business objects and methods: https://callgear.github.io/data_api/.
"""

from __future__ import annotations

from tap_callgear.families import CallGearStream
from tap_callgear.lists import ListStream

__all__ = ["REFERENCES"]


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
    order = "full_name"


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
    order = None


class SiteBlocks(ListStream):
    """Blocks of a site that show a number (`get.site_blocks`)."""

    name = "site_blocks"
    method = "get.site_blocks"
    order = "site_id"


class VirtualNumbers(ListStream):
    """The account's telephone numbers (`get.virtual_numbers`)."""

    name = "virtual_numbers"
    method = "get.virtual_numbers"


class Scenarios(ListStream):
    """Scenarios of call processing (`get.scenarios`)."""

    name = "scenarios"
    method = "get.scenarios"
    asks_fields = True
    order = "id"


class Segments(ListStream):
    """Visitor segments (`get.segments`)."""

    name = "segments"
    method = "get.segments"
    order = "id"


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
    order = "id"


class SourceGroups(ListStream):
    """Groups of traffic sources (`get.sources_groups`)."""

    name = "source_groups"
    method = "get.sources_groups"
    order = "id"


class SourceChannels(ListStream):
    """Channels of traffic sources (`get.sources_channels`)."""

    name = "source_channels"
    method = "get.sources_channels"
    order = "id"


class Contacts(ListStream):
    """The address book (`get.contacts`)."""

    name = "contacts"
    method = "get.contacts"
    selected_by_default = False
    order = "full_name"


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
    order = "virtual_phone_number"


class MediaFiles(ListStream):
    """Sound files (`get.media_files`)."""

    name = "media_files"
    method = "get.media_files"
    selected_by_default = False
    order = "id"


class BlacklistPhoneNumbers(ListStream):
    """Blocked numbers (`get.blacklist_phone_numbers`)."""

    name = "blacklist_phone_numbers"
    method = "get.blacklist_phone_numbers"
    selected_by_default = False
    order = "id"


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
    order = "status"


class CustomerUsers(ListStream):
    """Users of an agent's customers; agents only (`get.customer_users`)."""

    name = "customer_users"
    method = "get.customer_users"
    selected_by_default = False


REFERENCES: tuple[type[CallGearStream], ...] = (
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
