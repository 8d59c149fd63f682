from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk import typing as th

from tap_shared.errors import SettingRefused
from tap_shared.settings import Settings, check_schema, duration, instant_setting, settings_schema

SCHEMA = settings_schema(
    th.Property("api_key", th.StringType, required=True, secret=True, description="Key."),
    th.Property("ids", th.ArrayType(th.IntegerType), description="Ids."),
    th.Property(
        "report", th.ObjectType(th.Property("name", th.StringType, required=True)), description="R."
    ),
    defaults={
        "lookback": "7d", "window": "1d", "page_size": 500, "max_concurrency": 2,
        "requests_per_minute": 0, "api_url": "https://api.example.com", "user_agent": "tap-x/1",
    },
    page_size_limit=1000,
)  # fmt: skip
DEFAULTS = {n: p["default"] for n, p in SCHEMA["properties"].items() if "default" in p}
GOOD: dict[str, Any] = {**DEFAULTS, "start_date": "2024-01-01", "api_key": "sandbox-key"}


def read(**changed: Any) -> Settings:
    config = {**GOOD, **changed}
    check_schema(SCHEMA, config)
    return Settings.read(config)


def refusal(action: Callable[[], object]) -> str | None:
    """Give the name of the setting that an action refuses."""
    try:
        action()
    except SettingRefused as refused:
        return refused.setting
    return None


def test_good_settings_are_read() -> None:
    found = read(end_date="2024-02-01T00:00:00+01:00", window="12h", max_concurrency=3)
    assert found.start_date == datetime(2024, 1, 1, tzinfo=UTC)
    assert found.end_date == datetime(2024, 1, 31, 23, tzinfo=UTC)
    assert found.window == timedelta(hours=12)
    assert found.lookback == timedelta(days=7)
    assert (found.max_concurrency, found.max_attempts, found.pii) == (3, 8, "keep")
    assert found.skip_unavailable is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("start_date", ""),
        ("start_date", "soon-Xyzzy"),
        ("start_date", "2024-02-30"),
        ("start_date", 20240101),
        ("start_date", None),
        ("start_date", "0000-00-00"),
        ("end_date", "2023-12-31"),
        ("end_date", "2024-01-01"),
        ("end_date", "never-Xyzzy"),
        ("lookback", "7"),
        ("lookback", "-7d"),
        ("lookback", "7 days"),
        ("lookback", "9999999d"),
        ("lookback", ""),
        ("lookback", ["7d"]),
        ("window", "0d"),
        ("window", "30s"),
        ("window", "Xyzzy"),
        ("page_size", 0),
        ("page_size", 1001),
        ("page_size", "500"),
        ("page_size", 1.5),
        ("page_size", True),
        ("max_concurrency", 0),
        ("requests_per_minute", -1),
        ("max_attempts", 0),
        ("request_timeout", 0),
        ("skip_unavailable", "Xyzzy"),
        ("pii", "Xyzzy"),
        ("undeclared_fields", "Xyzzy"),
        ("user_agent", ""),
        ("user_agent", "Xyzzy\r\nX-Evil: 1"),
        ("user_agent", " Xyzzy"),
        ("user_agent", "Xyzzy\u20ac"),
        ("api_key", 5),
        ("api_key", ["Xyzzy"]),
        ("ids", "Xyzzy"),
        ("report", []),
        ("api_url", ""),
        ("api_url", "Xyzzy"),
        ("api_url", "https://api.example.com/\0"),
        ("api_url", "https://api.example.com/\x7f"),
        ("api_url", "http://api.example.com"),
        ("api_url", "http://127.0.0.1.example.com"),
        ("api_url", "http://localhost.example.com"),
        ("api_url", "http://localhost@example.com"),
        ("api_url", "ftp://api.example.com"),
        ("api_url", "https://"),
        ("api_url", "https://user:Xyzzy@api.example.com"),
        ("api_url", "https://Xyzzy@api.example.com"),
        ("api_url", "https://api.example.com?token=Xyzzy"),
        ("api_url", "https://api.example.com/#Xyzzy"),
        ("api_url", "https://api.example.com:99999"),
        ("api_url", "https://api.example.com:Xyzzy"),
        ("api_url", "https://[::1"),
        ("api_url", "https://api.exam ple.com"),
        ("api_url", "https://api.example.com/\nX-Evil: 1"),
        ("api_url", "https://api.example.com\\@evil.example"),
        ("api_url", "https://api.example.com/\u20ac"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused_by_name_and_never_shown(name: str, value: Any) -> None:
    with pytest.raises(SettingRefused, match=rf"^Setting '{name}(\.\d+)?' ") as refused:
        read(**{name: value})
    assert refused.value.setting.partition(".")[0] == name
    assert "Xyzzy" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_stands_inside_a_setting_is_named_by_its_path() -> None:
    with pytest.raises(SettingRefused, match=r"'ids\.1' must be a whole number"):
        read(ids=[1, "Xyzzy"])
    with pytest.raises(SettingRefused, match=r"'report\.name' is required"):
        read(report={})


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(SettingRefused, match="'api_key' is required"):
        check_schema(SCHEMA, {name: value for name, value in GOOD.items() if name != "api_key"})
    with pytest.raises(SettingRefused, match="'start_date' is required"):
        Settings.read({**GOOD, "start_date": None})


def test_hashing_needs_a_salt() -> None:
    with pytest.raises(SettingRefused, match="'pii_salt' is required"):
        read(pii="hash")
    assert read(pii="hash", pii_salt="sandbox-salt").pii_salt == "sandbox-salt"


@pytest.mark.parametrize(
    ("given_url", "used"),
    [
        ("https://api.example.com/", "https://api.example.com"),
        (" https://api.example.com:8443/proxy/ ", "https://api.example.com:8443/proxy"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:9", "http://[::1]:9"),
    ],
)
def test_a_url_loses_its_last_slash(given_url: str, used: str) -> None:
    assert read(api_url=given_url).api_url == used


@pytest.mark.parametrize("name", ["page_size", "max_concurrency", "max_attempts"])
def test_a_whole_number_written_with_a_point_is_a_whole_number(name: str) -> None:
    found = getattr(read(**{name: 4.0}), name)
    assert found == 4
    assert type(found) is int


@given(st.integers(0, 999_999), st.sampled_from("smhdw"), st.sampled_from(["", " "]))
def test_durations(number: int, unit: str, between: str) -> None:
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[unit]
    assert duration("window", f"{number}{between}{unit}").total_seconds() == number * seconds


@given(st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text())))
def test_any_other_text_is_refused(value: Any) -> None:
    readers: list[Any] = [duration, instant_setting]
    for reader in readers:
        assert refusal(partial(reader, "window", value)) in {None, "window"}


@given(
    st.dictionaries(
        st.sampled_from([*SCHEMA["properties"], "unknown"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
            max_leaves=4,
        ),
    )
)
def test_any_config_is_read_or_refused_by_name(changed: dict[str, Any]) -> None:
    refused = refusal(lambda: read(**changed))
    assert refused is None or refused.partition(".")[0] in SCHEMA["properties"]
