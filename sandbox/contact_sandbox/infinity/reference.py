"""Organisations, installations and the small lists of each installation, as on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from contact_sandbox import seeded

Row = dict[str, Any]
ZERO = "0000-00-00 00:00:00"
INSTALLATIONS = {101: 0.5, 2044: 0.3, 31007: 0.2, 40001: 0.0}
"""Installation ids and their share of the calls; the last one has no events at all."""
ORGANISATIONS = {101: 7, 2044: 7, 31007: 8, 40001: 8}
CHANNELS = (
    ("Paid search", "ppc"),
    ("Organic search", "seo"),
    ("Website direct", "direct"),
    ("Referrer", "ref"),
    ("Réseaux sociaux 👋", "social"),
    ("Offline, print", "offline"),
    ("PBX DDI", "pbxDdi"),
    ("Partner_portal", "cust"),
)
QUEUES = ("Sales-Main", "My_Queue", "Service, Support", "My\\Queue", "Größe_\\,1")
COLUMNS: dict[str, tuple[str, ...]] = {
    "organisations": (
        "orgId", "orgName", "brandingId", "brandingName", "logoFilename", "landingDomain",
        "primaryColor", "orgTitle", "orgCreated",
    ),
    "igrps": ("igrp", "igrpName", "orgId", "primaryOrgId", "packageType"),
    "users": (
        "userId", "username", "firstName", "lastName", "primaryOrgId", "updateDatetime",
        "userStatus",
    ),
    "channels": ("igrp", "channelId", "channelName", "channelType", "channelOrder"),
    "dgrps": (
        "igrp", "dgrp", "dgrpRef", "dgrpName", "dgrpType", "segment", "startDate", "endDate",
        "dgrpStatus",
    ),
    "goals": (
        "goalId", "igrp", "goalTitle", "goalDescription", "goalStatus", "deDupeFields",
        "deDupeLookback", "actionConfig", "criteriaConfig",
    ),
    "segments": (
        "segment", "segmentName", "segmentRef", "segmentOrder", "orgId", "status", "segmentGroupId",
    ),
    "segment_groups": ("segmentGroupId", "segmentGroupName", "igrp", "segmentGroupStatus"),
    "attribution_models": (
        "modelId", "igrp", "modelName", "modelType", "matchCriteria", "lookbackDays", "modelStatus",
        "createDatetime", "updateDatetime", "deleteDatetime", "weight", "channelsMode", "channels",
        "firstWeight", "lastWeight",
    ),
    "numbers": (
        "phoneId", "typeId", "state", "phoneNumber", "destinationNumber", "dgrp", "dgrpName",
        "igrp", "updateDatetime", "usageType", "ch", "channelName", "usageFilter",
        "phoneNumberAlias", "typeName", "bandName", "typeTitle", "holdUntil", "startDate",
        "numberStartDate", "lastDialledDatetime", "callCount30Days", "publisher", "campaign",
        "keyword",
    ),
}  # fmt: skip
KEYS = {
    "organisations": "orgId",
    "igrps": "igrp",
    "users": "userId",
    "channels": "channelId",
    "dgrps": "dgrp",
    "goals": "goalId",
    "segments": "segment",
    "segment_groups": "segmentGroupId",
    "attribution_models": "modelId",
    "numbers": "phoneId",
}
"""The identifying column of each list."""


@dataclass
class Site:
    """One installation with its small lists.

    Attributes:
        igrp: Installation id.
        custom: Names of its account-specific trigger columns.
        lists: Rows of each list by stream name.
    """

    igrp: int
    org: int
    custom: tuple[str, ...]
    lists: dict[str, list[Row]] = field(default_factory=dict)


def build_site(igrp: int, seed: int, now: datetime) -> Site:
    """Return the installation `igrp` with lists that follow from `seed`."""
    custom = ("c_branch", "c_customerTier", "pt_gclid", "pt_utm_source")[: 2 + igrp % 3]
    site = Site(igrp, ORGANISATIONS[igrp], custom)
    site.lists = {
        "channels": _channels(igrp),
        "dgrps": _dgrps(igrp, now),
        "goals": _goals(igrp),
        "segments": _segments(site),
        "segment_groups": [
            {
                "segmentGroupId": str(1 + n),
                "segmentGroupName": name,
                "igrp": str(igrp),
                "segmentGroupStatus": "200",
            }
            for n, name in enumerate(("Regions", "Marken & Filialen"))
        ],
        "attribution_models": _models(igrp, now),
        "numbers": _numbers(igrp, seed, now),
    }
    return site


def organisations() -> list[Row]:
    """Return the organisations; the second wears the older column names."""
    base = {"brandingId": "3", "brandingName": "Acme", "logoFilename": "", "primaryColor": "#0a7"}
    domain = "portal.example.com"
    return [
        {"orgId": "7", "orgName": "Acme Motors", **base, "landingDomain": domain},
        {"orgId": 8, "orgTitle": "Čtyři kola s.r.o.", "orgCreated": "2012-02-29 15:20:13"},
        {"orgId": "9", "orgName": "Acme Holding", **base, "brandingId": "", "landingDomain": None},
    ]


def igrps() -> list[Row]:
    """Return the installations that the login sees."""
    return [
        {
            "igrp": str(igrp),
            "igrpName": f"Installation {igrp}",
            "orgId": str(ORGANISATIONS[igrp]),
            "primaryOrgId": str(ORGANISATIONS[igrp]),
            "packageType": "enterprise-b2b" if igrp % 2 else "standard-b2b",
        }
        for igrp in INSTALLATIONS
    ]


def users(seed: int, now: datetime) -> list[Row]:
    """Return the portal's users."""
    rng = seeded.generator(seed, "infinity users")
    return [
        {
            "userId": str(500 + n),
            "username": seeded.email(rng),
            "firstName": seeded.pick(rng, seeded.FIRST_NAMES),
            "lastName": seeded.pick(rng, seeded.LAST_NAMES),
            "primaryOrgId": seeded.pick(rng, ("7", "8", 8)),
            "updateDatetime": ZERO if n == 0 else wire_time(now - timedelta(days=n)),
            "userStatus": 410 if n == 3 else "200",
        }
        for n in range(9)
    ]


def wire_time(instant: datetime) -> str:
    """Return an instant as the vendor writes it."""
    return instant.strftime("%Y-%m-%d %H:%M:%S")


def _channels(igrp: int) -> list[Row]:
    """Return channels whose rows name the installation now `igrp`, now `igrpId`."""
    return [
        {
            "igrpId" if n % 2 else "igrp": str(igrp),
            "channelId": str(620 + n),
            "channelName": name,
            "channelType": kind,
            "channelOrder": str(10 * n),
        }
        for n, (name, kind) in enumerate(CHANNELS)
    ]


def _dgrps(igrp: int, now: datetime) -> list[Row]:
    """Return dial-in groups, most of them open-ended."""
    return [
        {
            "igrp": str(igrp),
            "dgrp": str(n),
            "dgrpRef": f"dgrp-{n}",
            "dgrpName": name,
            "dgrpType": "nas" if n % 2 else "offline",
            "segment": str(1 + n % 3),
            "startDate": (now - timedelta(days=900)).strftime("%Y-%m-%d"),
            "endDate": (now - timedelta(days=5)).strftime("%Y-%m-%d") if n == 3 else "0000-00-00",
            "dgrpStatus": "410" if n == 3 else "200",
        }
        for n, name in enumerate(("Main site", "Landing pages", "Ärzte-Hotline"), start=1)
    ]


def _goals(igrp: int) -> list[Row]:
    """Return goals; one with the nested spelling of its de-duplication fields."""
    criteria = [{"field": "act", "op": "eq", "value": "call"}]
    goal = {"igrp": str(igrp), "goalStatus": 200, "actionConfig": [], "criteriaConfig": criteria}
    return [
        {**goal, "goalId": "246", "goalTitle": "Answered call", "goalDescription": "Over 30 s",
         "deDupeFields": ["vid", "srcPhoneNumber"], "deDupeLookback": "30"},
        {**goal, "goalId": "543", "goalTitle": "Brochure", "goalDescription": None,
         "deDupeFields": [], "deDupeLookback": 0, "criteriaConfig": []},
        {**goal, "goalId": "763", "goalTitle": "Bestellung 🛒", "goalDescription": "",
         "deDupeFields": [["txr"]], "deDupeLookback": "", "goalStatus": "410",
         "actionConfig": [{"mode": "email", "args": "sales"}]},
    ]  # fmt: skip


def _segments(site: Site) -> list[Row]:
    """Return segments, whose numbers repeat in every installation."""
    return [
        {
            "segment": str(n),
            "segmentName": name,
            "segmentRef": None if n < 2 else f"seg{n}",
            "segmentOrder": n,
            "orgId": str(site.org),
            "status": "200",
            "segmentGroupId": "" if n < 2 else "1",
        }
        for n, name in enumerate(("All", "Default", "North", "South"))
    ]


def _models(igrp: int, now: datetime) -> list[Row]:
    """Return attribution models with optional columns here and there."""
    made = wire_time(now - timedelta(days=700))
    times = {"createDatetime": made, "updateDatetime": made, "deleteDatetime": ZERO}
    model = {"igrp": str(igrp), "lookbackDays": 30, "modelStatus": "200", **times}
    criteria = [{"field": "campaign", "op": "eqi", "value": "spring_sale"}]
    return [
        {**model, "modelId": "1", "modelName": "Weighted first", "modelType": "weightedFirst",
         "weight": 4, "channels": [620], "channelsMode": "exclude", "matchCriteria": ""},
        {**model, "modelId": "2", "modelName": "Bath tub", "modelType": "spread", "firstWeight": 2,
         "lastWeight": "3", "channels": [], "matchCriteria": criteria},
        {**model, "modelId": "3", "modelName": "Last click", "modelType": "last",
         "lookbackDays": "90", "matchCriteria": ""},
    ]  # fmt: skip


def _numbers(igrp: int, seed: int, now: datetime) -> list[Row]:
    """Return six tracking numbers for each dial-in group; zero times abound."""
    rng = seeded.generator(seed, "infinity numbers", igrp)
    return [_number(rng, igrp, index, now) for index in range(18)]


def _number(rng: Any, igrp: int, index: int, now: datetime) -> Row:
    """Return one tracking number; those of one group are neighbours."""
    pool = rng.random() < 0.5
    dialled = wire_time(now - timedelta(days=index)) if index % 3 else ZERO
    return {
        "phoneId": str((2**32 if igrp == 2044 else 0) + 1000 + index),
        "typeId": "5",
        "state": "",
        "phoneNumber": seeded.phone(rng),
        "destinationNumber": seeded.phone(rng),
        "dgrp": str(1 + index // 6),
        "dgrpName": ("Main site", "Landing pages", "Ärzte-Hotline")[index // 6],
        "igrp": str(igrp),
        "updateDatetime": ZERO,
        "usageType": "pool" if pool else "fixed",
        "ch": "0" if pool else "620",
        "channelName": None if pool else CHANNELS[0][0],
        "usageFilter": "ict2~pub~Test Publisher~cmp~Spring~kw~tyres",
        "phoneNumberAlias": "",
        "typeName": "local",
        "bandName": seeded.pick(rng, ("gold", "bronze")),
        "typeTitle": "Local rate",
        "holdUntil": ZERO,
        "startDate": "0000-00-00" if index % 5 == 0 else "2024-04-24",
        "numberStartDate": "2024-04-24",
        "lastDialledDatetime": dialled,
        "callCount30Days": seeded.pick(rng, ("0", "17", 3)),
        "publisher": "Test Publisher",
        "campaign": "Spring",
        "keyword": "tyres",
    }
