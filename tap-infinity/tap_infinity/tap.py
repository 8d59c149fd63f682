"""The tap: its settings and its streams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from singer_sdk import typing as th

from tap_infinity import streams
from tap_infinity.client import InfinityClient
from tap_infinity.metrics import metric_stream
from tap_infinity.report_settings import channel_report, user_reports
from tap_shared.errors import SettingRefused
from tap_shared.once import made_once
from tap_shared.settings import settings_schema, zone_setting
from tap_shared.stream import ApiStream
from tap_shared.tap import ApiTap

__all__ = ["TapInfinity"]

_CUSTOM_METRICS = th.Property(
    "custom_metrics",
    th.ArrayType(
        th.ObjectType(
            th.Property("ref", th.StringType, description="Name of the column."),
            th.Property("metric", th.StringType, description="What is counted: goalCount, ..."),
            th.Property(
                "conditions",
                th.ObjectType(additional_properties=True),
                description="Dimension to the values that count, as they are: the tap escapes.",
            ),
        )
    ),
    description="Columns of your own: a metric counted under conditions.",
)
_TEXTS = th.ArrayType(th.StringType)


class TapInfinity(ApiTap):
    """Calls, goals, visits and reference data of Infinity call tracking."""

    name = "tap-infinity"
    package_name = "tap-infinity"
    stream_types = streams.STREAMS
    basic_pairs = (("username", "password"),)
    config_jsonschema: ClassVar[dict[str, Any]] = settings_schema(
        th.Property(
            "api_key",
            th.StringType,
            secret=True,
            title="API key",
            description="Key of a Hub user (version 2.1); or set username and password.",
        ),
        th.Property(
            "username",
            th.StringType,
            title="User name",
            description="Hub login for HTTP Basic (version 2).",
        ),
        th.Property(
            "password",
            th.StringType,
            secret=True,
            title="Password",
            description="Password of username.",
        ),
        th.Property(
            "api_version",
            th.StringType,
            allowed_values=["v2", "v2.1"],
            title="API version",
            description="Version in the path; v2.1 with a key and v2 with a login where unset.",
        ),
        th.Property(
            "igrp_ids",
            th.ArrayType(th.IntegerType),
            title="Installations",
            description="Installations (igrp) to read; every one that the login sees where unset.",
        ),
        th.Property(
            "exclude_pii",
            th.BooleanType,
            default=False,
            title="Exclude PII",
            description="Ask the vendor to redact personal data in triggers (excludePiiData=1).",
        ),
        th.Property(
            "metrics_timezone",
            th.StringType,
            default="UTC",
            title="Metrics time zone",
            description="IANA zone whose days the metric streams count.",
        ),
        th.Property(
            "channel_metrics",
            th.ObjectType(
                th.Property("chType", th.StringType, description="Only channels of this kind."),
                _CUSTOM_METRICS,
            ),
            title="Channel metrics",
            description="Channel kind and custom metrics of the stream channel_metrics.",
        ),
        th.Property(
            "reports",
            th.ArrayType(
                th.ObjectType(
                    th.Property("name", th.StringType, description="Name of the stream."),
                    th.Property("path", th.StringType, description="Path below the version."),
                    th.Property("group", _TEXTS, description="Dimensions to group by."),
                    th.Property("display", _TEXTS, description="Columns; all where left out."),
                    th.Property("filter", _TEXTS, description="{field}-{operand}-value-{value}."),
                    th.Property("sort", _TEXTS, description="{field}-asc or {field}-desc."),
                    _CUSTOM_METRICS,
                    th.Property("daily", th.BooleanType, description="Day by day (the default)."),
                    th.Property("primary_key", _TEXTS, description="Key columns of the stream."),
                )
            ),
            title="Reports",
            description="Metric reports of your own, one stream each.",
        ),
        defaults={
            "lookback": "7d",
            "window": "7d",
            "page_size": 10_000,
            "max_concurrency": 2,
            "requests_per_minute": 0,
            "api_url": "https://api.infinitycloud.com",
            "user_agent": "tap-infinity/0.1.0",
        },
        page_size_limit=50_000,
    )

    def check_settings(self) -> None:
        """Check credentials, installations, zone and reports before any request."""
        has_key = bool((self.config.get("api_key") or "").strip())
        has_login = bool(self.config.get("username")), bool(self.config.get("password"))
        if has_key and any(has_login):
            raise SettingRefused("api_key", "and username exclude each other; set one of them.")
        if not has_key and not any(has_login):
            raise SettingRefused("api_key", "is required, or username and password instead.")
        if not has_key and not all(has_login):
            missing = "password" if has_login[0] else "username"
            raise SettingRefused(missing, "is required beside the other half of the login.")
        if any(igrp < 0 for igrp in self.config.get("igrp_ids") or []):
            raise SettingRefused("igrp_ids", "must be the numbers of installations.")
        zone_setting("metrics_timezone", self.config["metrics_timezone"] or "")

    def discover_streams(self) -> Sequence[ApiStream]:
        """Give the fixed streams, channel metrics and the user's reports.

        Raises:
            SettingRefused: A report is wrongly defined.
        """
        fixed = super().discover_streams()
        taken = {"channel_metrics", *(stream.name for stream in fixed)}
        reports = user_reports(self.config, taken)
        metrics = [channel_report(self.config), *reports]
        return [*fixed, *(metric_stream(one)(self) for one in metrics)]

    @made_once
    def client(self) -> InfinityClient:
        """The login's API."""
        return InfinityClient(self)
