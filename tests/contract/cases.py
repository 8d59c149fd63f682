"""What the contract tests have to know of each vendor: sizes, adapters, credentials, refusals."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, TypeVar

__all__ = ["CASES", "Case"]

T = TypeVar("T")
D = TypeVar("D")

Key = tuple[Any, ...]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """One tap against its imitated vendor.

    Attributes:
        options: Options of the imitation: small, and with every stream readable.
        days: Depth of its history.
        config: Settings on top of the vendor's own: small pages and windows.
        zone: The zone of time texts that carry none.
        identity: Stream -> what a record is told apart by, where the tap makes the key.
        truth: Stream -> the same from an expected key and row.
        signs: Stream -> what a record, and what an expected key, are matched by, where rows of one
            sign may be several and only the tap can tell them apart.
        wire: Stream -> the columns that an expected row must come out as; None leaves content out.
        misfits: Stream -> fields whose values do not always fit their declared type.
        wrong: Settings whose credential the vendor refuses.
        refusal: Options that make the vendor refuse a stream or partition, and how it is named.
        refused: Streams that such a refusal takes away as a whole.
        dying: Options with which the credential dies during a run.
        refused_key: What the keys of rows of a refused partition hold.
        volatile: Columns that follow from the run: its windows, its moment.
        masked: Stream -> fields that may be masked with `***`.
        unbounded: Streams that are emitted as the vendor returned them.
        least_lookback: Stream -> lookback below which the setting is not heeded.
        secrets: Further texts that no output may hold.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    days: int = 12
    config: Mapping[str, Any] = field(default_factory=dict)
    zone: str = "UTC"
    identity: Mapping[str, Callable[[Row], Key]] = field(default_factory=dict)
    truth: Mapping[str, Callable[[Key, Row], Key]] = field(default_factory=dict)
    signs: Mapping[str, tuple[Callable[[Row], Key], Callable[[Key], Key]]] = field(
        default_factory=dict
    )
    wire: Mapping[str, Callable[[Row], Row] | None] = field(default_factory=dict)
    misfits: Mapping[str, frozenset[str]] = field(default_factory=dict)
    wrong: Mapping[str, Any] = field(default_factory=dict)
    refusal: tuple[Mapping[str, Any], str] = field(default_factory=lambda: ({}, ""))
    refused: frozenset[str] = frozenset()
    refused_key: Any = None
    dying: Mapping[str, Any] | None = None
    volatile: frozenset[str] = frozenset({"window_start", "window_end", "queried_at"})
    masked: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unbounded: tuple[str, ...] = ()
    least_lookback: Mapping[str, timedelta] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()

    @staticmethod
    def of(table: Mapping[str, T], stream: str, otherwise: D) -> T | D:
        """Give a stream's entry of a table whose names may be patterns."""
        return next((v for name, v in table.items() if fnmatchcase(stream, name)), otherwise)


def _texts(values: Any) -> Key:
    """Give values whose type on the wire varies as texts."""
    return tuple(None if value is None else str(value) for value in values)


_DIMENSIONS = (
    "date", "site_id", "campaign_id", "campaign_ext_id", "engine", "banner_group_id", "keyword_id",
    "current_banner_id",
)  # fmt: skip

_CALLGEAR = Case(
    options={"agent": True, "calls": 160, "burst": 70, "stable_order": True},
    config={"page_size": 60, "window": "3d", "lookback": "4d"},
    zone="Europe/Berlin",
    identity={"campaign_daily_stats": lambda row: _texts(row[name] for name in _DIMENSIONS)},
    truth={"campaign_daily_stats": lambda key, _row: _texts(key)},
    wire={"sip_lines": lambda row: {k: v for k, v in row.items() if k != "password"}},
    wrong={"access_token": "sandbox-no-such-token"},
    refusal=({"forbidden": frozenset({"get.chats_report"})}, "chats"),
    refused=frozenset({"chats"}),
    dying={"key_requests": 40},
    least_lookback={"campaign_daily_stats": timedelta(days=30)},
    secrets=("sandbox-session-", "sandbox-sip-secret-"),
)


def _without_installation(row: Row) -> Row:
    """Give a row without the vendor's copy of what the tap stamps as `igrp`."""
    return {name: value for name, value in row.items() if name != "igrpId"}


_INFINITY = Case(
    options={"calls": 110, "short_pages": 0.1},
    config={"page_size": 70, "window": "5d", "lookback": "5d"},
    wire={"*": _without_installation},
    misfits={"*": frozenset({"leadScore", "deDupeFields"})},
    wrong={"api_key": "sandbox-no-such-key"},
    refusal=({"forbidden": frozenset({31007})}, "igrp 31007"),
)


def _conversation(row: Row) -> Key:
    """Give a Dixa record's conversation, wherever it is kept, and its instant."""
    places = [place.get(name) for place in (row, row.get("_extra") or {})
              for name in ("csid", "conversation_id")]  # fmt: skip
    return next((ident for ident in places if ident is not None), None), row["primary_timestamp"]


def _expected_conversation(key: Key) -> Key:
    identity, instant, _ = key
    return identity if isinstance(identity, int) else None, instant


def _listed(row: Row) -> Row:
    """Give a conversation whose custom fields all have lists of values, as some are sent."""
    fields = [
        {**one, "value": one["value"] if isinstance(one["value"], list) else [one["value"]]}
        for one in row.get("custom_fields") or []
    ]
    return {**row, "custom_fields": fields} if row.get("custom_fields") else row


def _without_credential(row: Row) -> Row:
    """Give a call whose link does not hold the account's key."""
    link = row.get("recordingUrl")
    return {**row, "recordingUrl": re.sub(r"auth=[^&]*&?", "", link)} if link else row


def _recording(row: Row) -> Row:
    """Give what a recording's columns share with the call list; the others are the tap's."""
    shared = {name: row[name] for name in ("callUuid", "callDate")}
    return {**shared, "file_name": row["fileName"]} if row["fileName"] else shared


def _measured(row: Row) -> Row:
    """Give what a metric's column holds; the rest of the answer is spread over the key."""
    return {"value": row["value"]}


_PBX = Case(
    options={"calls": 70, "busy_day": 12, "unstable_ties": False},
    config={"window": "2d", "lookback": "4d"},
    wrong={"api_key": "sandbox-no-such-key"},
    wire={"call_recordings": _recording, "calls": _without_credential},
    masked={"call_events": frozenset({f"eventData{n}" for n in range(1, 9)})},
    refusal=({"forbidden_tenants": ("102",)}, "tenant_id 102"),
    refused_key="102",
)

_DIXA = Case(
    signs={"record_*": (_conversation, _expected_conversation)},
    wire={"record_*": None, "metric_*": _measured, "conversation_export": _listed},
    options={"conversations": 80, "agents": 13, "feedback": 20},
    config={"page_size": 50, "window": "3d", "lookback": "4d"},
    wrong={"api_token": "sandbox-no-such-token"},
    refusal=({"refused_ids": ("csat",)}, "metric_csat"),
    refused=frozenset({"metric_csat"}),
    unbounded=("record_*",),
)

_INTERACTIONS = Case(
    options={"interactions": 160, "burst": 70, "messages": 60, "events": 80, "agents": 6},
    config={"page_size": 60, "window": "3d", "lookback": "2d"},
    wrong={"api_key": "sandboxC=:sandboxD="},
    refusal=({"forbidden": ("queues",)}, "queues"),
    refused=frozenset({"queues"}),
    dying={"revoke_after": 25},
)

CASES: Mapping[str, Case] = {
    "callgear": _CALLGEAR,
    "infinity": _INFINITY,
    "pbx": _PBX,
    "dixa": _DIXA,
    "interactions": _INTERACTIONS,
}
"""Tap -> its case."""
