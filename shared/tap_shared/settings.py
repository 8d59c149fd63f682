"""The settings that every tap has, and their one reader.

A wrong setting is refused before any request, in one sentence that names it and never shows its
value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jsonschema import Draft7Validator
from singer_sdk import typing as th

from tap_shared.coerce import PiiMode
from tap_shared.errors import SettingRefused
from tap_shared.instants import parse_instant

__all__ = [
    "Settings",
    "check_schema",
    "duration",
    "instant_setting",
    "settings_schema",
    "url_setting",
    "zone_setting",
]

_DURATION = re.compile(r"(\d{1,6})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")
_HEADER = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_URL = re.compile(r"[^\s\0-\x1f\x7f?#@\\]+", re.ASCII)


def duration(setting: str, text: str) -> timedelta:
    """Read a duration such as `45m`, `12h` or `7d`.

    Raises:
        SettingRefused: The text is no duration.
    """
    found = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise SettingRefused(setting, "must be a number with s, m, h, d or w, such as 45m or 7d.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def instant_setting(setting: str, text: str) -> datetime:
    """Read a date (midnight UTC) or date-time setting.

    Raises:
        SettingRefused: The text is no date.
    """
    try:
        return parse_instant(text)
    except (ValueError, TypeError):
        raise SettingRefused(
            setting, "must be a date or date-time, such as 2024-01-31 or 2024-01-31T08:00:00Z."
        ) from None


def zone_setting(setting: str, name: str) -> ZoneInfo:
    """Read an IANA time zone.

    Raises:
        SettingRefused: There is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise SettingRefused(setting, "must be an IANA name, such as Europe/London.") from None


def url_setting(setting: str, text: str) -> str:
    """Read the URL of a host: https, or http to this machine; without its trailing slash.

    Raises:
        SettingRefused: The text is no such URL.
    """
    try:
        parts = urlsplit(text.strip())
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        host = ""
    if not host or not text.isascii() or not _URL.fullmatch(text.strip()):
        raise SettingRefused(setting, "must be a plain URL, such as https://api.example.com.")
    if parts.scheme == "http" and _LOOPBACK.fullmatch(host):
        return text.strip().rstrip("/")
    if parts.scheme != "https":
        raise SettingRefused(setting, "must begin with https:// (http only for this machine).")
    return text.strip().rstrip("/")


@dataclass(frozen=True, slots=True)
class Settings:
    """The common settings, read and checked. `interface.md` of the project says what each means."""

    start_date: datetime
    end_date: datetime | None
    lookback: timedelta
    window: timedelta
    page_size: int
    max_concurrency: int
    requests_per_minute: int
    max_attempts: int
    request_timeout: int
    skip_unavailable: bool
    api_url: str
    user_agent: str
    pii: PiiMode
    pii_salt: str
    undeclared_fields: Literal["keep", "drop"]

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> Settings:
        """Read the common settings of a config with its defaults filled in.

        Raises:
            SettingRefused: One is missing or wrong.
        """
        needed = (*_PLAIN, *_LEAST, "lookback", "window", "api_url")
        unset = [name for name in needed if config.get(name) is None]
        if unset:
            raise SettingRefused(unset[0], "must not be null; leave it out for its default.")
        if not config.get("start_date"):
            raise SettingRefused("start_date", "is required: the first instant to extract.")
        start = instant_setting("start_date", config["start_date"])
        end = config.get("end_date")
        end = instant_setting("end_date", end) if end else None
        if end is not None and end <= start:
            raise SettingRefused("end_date", "must be after start_date.")
        if config["pii"] == "hash" and not config.get("pii_salt"):
            raise SettingRefused("pii_salt", "is required when pii is 'hash'.")
        window = duration("window", config["window"])
        if window < timedelta(minutes=1):
            raise SettingRefused("window", "must be at least 1m.")
        if not _HEADER.fullmatch(config["user_agent"]):
            raise SettingRefused("user_agent", "must be one line of plain characters.")
        # JSON's 5.0 is a whole number too.
        plain: dict[str, Any] = {name: int(config[name]) for name in _LEAST}
        return cls(
            start_date=start,
            end_date=end,
            lookback=duration("lookback", config["lookback"]),
            window=window,
            api_url=url_setting("api_url", config["api_url"]),
            pii_salt=config.get("pii_salt") or "",
            **{name: config[name] for name in _PLAIN},
            **plain,
        )


_PLAIN = ("skip_unavailable", "user_agent", "pii", "undeclared_fields")
_LEAST = {
    "page_size": 1, "max_concurrency": 1, "requests_per_minute": 0, "max_attempts": 1,
    "request_timeout": 1,
}  # fmt: skip


def settings_schema(
    *own: th.Property[Any], defaults: Mapping[str, Any], page_size_limit: int | None = None
) -> dict[str, Any]:
    """Give a tap's config schema: its own settings, then the common ones.

    Args:
        own: The tap's own settings.
        defaults: The tap's values of `lookback`, `window`, `page_size`, `max_concurrency`,
            `requests_per_minute`, `api_url` and `user_agent`.
        page_size_limit: The most rows a request that the vendor allows.
    """
    schema: dict[str, Any] = th.PropertiesList(*own, *_common(defaults)).to_dict()
    properties = schema["properties"]
    for name, least in _LEAST.items():
        properties[name]["minimum"] = least
    if page_size_limit:
        properties["page_size"]["maximum"] = page_size_limit
    return schema


def _common(given: Mapping[str, Any]) -> list[th.Property[Any]]:
    text, whole = th.StringType, th.IntegerType
    rows: list[tuple[str, Any, Any, str]] = [
        ("start_date", text, None,
         "First instant to extract: a date (midnight UTC) or a date-time."),
        ("end_date", text, None,
         "Exclusive upper bound, a date or a date-time; the run's start where unset."),
        ("lookback", text, given["lookback"],
         "How far before the bookmark each run reads again, for late records (45m, 12h, 7d)."),
        ("window", text, given["window"],
         "Length of one time slice: the unit of work, of memory and of resumption."),
        ("page_size", whole, given["page_size"], "Rows a request."),
        ("max_concurrency", whole, given["max_concurrency"], "Requests in flight per credential."),
        ("requests_per_minute", whole, given["requests_per_minute"],
         "Client-side rate limit per credential; 0 is none of our own."),
        ("max_attempts", whole, 8, "Tries of one request before the stream fails."),
        ("request_timeout", whole, 120, "Read timeout in seconds; connecting has 10 s."),
        ("skip_unavailable", th.BooleanType, False,
         "Leave out, with a warning, streams and partitions that the vendor refuses."),
        ("api_url", text, given["api_url"],
         "Scheme and host (and prefix of a proxy), without the vendor's version path."),
        ("user_agent", text, given["user_agent"], "The User-Agent header."),
        ("pii", text, "keep",
         "Personal data: keep it, hash it (keyed SHA-256 with pii_salt), or drop it (null)."),
        ("pii_salt", text, None, "Key of the hash; required when pii is hash."),
        ("undeclared_fields", text, "keep",
         "Keep fields that the schema does not declare in _extra, or drop them."),
    ]  # fmt: skip
    choices = {"pii": ["keep", "hash", "drop"], "undeclared_fields": ["keep", "drop"]}
    return [
        th.Property(
            name, kind, required=name == "start_date", default=default, description=words,
            secret=name == "pii_salt", title=_title(name),
            allowed_values=choices.get(name),
        )
        for name, kind, default, words in rows
    ]  # fmt: skip


def _title(name: str) -> str:
    words = name.replace("_", " ").capitalize()
    return re.sub(r"\b(api|url|pii)\b", lambda found: found[0].upper(), words, flags=re.IGNORECASE)


_KINDS = {
    "string": "text", "integer": "a whole number", "boolean": "true or false", "array": "a list",
    "object": "an object", "number": "a number",
}  # fmt: skip


def check_schema(schema: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Check a config against its schema.

    Raises:
        SettingRefused: The first fault, by the setting's name and without its value.
    """
    errors = sorted(Draft7Validator(schema).iter_errors(dict(config)), key=lambda e: len(e.path))
    for error in errors:
        if error.validator == "required":
            missing = next(n for n in error.validator_value if n not in error.instance)
            inside = ".".join(str(part) for part in error.path)
            raise SettingRefused(f"{inside}.{missing}" if inside else missing, "is required.")
        name = ".".join(str(part) for part in error.path) or "config"
        raise SettingRefused(name, _fault(error.validator, error.validator_value))


def _fault(rule: Any, wanted: Any) -> str:
    if rule == "type":
        kinds = [wanted] if isinstance(wanted, str) else wanted
        return f"must be {' or '.join(_KINDS.get(k, k) for k in kinds if k != 'null')}."
    if rule == "enum":
        return f"must be one of: {', '.join(str(item) for item in wanted)}."
    if rule in {"minimum", "maximum"}:
        return f"must be at {'least' if rule == 'minimum' else 'most'} {wanted}."
    return f"is not allowed: it breaks the rule '{rule}'."
