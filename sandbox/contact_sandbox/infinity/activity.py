"""Operator states, the audit log, user activity and keyword hits, as on the wire."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from contact_sandbox import seeded
from contact_sandbox.infinity.reference import Row, wire_time
from contact_sandbox.infinity.trigger_table import Trigger

STATE_COLUMNS = ("triggerDatetime", "operatorRef", "operatorState", "operatorStateDuration")
AUDIT_COLUMNS = (
    "_id", "dt", "app", "userId", "user", "act", "notes", "orgId", "orgName", "igrp", "igrpName",
    "seg",
)  # fmt: skip
ACTIVITY_COLUMNS = (
    "_id", "app", "firstLandDt", "lastLandDt", "landCount", "igrp", "igrpName", "orgId", "orgName",
    "user", "userId",
)  # fmt: skip
KEYWORD_COLUMNS = (
    "rowId", "keywordId", "keywordGroupId", "leg", "startTime", "confidence", "keywordScore",
    "metConfidenceLevel", "keyword", "keywordGroupName",
)  # fmt: skip
_KEYWORDS = ("refund", "thank you", "Ende gut, alles gut", "cancel 😠", "Unknown (Not Found)")


def operator_states(rng: random.Random, start: datetime, now: datetime, count: int) -> list[Row]:
    """Return states of several operators; some change in one second, one lies before `start`."""
    rows = [_state(rng, start - timedelta(hours=1), "op0", "online")]
    seen = set()
    for at in seeded.moments(rng, start, now, count, twins=0.3):
        key = (at, f"op{int(rng.random() * 5)}", seeded.pick(rng, ("online", "offline", "dnd")))
        if key not in seen:
            seen.add(key)
            rows.append(_state(rng, *key))
    return rows


def _state(rng: random.Random, at: datetime, operator: str, state: str) -> Row:
    """Return one state; its duration is text, a number or not known yet."""
    duration = int(rng.random() * 7200)
    return {
        "triggerDatetime": wire_time(at),
        "operatorRef": operator,
        "operatorState": state,
        "operatorStateDuration": seeded.pick(rng, (str(duration), duration, "")),
    }


def change_states(rng: random.Random, rows: list[Row], now: datetime) -> None:
    """Add states now and in the lookback, and settle durations of the last ones."""
    for place in range(max(1, len(rows) - 4), len(rows)):
        rows[place] = rows[place] | {"operatorStateDuration": str(int(rng.random() * 9999))}
    used = {(row["triggerDatetime"], row["operatorRef"]) for row in rows}
    for hours in (0.2, 0.2, 30, 100):
        row = _state(rng, now - timedelta(hours=hours * rng.uniform(0.5, 1)), "op9", "online")
        if (row["triggerDatetime"], "op9") not in used:
            used.add((row["triggerDatetime"], "op9"))
            rows.append(row)


def audit_entry(rng: random.Random, igrp: int, at: datetime) -> Row:
    """Return one log entry without the keys that do not concern it."""
    row: Row = {
        "_id": object_id(rng),
        "dt": wire_time(at),
        "app": seeded.pick(rng, ("portal", "api")),
        "userId": 500 + int(rng.random() * 9),
        "user": seeded.email(rng),
        "act": seeded.pick(rng, ("igrpLand", "goalUpdate", "segmentUpdate")),
    }
    if row["act"] == "igrpLand":
        return row | {
            "orgId": 7,
            "orgName": "Acme Motors",
            "igrp": igrp,
            "igrpName": f"Site {igrp}",
        }
    if row["act"] == "segmentUpdate":
        return row | {"seg": "2", "notes": seeded.text(rng, 0.3)}
    return row | {"notes": "", "orgId": str(int(rng.random() * 9))}


def audit_log(
    rng: random.Random, igrp: int, start: datetime, now: datetime, count: int
) -> list[Row]:
    """Return log entries, the first of them before `start`."""
    moments = [start - timedelta(hours=1), *seeded.moments(rng, start, now, count, twins=0.2)]
    return [audit_entry(rng, igrp, at) for at in moments]


def user_activity(rng: random.Random, igrp: int, now: datetime) -> list[Row]:
    """Return a summary for each of five users."""
    return [
        {
            "_id": object_id(rng),
            "app": "portal",
            "firstLandDt": wire_time(now - timedelta(days=400 + n)),
            "igrp": igrp,
            "igrpName": f"Site {igrp}",
            "landCount": str(n) if n % 2 else n,
            "lastLandDt": wire_time(now - timedelta(days=n)),
            "orgId": 7,
            "orgName": "Acme Motors",
            "user": seeded.email(rng),
            "userId": 500 + n,
        }
        for n in range(1, 6)
    ]


def object_id(rng: random.Random) -> str:
    """Return an identifier of 24 hexadecimal digits."""
    return f"{rng.getrandbits(96):024x}"


def keyword_hits(seed: int, igrp: int, trigger: Trigger) -> list[Row]:
    """Return what was heard in a call; a rewritten call has one hit more and other scores."""
    if str(trigger.wire["callKeywordSpotting"]) != "1":
        return []
    rng = seeded.generator(seed, "infinity keywords", igrp, trigger.row_id)
    hits: dict[tuple[Any, ...], Row] = {}
    for _ in range(int(rng.random() * 4) + trigger.version):
        place = int(rng.random() * len(_KEYWORDS))
        start = int(rng.random() * 3)
        for leg in ("contact", "operator")[: 1 + int(rng.random() * 2)]:
            score = int(rng.uniform(-100, 100)) + trigger.version
            hits[place, leg, start] = {
                "rowId": str(trigger.row_id),
                "keywordId": str(70 + place),
                "keywordGroupId": "4",
                "leg": leg,
                "startTime": str(start),
                "confidence": str(int(rng.random() * 101)),
                "keywordScore": str(score),
                "metConfidenceLevel": str(int(rng.random() * 2)),
                "keyword": _KEYWORDS[place],
                "keywordGroupName": "Mood",
            }
    return list(hits.values())
