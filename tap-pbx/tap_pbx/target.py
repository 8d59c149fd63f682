"""The way back: a Singer target that attaches notes, follow-up flags and severities to calls.

Its stream is `call_notes`. Every row is checked before it is sent; a row that is refused is named
and the others go on, the state stays before it, and the run ends with 1.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from singer_sdk import Target
from singer_sdk import typing as th
from singer_sdk.sinks import RecordSink

from tap_pbx.envelope import DIGITS
from tap_pbx.notes import NoteRefused, form_of
from tap_pbx.refusals import NotThere, Refused, plain_text, read_answer, status_faults
from tap_pbx.tap import API_KEY, CONTAINER_ID, NOTES_PATH, URL, check_access, check_path
from tap_shared.command import OneLineCommand
from tap_shared.errors import (
    CredentialsRefused,
    PleaseRetry,
    RunFailed,
    SettingRefused,
    StreamUnavailable,
    TapError,
    Terminated,
)
from tap_shared.http import Limits, Reply, Request, Transport
from tap_shared.rate_limit import RateLimit
from tap_shared.redact import Redactor, install
from tap_shared.settings import check_schema, url_setting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    import click

__all__ = ["CallNotesSink", "TargetPBX"]

STREAM = "call_notes"
_DONE = "notes have been submitted"
_SHOWN = 64
_LEAST = {"max_attempts": 1, "request_timeout": 1, "requests_per_minute": 0}


class CallNotesSink(RecordSink):
    """Sends one note at a time, so that what is done when a state arrives is known."""

    include_sdc_metadata_properties = False
    target: TargetPBX

    def __init__(
        self,
        target: TargetPBX,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        """Take the rows of the one stream there is.

        Raises:
            SettingRefused: The stream is another.
        """
        super().__init__(target, stream_name, schema, key_properties)
        self.target = target
        if stream_name.replace(".", "-").rpartition("-")[2] != STREAM:
            msg = f"gives '{stream_name[:_SHOWN]}', but target-pbx takes '{STREAM}' only."
            raise SettingRefused("stream", msg)
        self._rows = 0

    @property
    def validate_schema(self) -> bool:
        """Leave checking to the vendor's own limits, which say more than the source's schema."""
        return False

    def _singer_validate_message(self, record: dict[str, Any]) -> None:
        """Leave a missing key to the check of the note, which refuses that row only."""

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002
        """Check a row and send it; one that is refused is told and left out.

        Raises:
            TapError: The vendor refuses the credentials, or cannot be reached.
        """
        self._rows += 1
        try:
            self.target.send(record)
        except NoteRefused as err:
            self._refuse(record, f"{err}")
        except (Refused, NotThere, StreamUnavailable) as err:
            self._refuse(record, str(err).rstrip("."))

    def _refuse(self, record: dict[str, Any], why: str) -> None:
        uuid = str(record.get("callUuid"))[:_SHOWN]
        self.target.refused += 1
        self.logger.error("Row %d (callUuid %s) was refused: %s.", self._rows, uuid, why)


class TargetPBX(Target):
    """Writes notes, follow-up flags and severities to calls of a PrimeVOX PBX container."""

    name = "target-pbx"
    package_name = "tap-pbx"
    default_sink_class = CallNotesSink
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        API_KEY,
        CONTAINER_ID,
        th.Property(
            "tenant_id",
            th.StringType,
            default="0",
            title="Tenant ID",
            description="Tenant of rows that have no tenant_id; 0 is the default tenant.",
        ),
        NOTES_PATH,
        th.Property(
            "api_url",
            th.StringType,
            default=URL,
            title="API URL",
            description="Scheme and host (and prefix of a proxy).",
        ),
        th.Property(
            "requests_per_minute",
            th.IntegerType,
            default=240,
            title="Requests per minute",
            description="Client-side rate limit; 0 is none of our own.",
        ),
        th.Property(
            "max_attempts",
            th.IntegerType,
            default=8,
            title="Max attempts",
            description="Tries of one request before the run fails.",
        ),
        th.Property(
            "request_timeout",
            th.IntegerType,
            default=120,
            title="Request timeout",
            description="Read timeout in seconds; connecting has 10 s.",
        ),
        th.Property(
            "user_agent",
            th.StringType,
            default="target-pbx/0.1.0",
            title="User agent",
            description="The User-Agent header.",
        ),
    ).to_dict()

    def __init__(self, **kwargs: Any) -> None:
        """Check the settings; nothing is sent.

        Raises:
            SettingRefused: A setting is missing or wrong.
        """
        self.refused = 0
        self.sent = 0
        self.redact = Redactor()
        super().__init__(**{**kwargs, "validate_config": False})
        self.redact.add(self.config.get("api_key"))
        install(self.redact)

    @cached_property
    def transport(self) -> Transport:
        """What carries the notes, one at a time."""
        config = self.config
        limits = Limits(attempts=config["max_attempts"], timeout=config["request_timeout"])
        return Transport(
            url_setting("api_url", config["api_url"]),
            headers={"User-Agent": config["user_agent"]},
            gate=RateLimit(in_flight=1, per_minute=config["requests_per_minute"]),
            limits=limits,
            logger=self.logger,
            faults=status_faults,
        )

    def check_settings(self) -> None:
        """Check the settings before any row is read.

        Raises:
            SettingRefused: One is missing or wrong.
        """
        check_schema(self.config_jsonschema, self.config)
        for name in ("tenant_id", "notes_path", "api_url", "user_agent", *_LEAST):
            if self.config[name] is None:
                raise SettingRefused(name, "must not be null; leave it out for its default.")
        check_access(self.config)
        check_path("notes_path", self.config["notes_path"])
        if not DIGITS.fullmatch(self.config["tenant_id"]):
            raise SettingRefused("tenant_id", "must be a number, such as 0 or 101.")
        for name, least in _LEAST.items():
            if self.config[name] < least:
                raise SettingRefused(name, f"must be at least {least}.")
        _ = self.transport

    def send(self, row: dict[str, Any]) -> None:
        """Send one note as a form; JSON is not supported by the vendor.

        Trying again is safe: the same note twice is the same note.

        Raises:
            NoteRefused: The row is no note.
            TapError: Whatever the error table says.
        """
        access = [
            ("auth", self.config["api_key"].strip()),
            ("containerID", self.config["container_id"].strip()),
        ]
        form = [*access, *form_of(row, self.config["tenant_id"])]
        path = self.config["notes_path"]
        self.transport.send(Request(f"POST {path}", path, "POST", body=form, form=True), _accepted)
        self.sent += 1

    # Running

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        """Take over a state only while everything before it was accepted."""
        if not self.refused:
            super()._process_state_message(message_dict)

    def process_endofpipe(self) -> None:
        """Write the last state, and end with 1 where rows were refused.

        Raises:
            RunFailed: Rows were refused.
        """
        super().process_endofpipe()
        if self.refused:
            count = f"{self.refused} row{'s were' if self.refused > 1 else ' was'} refused"
            raise RunFailed(f"{count}; see above. The state stays before the first of them.")

    def _handle_termination(self, signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG002
        raise Terminated(signum)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Give the SDK's command, with errors of one line."""
        return OneLineCommand.over(super().get_singer_command(), cls)

    @classmethod
    def invoke(
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: Any = None,
        file_input: Any = None,
        **_: Any,
    ) -> None:
        """Run from the command line; whatever ends the run, the state of what was done is kept."""
        super(Target, cls).invoke(about=about, about_format=about_format)
        cls.print_version(print_fn=cls.logger.info)
        target = cls(
            config=config.config if config else {},
            parse_env_config=config.parse_env if config else False,
        )
        target.check_settings()
        try:
            target.listen(file_input)
        except RunFailed:
            raise
        except (TapError, Terminated) as err:
            target.drain_all()
            if isinstance(err, CredentialsRefused) and target.sent:
                raise RunFailed(str(err)) from None
            raise


def _accepted(reply: Reply) -> None:
    """Accept an answer that says so; whatever is neither success nor error is tried again.

    Only the sentence is documented, not the member that holds it.
    """
    if _DONE in plain_text(reply.body):
        return
    try:
        answer = read_answer(reply.body)
    except Refused as err:
        if _DONE in err.said:
            return
        raise
    if str(answer.get("success") or "").strip().lower() in {"", "0", "false"}:
        msg = "the answer has neither 'success' nor 'error'"
        raise PleaseRetry(msg)
