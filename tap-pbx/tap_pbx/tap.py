"""The tap: its settings and its streams."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from singer_sdk import typing as th

from tap_pbx import streams
from tap_pbx.archive import Archive
from tap_pbx.client import PbxClient
from tap_pbx.details import EventReader
from tap_pbx.envelope import DIGITS
from tap_pbx.history import PAGE_SIZE
from tap_pbx.links import has_side_effect
from tap_pbx.recordings import Recordings
from tap_shared.errors import SettingRefused
from tap_shared.once import made_once
from tap_shared.settings import duration, settings_schema
from tap_shared.tap import ApiTap

__all__ = [
    "API_KEY",
    "CONTAINER_ID",
    "NOTES_PATH",
    "URL",
    "TapPBX",
    "check_access",
    "check_path",
]

URL = "https://pbx.primevox.net"

API_KEY: th.Property[str] = th.Property(
    "api_key",
    th.StringType,
    required=True,
    secret=True,
    title="API key",
    description="Key of a portal user made for this purpose (Users area of the portal).",
)
CONTAINER_ID: th.Property[str] = th.Property(
    "container_id",
    th.StringType,
    required=True,
    title="Container ID",
    description="The six digits at the top left of the portal's dashboard.",
)
NOTES_PATH: th.Property[str] = th.Property(
    "notes_path",
    th.StringType,
    default="/api/call_notes.php",
    title="Notes path",
    description="Path that takes notes; only target-pbx asks for it.",
)


_PATHS = ("call_details_path", "recording_path", "notes_path")


def check_access(config: Mapping[str, Any]) -> None:
    """Check key and container.

    Raises:
        SettingRefused: One is empty, or the container is no number.
    """
    if not config["api_key"].strip():
        raise SettingRefused("api_key", "must not be empty.")
    if not DIGITS.fullmatch(config["container_id"].strip()):
        raise SettingRefused(
            "container_id", "must be the six digits at the top left of the portal's dashboard."
        )


def check_path(name: str, path: str) -> None:
    """Check a path that the vendor does not publish.

    Raises:
        SettingRefused: It is none, or one that places a call.
    """
    if not path.startswith("/"):
        raise SettingRefused(name, "must begin with / (the host is api_url).")
    if has_side_effect(path):
        raise SettingRefused(name, "must not be a path that places calls or sends faxes.")


class TapPBX(ApiTap):
    """Calls, their events and recordings, and text messages of a PrimeVOX PBX container."""

    name = "tap-pbx"
    package_name = "tap-pbx"
    stream_types = streams.STREAMS
    config_jsonschema: ClassVar[dict[str, Any]] = settings_schema(
        API_KEY,
        CONTAINER_ID,
        th.Property(
            "tenant_ids",
            th.ArrayType(th.StringType),
            default=["0"],
            title="Tenant IDs",
            description="Tenants to read; 0 is the default tenant. No call lists all of them.",
        ),
        th.Property(
            "call_details_path",
            th.StringType,
            default="/api/call_details.php",
            title="Call details path",
            description="Path of the details of a call, which the vendor does not publish.",
        ),
        th.Property(
            "recording_path",
            th.StringType,
            default="/api/call_recording.php",
            title="Recording path",
            description="Path of the recordings, which the vendor does not publish.",
        ),
        NOTES_PATH,
        th.Property(
            "recordings_dir",
            th.StringType,
            title="Recordings folder",
            description=(
                "Folder or fsspec URL (s3://bucket/prefix) for the audio of call_recordings; no"
                " audio is fetched where unset."
            ),
        ),
        th.Property(
            "redact_pins",
            th.BooleanType,
            default=True,
            title="Redact PINs",
            description=(
                "Put *** in place of PINs and entered digits of events (types 40, 55, 64 and 75)."
            ),
        ),
        th.Property(
            "annotation_lookback",
            th.StringType,
            title="Annotation lookback",
            description=(
                "How far back each run looks for notes, flags and severities set on calls older"
                " than lookback (90d); no such look where unset."
            ),
        ),
        th.Property(
            "phone_numbers",
            th.ArrayType(th.StringType),
            title="Phone numbers",
            description="Numbers of the container whose text messages are read.",
        ),
        defaults={
            "lookback": "3d",
            "window": "1d",
            "page_size": PAGE_SIZE,
            "max_concurrency": 4,
            "requests_per_minute": 240,
            "api_url": URL,
            "user_agent": "tap-pbx/0.1.0",
        },
        page_size_limit=PAGE_SIZE,
    )

    def check_settings(self) -> None:
        """Check credentials, tenants, paths and folder before any request."""
        for name in ("tenant_ids", "redact_pins", *_PATHS):
            if self.config[name] is None:
                raise SettingRefused(name, "must not be null; leave it out for its default.")
        check_access(self.config)
        if not self.tenants or not all(map(DIGITS.fullmatch, self.tenants)):
            raise SettingRefused("tenant_ids", "must name tenants by number, such as 0 or 101.")
        for name in _PATHS:
            check_path(name, self.config[name])
        if not all(self.phone_numbers):
            raise SettingRefused("phone_numbers", "must not hold an empty number.")
        _ = self.annotation_lookback, self._archive

    @property
    def tenants(self) -> list[str]:
        """The configured tenants, each once."""
        return list(dict.fromkeys(tenant.strip() for tenant in self.config["tenant_ids"]))

    @property
    def phone_numbers(self) -> list[str]:
        """The configured numbers, each once."""
        return list(dict.fromkeys(map(str.strip, self.config.get("phone_numbers") or [])))

    @property
    def annotation_lookback(self) -> timedelta | None:
        """How far back to sweep for annotations, if at all."""
        text = self.config.get("annotation_lookback")
        return duration("annotation_lookback", text) if text else None

    @made_once
    def client(self) -> PbxClient:
        """The container's API."""
        return PbxClient(self)

    @made_once
    def events(self) -> EventReader:
        """What reads the events of calls."""
        path, hides_pins = self.config["call_details_path"], self.config["redact_pins"]
        return EventReader(self.client, path, self.logger, hides_pins=hides_pins)

    @made_once
    def recordings(self) -> Recordings:
        """What reads recordings."""
        attempts = self.settings.max_attempts
        path = self.config["recording_path"]
        return Recordings(self.client, path, self._archive, attempts, self.logger)

    @made_once
    def _archive(self) -> Archive | None:
        folder = self.config.get("recordings_dir")
        return Archive(folder) if folder else None
