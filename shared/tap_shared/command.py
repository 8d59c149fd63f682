"""The command line around a tap: every failure is one line on stderr and an exit code."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk.exceptions import ConfigurationError
from singer_sdk.plugin_base import PluginBase, SingerCommand

from tap_shared.errors import (
    CredentialsRefused,
    SettingRefused,
    TapError,
    Terminated,
    interruption,
)
from tap_shared.noise import quieten

if TYPE_CHECKING:
    from tap_shared.tap import ApiTap

__all__ = ["OneLineCommand"]

_FILES = frozenset({"catalog", "state"})
_CLOSED = "The target has closed the pipe, or its disk is full; nothing more can be written."


class OneLineCommand(SingerCommand):
    """The SDK's command, whose errors are sentences."""

    running: ClassVar[ApiTap | None] = None

    @classmethod
    def over(cls, command: click.Command, plugin: type[PluginBase]) -> OneLineCommand:
        """Take over the SDK's command with its options."""
        return cls(
            name=command.name,
            callback=command.callback,
            params=command.params,
            context_settings=command.context_settings,
            help=command.help,
            logger=plugin.logger,
        )

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run; end with the exit code that the error asks for."""
        try:
            return self._main(*args, **kwargs)
        except Terminated as stop:  # it arrived while the end was being told
            sys.exit(128 + stop.signum)

    def _main(self, *args: Any, **kwargs: Any) -> Any:
        quieten(self.logger.name)
        gc.freeze()  # modules stay: not even the first look for garbage is at them
        try:
            return super().main(*args, **kwargs)
        except Terminated as stop:
            code = 128 + stop.signum
            self._finish(stop.signum)
        except TapError as err:
            self.logger.error("%s", err)  # noqa: TRY400 - one line, no traceback
            code = _exit_code(err, self.running)
        except (ConfigurationError, OSError, ValueError) as err:
            self.logger.debug("Unexpected error.", exc_info=True)
            self.logger.error("%s: %s", type(err).__name__, _first_line(err))  # noqa: TRY400
            code = 2 if self.running is None else 1
        except Exception as err:
            if (behind := interruption(err)) is not None:
                self._finish(behind.signum)
                sys.exit(128 + behind.signum)
            self.logger.debug("Unexpected error.", exc_info=True)
            self.logger.error("Unexpected %s; run at LOGLEVEL=DEBUG.", type(err).__name__)  # noqa: TRY400
            code = 1
        logging.shutdown()
        sys.exit(code)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the command line.

        Raises:
            SettingRefused: A file that it names is not there.
        """
        try:
            return super().make_context(*args, **kwargs)
        except click.BadParameter as err:
            if err.param is None or err.param.name not in _FILES:
                raise
            raise SettingRefused(err.param.name, "names a file that cannot be read.") from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run, and tell of a closed pipe before click makes an end of it without a word."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise TapError(_CLOSED) from None

    def _finish(self, signum: int) -> None:
        if self.running is not None:
            try:
                self.running.finish(signum)
            except BrokenPipeError:
                self.logger.error(_CLOSED)  # noqa: TRY400
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, signal.SIG_IGN)  # one more would change the exit code


def _exit_code(err: TapError, running: ApiTap | None) -> int:
    if isinstance(err, CredentialsRefused) and running is not None and running.has_emitted:
        return 1
    return err.exit_code


def _first_line(err: Exception) -> str:
    return (str(err).splitlines() or [""])[0][:300]
