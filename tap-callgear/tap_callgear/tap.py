"""The tap: its settings and its streams."""

from __future__ import annotations

from typing import Any, ClassVar

from singer_sdk import typing as th

from tap_callgear import streams
from tap_callgear.client import CallGearClient
from tap_shared.errors import SettingRefused
from tap_shared.once import made_once
from tap_shared.settings import settings_schema, zone_setting
from tap_shared.tap import ApiTap

__all__ = ["TapCallGear"]


class TapCallGear(ApiTap):
    """Calls, chats, leads and reference data of a CallGear (UIS, CoMagic) account."""

    name = "tap-callgear"
    package_name = "tap-callgear"
    stream_types = streams.STREAMS
    config_jsonschema: ClassVar[dict[str, Any]] = settings_schema(
        th.Property(
            "access_token",
            th.StringType,
            secret=True,
            title="Access token",
            description="API key of a user of the account; or set login and password.",
        ),
        th.Property("login", th.StringType, title="Login", description="User for session logins."),
        th.Property(
            "password",
            th.StringType,
            secret=True,
            title="Password",
            description="Password of login.",
        ),
        th.Property(
            "user_id",
            th.IntegerType,
            title="User id",
            description="Customer user on whose behalf an agent asks; agents only.",
        ),
        th.Property(
            "timezone",
            th.StringType,
            title="Time zone",
            description="IANA zone of the account's times; read from the account where unset.",
        ),
        th.Property(
            "include_ongoing_calls",
            th.BooleanType,
            default=False,
            title="Include ongoing calls",
            description="Also read calls that are still in progress.",
        ),
        th.Property(
            "exclude_fields",
            th.ObjectType(additional_properties=th.ArrayType(th.StringType)),
            title="Exclude fields",
            description="Stream name to field names that are not asked for.",
        ),
        th.Property(
            "max_wait_seconds",
            th.IntegerType,
            default=900,
            title="Max wait seconds",
            description="Longest sleep for a limit to reset before the run stops cleanly.",
        ),
        defaults={
            "lookback": "7d",
            "window": "1d",
            "page_size": 5000,
            "max_concurrency": 2,
            "requests_per_minute": 0,
            "api_url": "https://dataapi.callgear.com",
            "user_agent": "tap-callgear/0.1.0",
        },
        page_size_limit=10_000,
    )

    def check_settings(self) -> None:
        """Check credentials, zone and excluded fields before any request."""
        has_key = bool((self.config.get("access_token") or "").strip())
        has_login = bool(self.config.get("login")), bool(self.config.get("password"))
        if has_key and any(has_login):
            raise SettingRefused("access_token", "and login exclude each other; set one of them.")
        if not has_key and not any(has_login):
            raise SettingRefused("access_token", "is required, or login and password instead.")
        if not has_key and not all(has_login):
            missing = "password" if has_login[0] else "login"
            raise SettingRefused(missing, "is required beside the other half of the login.")
        if self.config["max_wait_seconds"] < 0:
            raise SettingRefused("max_wait_seconds", "must be at least 0.")
        if self.config.get("timezone"):
            zone_setting("timezone", self.config["timezone"])
        self._check_excluded_fields()

    def _check_excluded_fields(self) -> None:
        known: dict[str, Any] = {str(vars(s)["name"]): s for s in self.stream_types}
        for name, fields in (self.config.get("exclude_fields") or {}).items():
            stream = known.get(name)
            if stream is None:
                raise SettingRefused("exclude_fields", f"names a stream '{name}' that is unknown.")
            own = {*stream.primary_keys, stream.replication_key, *stream.needed}
            needed = own & set(fields)
            if needed:
                raise SettingRefused(
                    "exclude_fields", f"cannot leave out '{min(needed)}' of '{name}': it is needed."
                )

    @made_once
    def client(self) -> CallGearClient:
        """The account's API."""
        return CallGearClient(self)
