"""The tap: its settings and its streams."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, ClassVar

from singer_sdk import typing as th

from tap_interactions.client import MotionClient
from tap_interactions.families import ListStream
from tap_interactions.interaction_details import DATE_FIELDS
from tap_interactions.streams import STREAMS
from tap_shared.errors import SettingRefused
from tap_shared.once import made_once
from tap_shared.settings import duration, settings_schema
from tap_shared.tap import ApiTap

__all__ = ["TapInteractions"]

_KEY = re.compile(r"[\x21-\x7e]+")
_DAY = timedelta(days=1)


class TapInteractions(ApiTap):
    """Interactions, agents' states, cases and reference data of a MotionCX tenant."""

    name = "tap-interactions"
    package_name = "tap-interactions"
    stream_types = STREAMS
    config_jsonschema: ClassVar[dict[str, Any]] = settings_schema(
        th.Property(
            "api_key",
            th.StringType,
            secret=True,
            title="API key",
            description="API key of a user (Administration, Users, Actions, API Keys).",
        ),
        th.Property(
            "auth_header",
            th.StringType,
            default="x-api-key",
            allowed_values=["x-api-key", "authorization"],
            title="Auth header",
            description="Header that carries the key.",
        ),
        th.Property(
            "tenant_id",
            th.IntegerType,
            title="Tenant id",
            description="Tenant; only needed for workstates, workstate_sets and tickets.",
        ),
        th.Property(
            "replication_date_field",
            th.StringType,
            default=DATE_FIELDS[0],
            allowed_values=list(DATE_FIELDS),
            title="Replication date field",
            description="Time field of interactions that windows and bookmarks follow.",
        ),
        th.Property(
            "queues",
            th.ArrayType(th.IntegerType),
            title="Queues",
            description="Queues whose interactions are extracted; all where unset.",
        ),
        th.Property(
            "verify_counts",
            th.BooleanType,
            default=False,
            title="Verify counts",
            description="Check each window of interactions against the aggregates endpoint.",
        ),
        defaults={
            "lookback": "1h",
            "window": "1d",
            "page_size": 500,
            "max_concurrency": 1,
            "requests_per_minute": 0,
            "api_url": "https://api.motioncxapps.com",
            "user_agent": "tap-interactions/0.1.0",
        },
        page_size_limit=500,
    )

    def check_settings(self) -> None:
        """Check the key, and that the tenant is known where it is needed."""
        key = (self.config.get("api_key") or "").strip()
        if not key:
            raise SettingRefused("api_key", "is required.")
        if not _KEY.fullmatch(key):
            raise SettingRefused("api_key", "must be one line of plain characters.")
        if self.config.get("tenant_id") is None:
            wanting = [s.name for s in self._lists if s.selected]
            if wanting:
                raise SettingRefused("tenant_id", f"is required for {', '.join(wanting)}.")
        self._advise()

    @property
    def _lists(self) -> list[ListStream]:
        return [stream for stream in self.streams.values() if isinstance(stream, ListStream)]

    def _advise(self) -> None:
        """Warn of a replication field that misses what is rewritten later."""
        field = self.config["replication_date_field"]
        if field in DATE_FIELDS[2:] and duration("lookback", self.config["lookback"]) < _DAY:
            self.logger.warning(
                "By '%s' interactions that are rewritten later are only found within lookback: set"
                " it to several days.",
                field,
            )

    @made_once
    def client(self) -> MotionClient:
        """The tenant's services."""
        return MotionClient(self)
