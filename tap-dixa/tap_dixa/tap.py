"""The tap: its settings, and its streams after the organisation's own catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from singer_sdk import typing as th

from tap_dixa import streams
from tap_dixa.catalogue import Catalogue, FilterValues, kinds_of
from tap_dixa.client import DixaClient
from tap_dixa.families import UnreadStream
from tap_dixa.metrics import MetricStream
from tap_dixa.naming import stream_names
from tap_dixa.records import RecordStream
from tap_dixa.reports import reports_of
from tap_shared.errors import (
    CredentialsRefused,
    LimitReached,
    SettingRefused,
    StreamFailed,
    StreamUnavailable,
    TapError,
    Unreachable,
)
from tap_shared.once import made_once
from tap_shared.settings import check_schema, settings_schema, url_setting, zone_setting
from tap_shared.stream import ApiStream
from tap_shared.tap import ApiTap

__all__ = ["TapDixa"]

_FILTERS = th.ArrayType(
    th.ObjectType(
        th.Property("attribute", th.StringType, required=True),
        th.Property("values", th.ArrayType(th.StringType), required=True),
        additional_properties=False,
    )
)


class TapDixa(ApiTap):
    """Analytics rows and figures of a Dixa organisation, its reference lists and its exports."""

    name = "tap-dixa"
    package_name = "tap-dixa"
    stream_types = streams.STREAMS
    config_jsonschema: ClassVar[dict[str, Any]] = settings_schema(
        th.Property(
            "api_token",
            th.StringType,
            secret=True,
            title="API token",
            description="Token of the Dixa API (Settings, Integrations, API Tokens).",
        ),
        th.Property(
            "auth_scheme",
            th.StringType,
            default="raw",
            allowed_values=["raw", "bearer"],
            title="Auth scheme",
            description="Send the token as it is, or after the word Bearer.",
        ),
        th.Property(
            "exports_url",
            th.StringType,
            default="https://exports.dixa.io",
            title="Exports URL",
            description="Scheme and host of the exports, without the vendor's version path.",
        ),
        th.Property(
            "timezone",
            th.StringType,
            default="UTC",
            title="Time zone",
            description="IANA zone in which the periods of metrics are cut.",
        ),
        th.Property(
            "metrics",
            th.ArrayType(
                th.ObjectType(
                    th.Property("id", th.StringType, required=True),
                    th.Property("aggregations", th.ArrayType(th.StringType)),
                    th.Property(
                        "grain", th.StringType, allowed_values=["hour", "day", "week", "month"]
                    ),
                    th.Property("breakdowns", th.ArrayType(th.StringType)),
                    th.Property("filters", _FILTERS),
                    additional_properties=False,
                )
            ),
            title="Metrics",
            description=(
                "What to ask of which metric: id, aggregations (default: all that it offers),"
                " grain (hour, day, week or month; default day), breakdowns (attributes that the"
                " metric lists) and filters. Default: every metric of the catalogue, a day each."
            ),
        ),
        th.Property(
            "default_filters",
            _FILTERS,
            title="Default filters",
            description=(
                "Filters (attribute, values) of every request for analytics data, where the"
                " account refuses requests without any."
            ),
        ),
        th.Property(
            "static_catalogue",
            th.BooleanType,
            default=False,
            title="Static catalogue",
            description="Offer only the published record and metric ids; the API is not asked.",
        ),
        th.Property(
            "max_metric_requests",
            th.IntegerType,
            default=100_000,
            title="Max metric requests",
            description=(
                "Most requests that the selected metrics may need in a run (periods times values"
                " of breakdowns); more are refused before the first, with the figure."
            ),
        ),
        defaults={
            "lookback": "7d",
            "window": "1d",
            "page_size": 300,
            "max_concurrency": 4,
            "requests_per_minute": 480,
            "api_url": "https://dev.dixa.io",
            "user_agent": "tap-dixa/0.1.0",
        },
        page_size_limit=300,
    )
    is_discovering = False

    # Settings

    def check_settings(self) -> None:
        """Check token, zone and exports before any request."""
        if not (self.config.get("api_token") or "").strip():
            raise SettingRefused("api_token", "is required.")
        _ = self.metric_zone
        _ = self.exports_url
        if self.config["max_metric_requests"] < 1:
            raise SettingRefused("max_metric_requests", "must be at least 1.")

    @cached_property
    def metric_zone(self) -> ZoneInfo:
        """The zone in which periods of metrics are cut."""
        return zone_setting("timezone", self.config["timezone"])

    @cached_property
    def exports_url(self) -> str:
        """Where the exports are."""
        return url_setting("exports_url", self.config["exports_url"])

    @property
    def default_filters(self) -> list[dict[str, Any]]:
        """Filters of every request for analytics data."""
        return [dict(each) for each in self.config.get("default_filters") or []]

    # Parts

    @made_once
    def client(self) -> DixaClient:
        """The organisation's APIs."""
        return DixaClient(self)

    @made_once
    def filter_values(self) -> FilterValues:
        """Values of the attributes that metrics are broken down by."""
        return FilterValues(self.client, self.logger.warning)

    @made_once
    def catalogue(self) -> Catalogue:
        """What the organisation has, as far as needed; the published ids where it is not asked.

        Raises:
            CredentialsRefused: The token is refused.
            TapError: A sync cannot read the catalogues; discovery falls back instead.
        """
        token = self.config.get("api_token")
        has_token = isinstance(token, str) and bool(token.strip())  # another type is refused later
        if not has_token or self.config.get("static_catalogue"):
            return Catalogue.static()
        try:
            kinds = kinds_of(self.input_catalog)
            found = Catalogue.read(self.client, self.logger.warning, kinds)
        except (LimitReached, Unreachable) as err:
            return self._published(err)
        # Without a Singer catalog there is no telling which streams fail with it.
        if found.unread and (self.is_check or not self.input_catalog):
            return self._published(next(iter(found.unread.values())))
        return found

    def _published(self, err: TapError) -> Catalogue:
        if self.is_check:
            return Catalogue.static()  # the catalogues are streams too, and will tell
        if not self.is_discovering:
            raise err
        self.logger.warning("%s Only the published ids are offered.", err)
        return Catalogue.static()

    # Streams

    def discover_streams(self) -> Sequence[ApiStream]:
        """Give the fixed streams, one for each record and one for each metric.

        Raises:
            SettingRefused: A setting that streams are made by is wrong.
        """
        declared = self.config_jsonschema["properties"]
        shapes = {name: declared[name] for name in ("metrics", "default_filters")}
        check_schema(
            {"properties": shapes}, {name: self.config.get(name) for name in shapes}
        )  # without a token nothing else has been checked yet
        self._warn_of_filters()
        analytics = (*self._record_streams(), *self._metric_streams(), *self._unread_streams())
        return [*super().discover_streams(), *analytics]

    def _record_streams(self) -> list[RecordStream]:
        entries = {entry["id"]: entry for entry in self.catalogue.records}
        named = stream_names("record", entries)
        return [RecordStream(self, name, entries[raw]) for name, raw in named.items()]

    def _unread_streams(self) -> list[UnreadStream]:
        """Give the streams of a catalogue that could not be read, which fail by themselves."""
        return [
            UnreadStream(self, entry, err)
            for kind, err in self.catalogue.unread.items()
            for entry in (self.input_catalog or {}).values()
            if entry.tap_stream_id.startswith(f"{kind[:-1]}_")
        ]

    def _metric_streams(self) -> list[MetricStream]:
        configured: Sequence[Mapping[str, Any]] = self.config.get("metrics") or []
        wanted = {each.get("id") for each in configured}
        entries = {entry["id"]: entry for entry in self.catalogue.metrics}
        for raw in sorted(str(each) for each in wanted - entries.keys()):
            if self.catalogue.is_whole:
                msg = "Metric '%s' of the setting metrics is not in the catalogue."
                self.logger.warning(msg, raw)
        # What a metric honours is not all published: only what is sent has to be right.
        is_known = self.catalogue.is_live or not self.is_discovering
        made = []
        for name, raw in stream_names("metric", entries).items():
            own = [each for each in configured if each.get("id") == raw]
            reports = reports_of(entries[raw], own, self.default_filters, is_checked=is_known)
            is_default = not configured or raw in wanted
            made.append(MetricStream(self, name, entries[raw], reports, is_default=is_default))
        return made

    def _warn_of_filters(self) -> None:
        """Tell of default filters that nothing heeds: the vendor ignores them without a word."""
        known = self.catalogue.attributes
        if not (known and self.catalogue.is_live and self.catalogue.is_whole):
            return
        for name in (each.get("attribute") for each in self.default_filters):
            if name not in known:
                msg = "No record or metric lists '%s' of the setting default_filters."
                self.logger.warning(msg, name)

    # Running

    def run_discovery(self) -> str:
        """Print the catalog; a network that is down leaves the published ids.

        Discovery needs no start_date, which the check of the settings asks for.
        """
        self.is_discovering = True
        self._config.setdefault("start_date", "1970-01-01")
        return super().run_discovery()

    def sync_all(self) -> None:  # type: ignore[misc] # the SDK declares it final
        """Sync every selected stream, once the metrics' requests are counted.

        Raises:
            SettingRefused: There would be too many of them.
            TapError: As for every tap.
        """
        _ = self.settings
        self._count_requests()
        super().sync_all()

    def _count_requests(self) -> None:
        chosen = [
            stream
            for stream in self.streams.values()
            if isinstance(stream, MetricStream) and stream.selected
        ]
        counts: dict[str, int] = {}
        for stream in chosen:
            try:
                counts[stream.name] = stream.requests()
            except (CredentialsRefused, LimitReached):
                raise
            except (StreamFailed, StreamUnavailable) as err:
                self.logger.info("Not counted: %s", err)  # the stream itself will tell
        total, most = sum(counts.values()), self.config["max_metric_requests"]
        if counts:
            self.logger.info("The selected metrics need %d requests.", total)
        if total > most:
            largest = max(counts, key=lambda name: counts[name])
            raise SettingRefused(
                "max_metric_requests",
                f"allows {most} requests, but the selected metrics need {total} ({largest} alone"
                f" {counts[largest]}): choose fewer metrics or breakdowns, a longer grain or a"
                " later start_date, or raise it.",
            )
