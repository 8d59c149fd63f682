"""The command line of every tap: what its options read, and what each of them starts."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING, Any, cast

from singer_sdk import Tap
from singer_sdk.singerlib import Catalog
from singer_sdk.tap_base import CliTestOptionValue

from tap_shared.allocator import keep_freed_memory
from tap_shared.check import check
from tap_shared.command import OneLineCommand
from tap_shared.errors import SettingRefused
from tap_shared.state import check_state

if TYPE_CHECKING:
    import click

    from tap_shared.tap import ApiTap

__all__ = ["CommandLine"]


class CommandLine(Tap):
    """The SDK's command line, with failures of one line and a check that asks the vendor."""

    def __init__(self, *args: Any, is_check: bool = False, **kwargs: Any) -> None:
        """Take over what the command line gives.

        Args:
            args: The SDK's.
            is_check: Whether only a little of everything is to be asked for.
            kwargs: The SDK's.
        """
        self.is_check = is_check
        super().__init__(*args, **kwargs)

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """Read the configuration files.

        Raises:
            SettingRefused: One cannot be read, or is no JSON object.
        """
        try:
            return super().cb_config(ctx, param, value)
        except OSError:
            raise SettingRefused("config", "names a file that cannot be read.") from None
        except (ValueError, TypeError, RecursionError):
            raise SettingRefused("config", "must be a file that holds a JSON object.") from None

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Check settings, network, credentials and permissions; or print the schemas, as the SDK.

        Raises:
            TapError: Something is wrong.
        """
        if value != CliTestOptionValue.All.value:
            super().cb_test(ctx, param, value)
            return
        catalog = _read_catalog(ctx.params.get("catalog"))
        check(cls._made(ctx.params.get("config"), catalog=catalog, is_check=True))
        ctx.exit()

    @classmethod
    def _made(cls, config: Any, **more: Any) -> ApiTap:
        """Make the tap; its settings are checked when they are first read."""
        made = cls(
            config=config.config if config else {},
            parse_env_config=config.parse_env if config else False,
            validate_config=False,
            **more,
        )
        return cast("ApiTap", made)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Give the SDK's command, with errors of one line."""
        command = super().get_singer_command()
        return OneLineCommand.over(command, cls)

    @classmethod
    def invoke(
        cls, *, config: Any = None, state: Any = None, catalog: Any = None, **kwargs: Any
    ) -> None:
        """Run a sync from the command line."""
        super(Tap, cls).invoke(
            about=kwargs.get("about", False), about_format=kwargs.get("about_format")
        )
        cls.print_version(print_fn=cls.logger.info)
        found = _read_json("state", state)
        given = check_state(found) if found else found
        tap = cls._made(config, state=given, catalog=_read_catalog(catalog))
        OneLineCommand.running = tap
        gc.freeze()
        keep_freed_memory()
        tap.sync_all()


def _read_json(name: str, file: Any) -> Any:
    """Read an input file.

    Raises:
        SettingRefused: It holds no JSON object.
    """
    if file is None:
        return None
    try:
        with file:  # nobody else closes it where the run ends while options are read
            text = file.read()
        value = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        raise SettingRefused(name, "is not a JSON file.") from None
    if not isinstance(value, dict):
        raise SettingRefused(name, "must be a file that holds a JSON object.")
    return value


def _read_catalog(file: Any) -> Catalog | None:
    """Read a catalog.

    Raises:
        SettingRefused: It is none.
    """
    content = _read_json("catalog", file)
    try:
        return None if content is None else Catalog.from_dict(content)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise SettingRefused("catalog", "must be a Singer catalog, as --discover gives.") from None
