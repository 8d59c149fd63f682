"""The organisation: people, queues, tags, endpoints and what else the rows refer to."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from contact_sandbox import seeded
from contact_sandbox.dixa.texts import chance, gmt_instant, instant, new_id, zoneless_instant

Row = dict[str, Any]

CHANNELS = {
    "EMAIL": "Email",
    "PSTN_PHONE": "Phone",
    "WIDGET_CHAT": "Chat",
    "CONTACT_FORM": "Contact Form",
    "CALLBACK": "Callback",
    "SMS": "SMS",
}
"""Analytics spelling of the channels that conversations use, with labels."""

FLOW_CHANNELS = (
    "WhatsApp", "Voicemail", "WidgetChat", "FacebookMessenger", "Email", "ContactForm", "Callback",
    "PstnPhone", "Messenger",
)  # fmt: skip
"""Channels that the list of flows can be asked for; any other is a bad request."""

_QUEUES = ("Support", "Billing", "Kundeservice ÆØÅ", "VIP 🚀", "Returns", "Default")
_TAGS = ("refund", "complaint", "VIP", "spam", "rückruf", "税", "old tag", "older tag", "unused")
_TEAMS = ("Copenhagen", "Night shift", "日本チーム", "Empty team")
_RETIRED_TAGS = slice(6, 8)
BUSY_AGENTS = 12
"""Only the first so many agents get conversations."""
USED_TAGS = 8
"""Only the first so many tags are put on conversations."""


class Directory:
    """Reference lists as they are on the wire.

    Attributes are lists of rows unless said otherwise: `agents`, `queues`, `tags`, `teams`,
    `endpoints`, `attributes`, `schedules`, `endusers`, `flows`, `presence`; `organization` is a
    row; `queue_members`, `team_members`, `agent_teams` lead from the parent's id to rows.
    """

    def __init__(self, rng: random.Random, now: datetime, start: datetime, agents: int) -> None:
        """Make the organisation's lists.

        Args:
            rng: Where everything that looks random comes from.
            now: The present.
            start: Start of history; accounts are made before it.
            agents: Number of agents.
        """
        self.organization: Row = {
            "id": new_id(rng), "name": "Sandbox A/S", "subdomain": "sandbox", "status": "Active",
        }  # fmt: skip
        self.agents = [_agent(rng, start, place) for place in range(agents)]
        self.endusers = [_enduser(rng, start, place) for place in range(121)]
        self.queues = [self._queue(rng, name) for name in _QUEUES]
        self.tags = [_tag(rng, name) for name in _TAGS]
        for tag in self.tags[_RETIRED_TAGS]:
            tag["state"] = "Inactive"
        self.teams: list[Row] = [{"id": new_id(rng), "name": name} for name in _TEAMS]
        self.endpoints = _endpoints(rng)
        self.attributes = _attributes(rng, start)
        self.schedules: list[Row] = [
            {"name": name, "id": new_id(rng)} for name in ("Weekdays", "Jul & nytår")
        ]
        self.flows = _flows(rng, self.endpoints)
        self._join(rng)
        self.presence = [_presence(rng, agent, now) for agent in self.agents]

    def _queue(self, rng: random.Random, name: str) -> Row:
        """Return a queue; the optional members are left out now and then."""
        row: Row = {
            "id": new_id(rng),
            "name": name,
            "isDefault": name == "Default",
            "organizationId": self.organization["id"],
            "queueThresholds": {"SlaTimeLimit": 120, "SlaPercentage": 80, "LongestWait": 600},
            "slaCalculationMethod": "AbandonedIgnored",
            "doNotOfferTimeouts": {"PstnPhone": 30, "Email": 0},
            "isDoNotOfferEnabled": chance(rng, 1 / 2),
        }
        if name in _QUEUES[:3]:
            row |= {
                "offerTimeout": 20,
                "offeringAlgorithm": "AgentPriorityLongestIdle",
                "memberListType": "SkillBased",
                "usages": {"queueId": row["id"], "usages": {"Email": [new_id(rng)], "Sms": []}},
                "wrapupTimeout": 15,
                "priority": 1,
                "offerAbandonedConversations": False,
                "isPreferredAgentEnabled": True,
                "preferredAgentTimeouts": {"PstnPhone": 45},
                "preferredAgentOfflineTimeout": 60,
                "personalAgentOfflineTimeout": 90,
                "isRestricted": False,
                "aiRouting": {"enabled": True, "threshold": 0.75},
            }
        else:
            row["queueThresholds"] = {}
        return row

    def _join(self, rng: random.Random) -> None:
        """Put agents into queues and teams; the last team stays empty."""
        ids = [agent["id"] for agent in self.agents]
        self.queue_members: dict[str, list[Row]] = {
            queue["id"]: [
                {"agentId": member, "priority": rng.randint(1, 5)}
                if chance(rng, 0.9)
                else {"agentId": member}
                for member in rng.sample(ids, min(8, len(ids)))
            ]
            for queue in self.queues
        }
        self.team_members: dict[str, list[Row]] = {team["id"]: [] for team in self.teams}
        self.agent_teams: dict[str, list[Row]] = {member: [] for member in ids}
        for agent in self.agents:
            for team in rng.sample(self.teams[:-1], rng.choice((0, 1, 1, 2))):
                member = {"id": agent["id"], "name": agent["displayName"], "email": agent["email"]}
                self.team_members[team["id"]].append(member)
                self.agent_teams[agent["id"]].append({"id": team["id"]})

    def contact_points(self) -> list[str]:
        """Return the addresses and numbers under which the organisation can be reached."""
        return [row.get("address") or row["number"] for row in self.endpoints]

    def tag_names(self) -> dict[str, str]:
        """Return the tags' texts by id."""
        return {tag["id"]: tag["name"] for tag in self.tags}


def _agent(rng: random.Random, start: datetime, place: int) -> Row:
    """Return an agent; optional members are left out for every third one."""
    name = seeded.full_name(rng) if place else "Zoë 👩‍💻 Null"
    row: Row = {
        "id": new_id(rng),
        "createdAt": instant(start - timedelta(days=rng.randint(1, 900), seconds=rng.random())),
        "displayName": name,
        "email": f"agent{place}.{seeded.email(rng)}",
    }
    if place % 3:
        row |= {
            "avatarUrl": f"https://avatars.example.com/{place}.png",
            "phoneNumber": f"+{seeded.phone(rng)}",
            "additionalEmails": [],
            "additionalPhoneNumbers": [f"+{seeded.phone(rng)}"],
            "firstName": name.split()[0],
            "lastName": name.split()[-1],
            "middleNames": ["Æ", "van der"] if place % 2 else [],
            "roles": ["Agent", "TeamLead"] if place % 5 == 0 else ["Agent"],
        }
    return row


def _enduser(rng: random.Random, start: datetime, place: int) -> Row:
    """Return a customer; some are anonymised, some have a number only."""
    row: Row = {"id": new_id(rng), "createdAt": instant(start + timedelta(seconds=place * 61))}
    if place % 10 == 0:
        return row | {"displayName": ""}
    row |= {"displayName": seeded.text(rng, 0.2), "phoneNumber": f"+{seeded.phone(rng)}"}
    if place % 2:
        row |= {
            "email": f"user{place}.{seeded.email(rng)}",
            "additionalEmails": [seeded.email(rng)],
            "additionalPhoneNumbers": [],
            "firstName": rng.choice(seeded.FIRST_NAMES),
            "lastName": rng.choice(seeded.LAST_NAMES),
            "middleNames": [],
            "avatarUrl": "",
            "externalId": f"00{place}",
        }
    return row


def _tag(rng: random.Random, name: str) -> Row:
    """Return an active tag, with or without a colour."""
    row = {"id": new_id(rng), "name": name, "state": "Active"}
    return row | {"color": "#ff8800"} if chance(rng, 0.7) else row


def _endpoints(rng: random.Random) -> list[Row]:
    """Return the addresses and lines of the organisation: rows of two shapes, without an id."""
    mails: list[Row] = [
        {"address": "help@sandbox.example.com", "name": "Help", "_type": "EmailEndpoint"},
        {
            "address": "billing+dk@sandbox.example.com",
            "senderOverride": "Billing <billing@sandbox.example.com>",
            "name": "Billing",
            "_type": "EmailEndpoint",
        },
    ]
    skills: tuple[list[str], ...] = (["VoiceInbound", "VoiceOutbound"], ["Sms"], [])
    return mails + [
        {"number": f"+{seeded.phone(rng)}", "functionality": skill, "_type": "TelephonyEndpoint"}
        | ({"name": f"Line {place}"} if place else {})
        for place, skill in enumerate(skills)
    ]


def _attributes(rng: random.Random, start: datetime) -> list[Row]:
    """Return definitions of custom attributes: a text, a tree of options, an archived one."""

    def option(label: str, place: int, nested: list[Row]) -> Row:
        return {
            "id": new_id(rng), "label": label, "value": label.lower(), "nestedOptions": nested,
            "isDeactivated": False, "orderIndex": place,
        }  # fmt: skip

    deep = option("Deepest", 0, [])
    for label in ("Deeper", "Deep", "Shallow"):
        deep = option(label, 0, [deep])
    inputs: tuple[Row, ...] = (
        {"_type": "Text", "placeholder": "Order number"},
        {"_type": "Select", "options": [deep, option("Andet", 1, [])]},
        {"_type": "Text"},
    )
    names = ("order_number", "reason", "legacy")
    return [
        {
            "id": new_id(rng),
            "entityType": "Contact" if name == "legacy" else "Conversation",
            "identifier": name,
            "label": name.replace("_", " ").title(),
            "inputDefinition": definition,
            "createdAt": gmt_instant(start - timedelta(days=30, milliseconds=7)),
            "isRequired": False,
            "isArchived": name == "legacy",
            "isDeactivated": False,
        }
        | ({"updatedAt": gmt_instant(start), "description": "Why?"} if name == "reason" else {})
        for name, definition in zip(names, inputs, strict=True)
    ]


def _flows(rng: random.Random, endpoints: list[Row]) -> list[Row]:
    """Return flows of four channels; one id serves two of them."""
    shared = new_id(rng)
    places = (("PstnPhone", 2), ("PstnPhone", 4), ("Email", 0), ("WidgetChat", 1), ("Messenger", 1))
    return [
        {
            "id": shared if channel in ("WidgetChat", "Messenger") else new_id(rng),
            "name": f"{channel} flow {place}",
            "channel": channel,
            "contactEndpointId": endpoints[place].get("address") or endpoints[place]["number"],
        }
        for channel, place in places
    ]


def _presence(rng: random.Random, agent: Row, now: datetime) -> Row:
    """Return an agent's presence in the one snapshot that this imitation takes."""
    row: Row = {
        "userId": agent["id"],
        "requestTime": zoneless_instant(now.replace(microsecond=935000)),
        "connectionStatus": "Offline",
    }
    if chance(rng, 1 / 2):
        row |= {
            "connectionStatus": "Online",
            "lastSeen": zoneless_instant(now - timedelta(milliseconds=rng.randint(1, 10**7))),
            "presenceStatus": rng.choice(("Working", "Away")),
            "activeChannels": rng.sample(FLOW_CHANNELS, 2),
        }
    return row
