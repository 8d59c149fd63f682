"""Instants, heads, states and settings: a value that says the same again, or a refusal."""

from __future__ import annotations

import copy
import io
import json
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import requests
import urllib3
from hypothesis import strategies as st

from tap_shared.command_line import _read_json
from tap_shared.errors import SettingRefused
from tap_shared.http import Limits, Reply, gateway_faults
from tap_shared.instants import InstantReader, instant_text, parse_instant, to_date, to_instant
from tap_shared.state import bookmark, check_state, mark
from tests.contract.interface import SECRETS
from tests.contract.runner import installed_taps
from tests.contract.tap_class import tap_class
from tests.fuzz.mangled import ODD, mangled, spoilt, text_of
from tests.fuzz.outcome import outcome
from tests.fuzz.running import Target
from tests.shared.shapes import DAY, INSTANT

__all__ = ["VALUES"]

_MISFITS = (ValueError, OverflowError, ArithmeticError)
_FLAG = st.integers(0, 1)
_ZONES = [*map(ZoneInfo, ("UTC", "Europe/Berlin", "Asia/Kathmandu", "Africa/Monrovia"))]

# Instants

_times = st.one_of(
    st.from_regex(r"\A[0-9]{4}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9](:[0-6][0-9])?"
                  r"([.,][0-9]{0,9})?(Z|[+-][0-9]{2}:?[0-9]{2})?(\[[A-Z/a-z]*\])?\Z"),
    st.datetimes(timezones=st.sampled_from(_ZONES)).map(datetime.isoformat),
    st.integers(-(10**15), 10**15) | st.integers() | st.floats(),
    st.text(max_size=30),
    st.sampled_from([odd for odd in ODD if not isinstance(odd, (list, dict))]),
)  # fmt: skip


def _read(convert: Callable[[], Any]) -> Any:
    """Convert; give what came out, or that it does not fit."""
    try:
        return convert()
    except _MISFITS:
        return "misfit"


def check_instants(case: tuple[list[Any], ZoneInfo, str | None]) -> None:
    """Read a column of times: each as if it were alone, and as fixed text that reads as itself."""
    column, zone, epoch = case
    quick = InstantReader(zone, epoch)
    alone = [v if v is None else _read(partial(to_instant, v, zone, epoch)) for v in column]
    for _ in range(2):  # what was remembered is the same
        assert [_read(partial(quick, value)) for value in column] == alone
        at_once = _read(partial(quick.column, column))
        assert at_once == alone or (at_once == "misfit" and "misfit" in alone)
    for found in alone:
        if found not in (None, "misfit"):
            assert INSTANT.fullmatch(found)
            assert to_instant(found) == found == instant_text(parse_instant(found))
    for day in (_read(partial(to_date, value)) for value in column):
        if day not in (None, "misfit"):
            assert DAY.fullmatch(day)
            assert to_date(day) == day


# Heads, and packed bodies

_HEADS = ("Retry-After", "Content-Encoding", "X-Request-Id", "Date", "Content-Type")
_head_values = st.one_of(
    st.sampled_from(
        ["0", "-5", "1e9", "gzip", "GZIP, x", "Wed, 21 Oct 2015 07:28:00 GMT", "\x1b[2J", "\r\n b"]
    ),
    st.text(st.characters(max_codepoint=255), max_size=20),
)  # fmt: skip


def reply(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Give an answer without a connection."""
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers or {})
    response.raw = urllib3.HTTPResponse(io.BytesIO(body), preload_content=False)
    return Reply(response, Limits(body_bytes=1 << 20))


def check_reply(case: tuple[bytes, int, dict[str, str]]) -> None:
    """Read an answer with any head and body."""
    body, status, headers = case
    answer = reply(body, status, headers)
    after = answer.retry_after
    assert after is None or after >= 0
    assert len(answer.reference) < 100
    outcome(lambda: gateway_faults(answer))
    found = outcome(lambda: answer.body)
    if isinstance(found, bytes) and "gzip" not in headers.get("Content-Encoding", "").lower():
        assert found == body


def _packed(body: bytes, chance: Random, packs: int, mangles: int) -> bytes:
    pack = zlib.compressobj(wbits=31)
    made = pack.compress(body) + pack.flush() * chance.choice((1, 1, 2)) if packs else body
    return mangled(made, chance) if mangles else made


_replies = st.tuples(
    st.builds(_packed, st.binary(max_size=300), st.randoms(), _FLAG, _FLAG),
    st.sampled_from([200, 204, 302, 400, 408, 429, 500, 503, 504, 999]),
    st.dictionaries(st.sampled_from(_HEADS), _head_values, max_size=4),
)

# States

_AT = "2026-01-02T03:04:05.000000Z"
_STATE = {
    "bookmarks": {
        "calls": {
            "replication_key": "at", "replication_key_value": _AT, "progress_markers": {},
        },
        "events": {"partitions": [
            {"context": {"igrp": 1}, "replication_key_value": "2026-01-02"},
            {"context": {"igrp": 2}},
        ]},
        "tags": {},
    },
}  # fmt: skip


def check_any_state(text: bytes) -> None:
    """Read a state file: what is accepted is accepted again as it is, and can be moved forward."""

    def read() -> dict[str, Any]:
        file = io.TextIOWrapper(io.BytesIO(text), "utf-8")
        return check_state(_read_json("state", file))

    state = outcome(read)
    if isinstance(state, type):
        assert issubclass(state, SettingRefused)
        return
    assert check_state(copy.deepcopy(state)) == state
    now = datetime(2026, 6, 1, tzinfo=UTC)
    for entry in state.get("bookmarks", {}).values():
        for one in (entry, *entry.get("partitions", [])):
            before = bookmark(one, "at")
            mark(one, "at", now + timedelta(days=1), now)
            after = bookmark(one, "at")
            assert after == max(now, before or now)
    _tap("callgear", {}, copy.deepcopy(state))


def _state_text(wraps: int, times: int, mangles: int, chance: Random) -> bytes:
    state: Any = {"type": "STATE", "singer_state": _STATE} if wraps else _STATE
    for _ in range(times):
        state = spoilt(state, chance)
    text = text_of(state, chance)
    return mangled(text, chance) if mangles else text


_states = st.builds(
    _state_text, _FLAG, st.integers(0, 3), _FLAG, st.randoms()
) | st.binary(max_size=20)  # fmt: skip

# Settings

_CREDENTIALS: Mapping[str, Mapping[str, Any]] = {
    "callgear": {"access_token": "sandbox-secret-1"},
    "dixa": {"api_token": "sandbox-secret-1", "static_catalogue": True},
    "infinity": {"api_key": "sandbox-secret-1"},
    "interactions": {"api_key": "sandbox-secret-1"},
    "pbx": {"api_key": "sandbox-secret-1", "container_id": "123456"},
}
_TEXTS = (
    "keep", "hash", "v2", "bearer", "7d", "0m", "999999w", "2024-01-31", "Europe/London", "UTC\0",
    "https://api.example.com/x/", "http://127.0.0.1:1", "https://u:sandbox-secret-2@h",
    "https://[::1", "s3://bucket/x", "nonsense://x", "../x", "{igrp}", "a\r\nX-Evil: 1",
    "sandbox-secret-3",
)  # fmt: skip


_OF_THE_SDK = (
    "stream_maps", "stream_map_config", "faker_config", "flattening_enabled", "batch_config",
    "flattening_max_depth", "flattening_separator",
)  # fmt: skip


@cache
def _kind(name: str) -> Any:
    return tap_class(f"tap_{name}")


def _tap(name: str, more: Mapping[str, Any], state: Any = None) -> Any:
    config = {"start_date": "2026-01-01", **_CREDENTIALS[name], **more}
    return _kind(name)(config=config, state=state, validate_config=False)


def check_settings(case: tuple[str, dict[str, Any]]) -> None:
    """Read settings: refused by name, in a sentence without a secret, or good for every stream."""
    name, given = case

    def read() -> Any:
        tap = _tap(name, given)
        assert tap.settings.window >= timedelta(minutes=1)
        assert tap.settings.start_date.tzinfo is not None
        _ = tap.client
        return {stream.name: stream.schema for stream in tap.streams.values()}

    secrets = [str(v) for k, v in given.items() if k in SECRETS[name] and len(str(v)) > 5]
    found = outcome(read, secrets=(*secrets, "sandbox-secret-"))
    assert isinstance(found, type) or json.loads(json.dumps(found)) == found


@cache
def _names(tap: str) -> list[str]:
    """Name settings; the SDK adds its own once a tap has been made."""
    return sorted({*_kind(tap).config_jsonschema["properties"], *_OF_THE_SDK})


@st.composite
def _configs(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    name = draw(st.sampled_from(installed_taps()))
    value = st.one_of(
        st.sampled_from(_TEXTS), st.sampled_from(ODD), st.text(max_size=8), st.integers(),
        st.lists(st.sampled_from((*_TEXTS, *ODD)), max_size=2),
        st.dictionaries(st.sampled_from(["calls", "name", "path", "group", "ref", "metric"]),
                        st.sampled_from((*_TEXTS, *ODD)), max_size=3),
    )  # fmt: skip
    return name, draw(st.dictionaries(st.sampled_from(_names(name)), value, max_size=3))


VALUES = {
    "instants": Target(
        st.tuples(
            st.lists(_times, min_size=1, max_size=8), st.sampled_from(_ZONES),
            st.sampled_from([None, "ms", "s"]),
        ),
        check_instants,
    ),
    "replies": Target(_replies, check_reply),
    "states": Target(_states, check_any_state),
    "settings": Target(_configs(), check_settings),
}  # fmt: skip
