"""The base class of every tap: settings, transport, streams, and how a run ends.

Exit codes: 0 everything was extracted; 1 a stream or partition failed (the others ran to their
end); 2 settings or credentials refused before any data; 143 or 130 after SIGTERM or SIGINT.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from singer_sdk.singerlib import Catalog, StateMessage

from tap_shared.batch import check_batch_config, check_shapes, storage_secrets
from tap_shared.check import limited
from tap_shared.command_line import CommandLine
from tap_shared.conform import EXTRA, tagged
from tap_shared.errors import (
    EndsRun,
    RunFailed,
    SettingRefused,
    TapError,
)
from tap_shared.failures import Failures
from tap_shared.http import Limits, Reply, Transport
from tap_shared.once import made_once
from tap_shared.progress import Progress
from tap_shared.rate_limit import RateLimit
from tap_shared.redact import Redactor, install
from tap_shared.settings import Settings, check_schema
from tap_shared.state import check_state
from tap_shared.stream_maps import blaming
from tap_shared.writer import PageWriter

if TYPE_CHECKING:
    from types import FrameType

    from tap_shared.stream import ApiStream

__all__ = ["ApiTap"]


class ApiTap(CommandLine):
    """A tap on a vendor's API.

    Attributes:
        stream_types: The tap's streams.
    """

    message_writer_class = PageWriter
    message_writer: PageWriter
    stream_types: ClassVar[Sequence[type[ApiStream]]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Freeze the run's start; no request is sent and no credential is needed."""
        self.run_start = datetime.now(UTC).replace(microsecond=0)
        self.has_emitted = False
        self.ending: TapError | None = None
        self.failures = Failures(self)
        self.transports: list[Transport] = []
        self.progress = Progress(self)
        self.redact = Redactor()
        super().__init__(*args, **kwargs)
        self._hide_secrets()

    def _hide_secrets(self) -> None:
        properties = self.config_jsonschema["properties"]
        secrets = [name for name, node in properties.items() if node.get("secret")]
        for name in secrets:
            value = self.config.get(name)
            self.redact.add(value if isinstance(value, str) else None)
        for pair in self.basic_pairs:
            given = [self.config.get(name) for name in pair]
            self.redact.add(*(value for value in given if isinstance(value, str)))
        for text in storage_secrets(self.config):
            self.redact.add(text)
        install(self.redact)

    basic_pairs: ClassVar[Sequence[tuple[str, str]]] = ()
    """Names of settings that travel together as HTTP Basic."""

    # What a tap declares

    def check_settings(self) -> None:
        """Check the tap's own settings.

        Raises:
            SettingRefused: One is wrong.
        """

    def discover_streams(self) -> Sequence[ApiStream]:
        """Give all streams; nothing is requested."""
        return [stream(self) for stream in self.stream_types]

    @property
    def catalog_dict(self) -> dict[str, Any]:
        """The catalog that discovery prints, personal data tagged."""
        catalog = super().catalog_dict
        for entry in catalog["streams"]:
            declared = self.streams[entry["tap_stream_id"]].schema
            entry["schema"] = tagged(entry["schema"], declared)
        return catalog

    # Its parts, made when first used

    @made_once
    def settings(self) -> Settings:
        """The common settings, read.

        Raises:
            SettingRefused: A setting is missing or wrong.
        """
        check_schema(self.config_jsonschema, self.config)
        check_batch_config(self.config)
        settings = Settings.read(self.config)
        self.check_settings()
        return limited(settings) if self.is_check else settings

    @made_once
    def gate(self) -> RateLimit:
        """The limiter of the tap's credential."""
        settings = self.settings
        return RateLimit(
            in_flight=settings.max_concurrency, per_minute=settings.requests_per_minute
        )

    def transport(
        self,
        headers: Mapping[str, str],
        faults: Callable[[Reply], None],
        *,
        url: str = "",
        gate: RateLimit | None = None,
        longest_wait: float = 900,
    ) -> Transport:
        """Make a transport with the tap's settings.

        Args:
            headers: Credential headers.
            faults: The vendor's error table.
            url: Another host than `api_url`'s.
            gate: Another limiter than the tap's.
            longest_wait: Longest wait, in seconds, that the vendor may ask for.
        """
        settings = self.settings
        logger = self.logger.getChild("http")
        if self.is_check and not logger.isEnabledFor(logging.DEBUG):
            logger.setLevel(logging.WARNING)  # its answer is one line
        limits = Limits(
            attempts=settings.max_attempts,
            timeout=settings.request_timeout,
            longest_wait=longest_wait,
        )
        made = Transport(
            url or settings.api_url,
            headers={"User-Agent": settings.user_agent, **headers},
            gate=gate or self.gate,
            limits=limits,
            logger=logger,
            faults=faults,
        )
        self.transports.append(made)
        return made

    # Running

    def setup_mapper(self) -> None:
        """Keep `_extra` one column where records are flattened: it has no members to spread."""
        self._hide_secrets()  # the catalog may have to be asked for
        if self.config.get("flattening_enabled"):
            for entry in self.catalog.values():
                extra = (entry.schema.properties or {}).get(EXTRA)
                if extra is not None:
                    extra.properties = None
        with blaming(self.config):
            super().setup_mapper()

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over a state, checked and freed from what other versions left in it."""
        super().load_state(check_state(state))

    def sync_all(self) -> None:  # type: ignore[misc] # the SDK's loop ends at the first failure
        """Sync every selected stream; one that fails does not keep the others from running.

        Raises:
            SettingRefused: A setting is wrong; nothing was requested.
            RunFailed: At least one stream or partition failed.
            TapError: The run ended early: credentials, or a limit.
        """
        _ = self.settings
        self._warn_of_unknown_streams()
        self._warn_of_undeclared_data()
        chosen: list[Any] = [stream for stream in self.streams.values() if stream.selected]
        with self.progress.running([stream.name for stream in chosen]):
            self._sync_streams(chosen)
        if self.failures:
            raise RunFailed(self.failures.told(len(chosen)))

    def _sync_streams(self, chosen: Sequence[Any]) -> None:
        check_shapes(self.config, chosen)
        try:
            if self.state:
                self.state_writer.write_state(self.state)
            for position, stream in enumerate(chosen):
                self._begin_lists(chosen[position + 1 :])
                with self.progress.of(stream):
                    self._sync_one(stream)
        finally:
            self.gate.stop()
            for stream in chosen:
                stream.give_up()
            # Always the last line: some targets forget a STATE that records follow.
            self.message_writer.write_message(StateMessage(self.state))

    def _begin_lists(self, following: Sequence[ApiStream]) -> None:
        """Fetch the next lists while a stream is read: each alone costs a round trip."""
        in_flight = self.settings.max_concurrency
        if in_flight == 1 or any(one.ABORT_AT_RECORD_COUNT is not None for one in following):
            return
        for stream in islice((one for one in following if one.is_list), in_flight):
            stream.begin()

    def _sync_one(self, stream: Any) -> None:
        try:
            stream.sync()
        except (SettingRefused, EndsRun):
            raise
        except BrokenPipeError:
            raise
        except Exception as err:  # noqa: BLE001 - the other streams are still read
            self.failures.note(stream, None, err)
        if self.ending is not None:
            raise self.ending

    def _warn_of_unknown_streams(self) -> None:
        if isinstance(self.input_catalog, Catalog):
            for name, entry in self.input_catalog.items():
                if name not in self.streams and entry.metadata.root.selected:
                    self.logger.warning("Stream '%s' of the catalog is not offered any more.", name)

    def _warn_of_undeclared_data(self) -> None:
        """Say that fields without a declaration cannot be tagged as personal data."""
        if self.settings.pii != "keep" and self.settings.undeclared_fields == "keep":
            self.logger.warning(
                "pii is '%s', but undeclared_fields is 'keep': fields that no schema declares go to"
                " _extra as they come, and may hold personal data. To leave them out, set"
                " undeclared_fields to 'drop'.", self.settings.pii,
            )  # fmt: skip

    def finish(self, signum: int) -> None:
        """Write the last safe state after a signal."""
        self.gate.stop()
        self.logger.warning("Stopped by signal %d; the state is written.", signum)
        self.message_writer.write_message(StateMessage(self.state))

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Stop in an orderly way at the first signal, at once at the second."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._leave)
        self.message_writer.interrupt(signum)

    def _leave(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.message_writer.hurry(partial(_exit_now, signum))


def _exit_now(signum: int) -> NoReturn:
    logging.shutdown()
    sys.stderr.flush()
    import os  # noqa: PLC0415 - second signal only

    os._exit(128 + signum)
