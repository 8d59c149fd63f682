"""Seeded reference data: lookups of the reporting service and lists of the routing service."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from contact_sandbox import seeded
from contact_sandbox.interactions.documents import Row

_EVENT_TYPES = {
    "1": "InteractionStarted", "3": "InteractionQueued", "9": "InteractionEnded",
    "24": "AgentWorkstateChanged", "100001": "Extension",
}  # fmt: skip
_EVENT_TYPE_REASONS = {"0": "None", "3": "AgentRequested", "5": "SystemForced"}
_WORKFLOW_EVENT_TYPES = {"1": "WorkflowStarted", "2": "StepEntered", "7": "WorkflowEnded"}
_SYSTEM_STATES = ("Available", "Unavailable", "Logged Out", "ACW")
_FIRST_AGENT = 10_600
_FIRST_OWN_STATE = 1001
_PALETTE = ("#2e7d32", "#c62828", "#000")


@dataclass(frozen=True)
class Reference:
    """The reference data of one tenant.

    Attributes:
        lookups: Data of each lookup by the last part of its path.
        lists: Items of each routing list by stream.
    """

    lookups: dict[str, Any]
    lists: dict[str, list[Row]]


def reference(rng: random.Random, agents: int) -> Reference:
    """Return seeded reference data with that many agents."""
    queues = [{"id": 40 + number, "name": seeded.text(rng, 0.2)} for number in range(12)]
    queues[3]["isCallback"] = True  # a member that nobody published
    sets = [
        {"id": number, "displayName": seeded.words(rng, 2), "parentId": (number - 1) or None}
        for number in range(1, 6)
    ]
    dispositions = [
        {"id": 100 + number, "name": seeded.text(rng), "dispositionSetId": 1 + number % 5}
        for number in range(23)
    ]
    return Reference(
        {
            "queues": queues,
            "agents": [_agent(rng, number) for number in range(agents)],
            "dispositions": {"dispositionSets": sets, "dispositions": dispositions},
            "report-message-event-types": {
                "eventTypes": _EVENT_TYPES,
                "eventTypeReasons": _EVENT_TYPE_REASONS,
            },
            "workflow-message-event-types": {"eventTypes": _WORKFLOW_EVENT_TYPES},
        },
        _workstates(rng),
    )


def _agent(rng: random.Random, number: int) -> Row:
    """Return an agent; every sixth is disabled, and the second has an id beyond 32 bits."""
    return {
        "id": 2**33 + 5 if number == 1 else _FIRST_AGENT + number,
        "firstName": seeded.pick(rng, seeded.FIRST_NAMES),
        "lastName": seeded.pick(rng, seeded.LAST_NAMES),
        "email": seeded.email(rng) if number % 7 else None,
        "isDisabled": number % 6 == 0,
    }


def _workstates(rng: random.Random) -> dict[str, list[Row]]:
    """Return 31 workstates and 14 sets of them: more than the lists' default page of ten."""
    own = range(_FIRST_OWN_STATE, _FIRST_OWN_STATE + 27)
    names = {**dict(enumerate(_SYSTEM_STATES, 1)), **{number: seeded.text(rng) for number in own}}
    sets = {number: sorted(rng.sample(sorted(names), 6)) for number in range(1, 15)}
    states: list[Row] = [
        {
            "id": number,
            "name": name,
            "description": rng.choice((None, "", seeded.words(rng))),
            "color": rng.choice(_PALETTE),
            "productive": rng.random() < 0.5,
            "isDefault": number == 1,
            "isHiddenForAgent": number > len(_SYSTEM_STATES) + _FIRST_OWN_STATE,
            "routingProfiles": [{"id": 6}] if number % 2 else [],
            "workstateSets": [{"id": key} for key, held in sets.items() if number in held],
        }
        for number, name in names.items()
    ]
    grouped: list[Row] = [
        {
            "id": number,
            "name": seeded.words(rng, 2),
            "description": None,
            "workstates": [{"id": held} for held in members],
            "routingProfiles": [{"id": 6}, {"id": 9}],
        }
        for number, members in sets.items()
    ]
    return {"workstates": states, "workstate_sets": grouped}
