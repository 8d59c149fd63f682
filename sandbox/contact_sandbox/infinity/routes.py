"""The routes: which parameters each knows, and what it answers.

Facts: the pages of https://kb.infinity.co/service/api/ that each function names; that unknown
parameters are refused is inferred (the stricter of two readings).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from contact_sandbox import seeded
from contact_sandbox.infinity import activity, metrics, output, reference
from contact_sandbox.infinity.columns import PII_COLUMNS
from contact_sandbox.infinity.query import Query, RefusedError, Row, read_query
from contact_sandbox.infinity.trigger_table import REPORTS, Trigger
from contact_sandbox.vendor import Reply, Request

if TYPE_CHECKING:
    from contact_sandbox.infinity.api import InfinityVendor

Answer = Callable[["InfinityVendor", Request, dict[str, str]], Reply]
COMMON = {"format", "tz", "igrp", "display", "excludePiiData"}
PAGED = COMMON | {"limit", "offset", "sort", "filter"}
DATED = PAGED | {"startDate", "endDate"}
TRIGGERS = DATED | {"rootOrgId", "chType", "attributionModelId", "nestAttributions"}
METRICS = (DATED - {"offset"}) | {"group", "customMetrics"}
SORTABLE = {
    "channels": ("channelId", "channelName", "channelType", "channelOrder"),
    "goals": ("goalId", "goalTitle", "goalStatus"),
    "attribution_models": ("modelId", "igrp", "modelName", "modelType", "modelStatus"),
}
"""Columns to filter and sort by, where the vendor names them; elsewhere every column."""
LISTS = {
    "organisations": "organisations",
    "igrps": "igrps",
    "users": "users",
    "channels": "channels",
    "dgrps": "dgrps",
    "goals": "goals",
    "segments": "segments",
    "segmentGroups": "segment_groups",
    "attribution": "attribution_models",
}
"""Path names of the lists by stream."""


def read(
    vendor: InfinityVendor,
    request: Request,
    allowed: Collection[str],
    columns: Collection[str],
    *,
    required: Collection[str] = (),
    sortable: Collection[str] | None = None,
) -> Query:
    """Check a request against its route; see `read_query`."""
    return read_query(
        request.query,
        allowed=allowed,
        required=required,
        columns=columns,
        sortable=columns if sortable is None else sortable,
        ignored=vendor.options["ignore"],
    )


def shuffled(vendor: InfinityVendor, rows: list[Row], query: Query, request: Request) -> list[Row]:
    """Return rows whose ties stand in another order in each request that sorts."""
    if query.sorts:
        rows = list(rows)
        seeded.generator(vendor.seed, "ties", request.target).shuffle(rows)
    return query.select(rows)


def listing(vendor: InfinityVendor, request: Request, named: dict[str, str]) -> Reply:
    """Answer a small list or one row of it (reports_v2_organisations.html and its kin)."""
    stream = LISTS[named["list"]]
    columns = reference.COLUMNS[stream]
    allowed = COMMON if "id" in named else PAGED
    query = read(vendor, request, allowed, columns, sortable=SORTABLE.get(stream))
    igrp = int(named.get("igrp", 0))
    with vendor.lock:
        account = vendor.account
        rows = list(account.sites[igrp].lists[stream] if igrp else account.lists[stream])
    if "id" in named:
        rows = [row for row in rows if str(row[reference.KEYS[stream]]) == named["id"]]
        if not rows:
            raise RefusedError(404, "Resource not found")
    return vendor.page(shuffled(vendor, rows, query, request), query, request)


def installation(vendor: InfinityVendor, request: Request, named: dict[str, str]) -> Reply:
    """Answer one installation (config_v2_igrps.html)."""
    return listing(vendor, request, {"list": "igrps", "id": named["igrp"]})


def numbers(vendor: InfinityVendor, request: Request, named: dict[str, str]) -> Reply:
    """Answer the tracking numbers of a dial-in group (config_v2_numbers.html)."""
    query = read(vendor, request, PAGED, reference.COLUMNS["numbers"])
    lists = vendor.account.sites[int(named["igrp"])].lists
    if named["dgrp"] not in {row["dgrp"] for row in lists["dgrps"]}:
        raise RefusedError(404, "Resource not found")
    rows = [row for row in lists["numbers"] if row["dgrp"] == named["dgrp"]]
    if "fixed" in named:
        rows = [row for row in rows if row["usageType"] == "fixed"]
    return vendor.page(shuffled(vendor, rows, query, request), query, request)


def triggers(vendor: InfinityVendor, request: Request, named: dict[str, str]) -> Reply:
    """Answer a trigger report (reports_v2_igrps_triggers.html)."""
    report, table = named["report"], vendor.account.tables[int(named["igrp"])]
    if report not in REPORTS or (report == "callStatus" and "old" not in named):
        raise RefusedError(404, "Resource not found")
    query = read(vendor, request, TRIGGERS, table.columns, required=("limit",))
    span = query.span(vendor.now)
    if report == "touchPoints":
        oldest = vendor.now - timedelta(days=vendor.options["retention_days"])
        span = (max(span[0], int(oldest.timestamp())), span[1])
    bounds = _keyset(query)
    limit = vendor.limit(query)
    if bounds and limit and table.bulk and report in {"all", "calls"} and not vendor.redacts(query):
        lines = table.plain_lines(report, span, bounds, limit, output.line)
        body = output.ndjson(vendor.spoil(lines, request))
        return Reply(200, body, {"Content-Type": "application/json"})
    found = [row for row in table.triggers(*span) if REPORTS[report](row.wire)]
    rows = [row for trigger in found for row in _shown(vendor, query, trigger)]
    if not query.sorts:
        rows.reverse()
    return vendor.page(query.select(rows), query, request)


def deprecated(vendor: InfinityVendor, request: Request, named: dict[str, str]) -> Reply:
    """Answer a trigger report under its former path (reports_v2_triggers.html)."""
    report = {"calls/users": "users", "users": "", "visits": ""}.get(
        named["report"], named["report"]
    )
    igrp = vendor.admit(request.param("igrp") or "")
    return triggers(vendor, request, {"igrp": str(igrp), "report": report, "old": "yes"})


def _keyset(query: Query) -> tuple[int, int] | None:
    """Return the row ids [low, high) of a plain keyset page, None for any other request."""
    plain = set(query.scalars) <= {"limit", "startDate", "endDate", "tz", "format"}
    if not plain or query.display or query.sorts != (("rowId", False),):
        return None
    if query.scalars.get("tz", "UTC") != "UTC" or query.scalars.get("format", "json") != "json":
        return None
    low, high = 0, 2**63
    for rule in query.filters:
        if rule.field != "rowId" or rule.operand not in {"gt", "ge", "lt", "le"}:
            return None
        border = int(rule.comparison) + (rule.operand in {"gt", "le"})
        if rule.operand in {"gt", "ge"}:
            low = max(low, border)
        else:
            high = min(high, border)
    return low, high


def _shown(vendor: InfinityVendor, query: Query, trigger: Trigger) -> list[Row]:
    """Return the rows that one trigger gives: none, one, or several where attribution is asked."""
    row, scalars = trigger.wire, query.scalars
    if scalars.get("chType", row["chType"]) != row["chType"]:
        return []
    if "rootOrgId" in scalars and str(query.integer("rootOrgId")) != str(row["orgId"]):
        return []
    row = _in_zone(row, ("triggerDatetime", "visitorFirstDatetime"), query.zone)
    if vendor.redacts(query):
        row = redacted(row)
    if scalars.get("attributionModelId", "none") == "none":
        return [row]
    landings = [row, row | {"ch": "620", "chName": "Paid search", "chType": "ppc", "attr": "2"}]
    if scalars.get("nestAttributions", "0") != "0":
        return [row | {"attributions": [{"ch": each["ch"]} for each in landings]}]
    return landings


def redacted(row: Row) -> Row:
    """Return a row without the personal data that the vendor redacts."""
    blotted = dict.fromkeys(PII_COLUMNS[2:], "")
    if "." in str(row.get("ip") or ""):
        blotted["ip"] = row["ip"].rpartition(".")[0] + ".X"
    if str(row.get("srcPhoneNumber") or "")[-4:].isdecimal():
        blotted["srcPhoneNumber"] = row["srcPhoneNumber"][:-4] + "XXXX"
    return row | blotted


def _in_zone(row: Row, columns: Collection[str], zone: ZoneInfo) -> Row:
    """Return a row with its times in another zone; zero times stay as they are."""
    if zone.key == "UTC":
        return row
    moved: dict[str, Any] = {}
    for name in columns:
        text = row.get(name)
        if text and not text.startswith("0000"):
            instant = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
            moved[name] = reference.wire_time(instant.astimezone(zone))
    return row | moved


def call_keywords(vendor: InfinityVendor, request: Request, named: dict[str, str]) -> Reply:
    """Answer the keywords heard in named calls (reports_v2_callKeywords.html)."""
    query = read(vendor, request, PAGED, activity.KEYWORD_COLUMNS)
    wanted: set[int] = set()
    for rule in query.filters:
        if rule.field == "rowId" and rule.operand in {"eq", "in"}:
            chosen = rule.comparison if rule.operand == "in" else {rule.comparison}
            wanted |= {int(value) for value in chosen}
    if not wanted:
        raise RefusedError(400, "A filter on rowId is required")
    rows = vendor.account.keywords(int(named["igrp"]), wanted)
    return vendor.page(shuffled(vendor, rows, query, request), query, request)


def operator_states(vendor: InfinityVendor, request: Request, named: dict[str, str]) -> Reply:
    """Answer operator states (reports_v2_pbxTriggers.html)."""
    columns = activity.STATE_COLUMNS
    query = read(vendor, request, DATED, columns, required=("limit", "sort"))
    first, last = (
        reference.wire_time(datetime.fromtimestamp(epoch, UTC)) for epoch in query.span(vendor.now)
    )
    with vendor.lock:
        states = list(vendor.account.states[int(named["igrp"])])
    chosen = [row for row in states if first <= row["triggerDatetime"] < last]
    rows = [_in_zone(row, ("triggerDatetime",), query.zone) for row in chosen]
    return vendor.page(shuffled(vendor, rows, query, request), query, request)


def audit(vendor: InfinityVendor, request: Request, named: dict[str, str]) -> Reply:
    """Answer the audit log, which knows no dates (reports_v2_audit.html)."""
    query = read(vendor, request, PAGED, activity.AUDIT_COLUMNS, required=("limit",))
    with vendor.lock:
        entries = list(vendor.account.audit[int(named["igrp"])])
    rows = [_in_zone(row, ("dt",), query.zone) for row in entries]
    return vendor.page(shuffled(vendor, rows, query, request), query, request)


def user_activity(vendor: InfinityVendor, request: Request, named: dict[str, str]) -> Reply:
    """Answer how often users came (reports_v2_audit.html)."""
    query = read(vendor, request, PAGED, activity.ACTIVITY_COLUMNS)
    rows = vendor.account.activity[int(named["igrp"])]
    rows = [_in_zone(row, ("firstLandDt", "lastLandDt"), query.zone) for row in rows]
    return vendor.page(shuffled(vendor, rows, query, request), query, request)


def aggregated(vendor: InfinityVendor, request: Request, named: dict[str, str]) -> Reply:
    """Answer an aggregated report (reports_v2_metrics.html)."""
    report = metrics.REPORTS.get(named["report"])
    if report is None:
        raise RefusedError(404, "Resource not found")
    allowed = METRICS | ({"chType", "attributionModelId"} if report.by_channel_type else set())
    required = ("igrp", "startDate", "endDate", "group", "limit")
    columns = (*report.columns, "chName", "metricMonthName", "callConversionRate", "bestCampaign")
    query = read(vendor, request, allowed, columns, required=required, sortable=report.columns)
    table = vendor.account.tables[vendor.admit(query.scalars["igrp"])]
    span = query.span(vendor.now)
    with vendor.lock:
        counted = vendor.account.counted(table.site.igrp, span)
        rows = metrics.aggregate(report, query, counted)
    kept = [rule for rule in query.filters if rule.field not in report.columns]
    if kept:
        raise RefusedError(400, f"Unknown filter field {kept[0].field}")
    unfiltered = Query(query.scalars, query.display, (), query.sorts)
    return vendor.page(unfiltered.select(rows), query, request, whole=True)


_SITE_LISTS = "channels|dgrps|goals|segments|segmentGroups|attribution"
ROUTES: dict[str, tuple[tuple[str, Answer], ...]] = {
    "reports": (
        (r"(?P<list>organisations|igrps)", listing),
        (r"(?P<list>organisations)/(?P<id>\d+)", listing),
        (
            rf"igrps/(?P<igrp>[^/]+)/(?P<list>{_SITE_LISTS})(/(?P<id>\d+))?",
            listing,
        ),
        (r"igrps/(?P<igrp>[^/]+)/triggers/(?P<report>\w+)", triggers),
        (r"igrps/(?P<igrp>[^/]+)/callKeywords", call_keywords),
        (r"igrps/(?P<igrp>[^/]+)/pbxUserStateTriggers", operator_states),
        (r"igrps/(?P<igrp>[^/]+)/audit", audit),
        (r"igrps/(?P<igrp>[^/]+)/audit/userActivity", user_activity),
        (r"triggers/(?P<report>\w+|calls/users)", deprecated),
        (r"metrics/(?P<report>\w+)", aggregated),
    ),
    "config": (
        (r"(?P<list>igrps|users)", listing),
        (r"igrps/(?P<igrp>[^/]+)", installation),
        (r"igrps/(?P<igrp>[^/]+)/(?P<list>dgrps)(/(?P<id>\d+))?", listing),
        (r"igrps/(?P<igrp>[^/]+)/dgrps/(?P<dgrp>\d+)/numbers(/(?P<fixed>fixed))?", numbers),
    ),
}
"""Paths below the version of each API and what answers them."""
