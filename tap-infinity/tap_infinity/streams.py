"""The streams: what each one is and where it comes from.

Business objects: https://kb.infinity.co/service/api/ (pages reports_v2_* and config_v2_*). The
reports of triggers overlap: a call that met a goal is in `calls`, `goal_triggers` and `triggers`.
"""

from __future__ import annotations

from tap_infinity.activity import AuditLogStream, NumberStream, OperatorStateStream
from tap_infinity.families import AccountList, SiteList
from tap_infinity.triggers import CallKeywordStream, TriggerStream
from tap_shared.stream import ApiStream

__all__ = ["STREAMS"]


class Calls(TriggerStream):
    """Tracked calls with the visit, the campaign and the goal that each belongs to."""

    name = "calls"
    report = "calls"


class GoalTriggers(TriggerStream):
    """Events, online and offline, that met one of the installation's goals."""

    name = "goal_triggers"
    report = "goals"


class Transactions(TriggerStream):
    """Events that carry a currency: sales, and goals that have a value."""

    name = "transactions"
    report = "transactions"


class CallUsers(TriggerStream):
    """Legs of calls that rang users of the hosted PBX."""

    name = "call_users"
    report = "users"
    selected_by_default = False


class Visits(TriggerStream):
    """Landings on the installation's sites."""

    name = "visits"
    report = "visits"
    selected_by_default = False


class TouchPoints(TriggerStream):
    """Landings, calls and goals as far back as the installation keeps them."""

    name = "touch_points"
    report = "touchPoints"
    selected_by_default = False


class Triggers(TriggerStream):
    """Every tracked event, pages included: by far the largest stream."""

    name = "triggers"
    report = "all"
    selected_by_default = False


class CallKeywords(CallKeywordStream):
    """Keywords heard in calls."""

    name = "call_keywords"
    selected_by_default = False


class PbxUserStates(OperatorStateStream):
    """When operators of the hosted PBX were online, offline or not to be disturbed."""

    name = "pbx_user_states"
    primary_keys = ("igrp", "triggerDatetime", "operatorRef", "operatorState")
    replication_key = "triggerDatetime"
    selected_by_default = False


class AuditLog(AuditLogStream):
    """Actions of users in the vendor's portal."""

    name = "audit_log"
    primary_keys = ("_id",)
    replication_key = "dt"
    selected_by_default = False


class UserActivity(SiteList):
    """How often each user came to an installation; the vendor rewrites the rows."""

    name = "user_activity"
    path = "igrps/{igrp}/audit/userActivity"
    primary_keys = ("_id",)
    order = ("_id",)
    selected_by_default = False


class Organisations(AccountList):
    """Organisations that the login sees."""

    name = "organisations"
    path = "organisations"
    primary_keys = ("orgId",)
    order = ("orgId",)


class Igrps(AccountList):
    """Installations (installation groups) that the login sees."""

    name = "igrps"
    path = "igrps"
    primary_keys = ("igrp",)
    order = ("igrp",)


class Users(AccountList):
    """Users of the vendor's portal."""

    name = "users"
    path = "users"
    api = "config"
    primary_keys = ("userId",)
    order = ("userId",)
    selected_by_default = False


class Channels(SiteList):
    """Marketing channels; 0, the unknown one, is referred to without being listed."""

    name = "channels"
    path = "igrps/{igrp}/channels"
    primary_keys = ("igrp", "channelId")
    order = ("channelId",)


class Dgrps(SiteList):
    """Dial-in groups: pools of tracking numbers and where they are shown."""

    name = "dgrps"
    path = "igrps/{igrp}/dgrps"
    primary_keys = ("igrp", "dgrp")
    order = ("dgrp",)


class Goals(SiteList):
    """Goals and the conditions under which an event meets them."""

    name = "goals"
    path = "igrps/{igrp}/goals"
    primary_keys = ("igrp", "goalId")
    order = ("goalId",)


class Segments(SiteList):
    """Segments, numbered anew in every installation."""

    name = "segments"
    path = "igrps/{igrp}/segments"
    primary_keys = ("igrp", "segment")
    order = ("segment",)


class SegmentGroups(SiteList):
    """Groups of segments."""

    name = "segment_groups"
    path = "igrps/{igrp}/segmentGroups"
    primary_keys = ("igrp", "segmentGroupId")
    order = ("segmentGroupId",)


class AttributionModels(SiteList):
    """Models that share a goal out over the visits before it."""

    name = "attribution_models"
    path = "igrps/{igrp}/attribution"
    primary_keys = ("igrp", "modelId")
    order = ("modelId",)


class Numbers(NumberStream):
    """Tracking numbers of every dial-in group."""

    name = "numbers"
    api = "config"
    primary_keys = ("igrp", "phoneId")
    order = ("phoneId",)
    selected_by_default = False


STREAMS: tuple[type[ApiStream], ...] = (
    Calls,
    GoalTriggers,
    Transactions,
    CallUsers,
    Visits,
    TouchPoints,
    Triggers,
    CallKeywords,
    PbxUserStates,
    AuditLog,
    UserActivity,
    Organisations,
    Igrps,
    Users,
    Channels,
    Dgrps,
    Goals,
    Segments,
    SegmentGroups,
    AttributionModels,
    Numbers,
)
