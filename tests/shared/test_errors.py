from __future__ import annotations

import inspect
import pickle

import pytest
from singer_sdk.exceptions import ConfigurationError, FatalSyncError, SyncError

from tap_shared import errors
from tap_shared.errors import (
    CredentialsRefused,
    PleaseRetry,
    PleaseWait,
    SettingRefused,
    StreamFailed,
    TapError,
    Terminated,
    TimedOut,
    WindowTooLarge,
)

CLASSES = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_says_what_it_is(kind: type[BaseException]) -> None:
    assert inspect.getdoc(kind)
    assert issubclass(kind, TapError) or kind is Terminated


def test_errors_are_the_sdks_where_it_knows_them() -> None:
    assert issubclass(TapError, SyncError)
    assert issubclass(SettingRefused, ConfigurationError)
    assert issubclass(StreamFailed, FatalSyncError)


def test_what_is_refused_before_data_ends_with_2_and_all_else_with_1() -> None:
    codes = {kind.__name__: kind.exit_code for kind in CLASSES if issubclass(kind, TapError)}
    twos = {name for name, code in codes.items() if code == 2}
    assert twos == {"SettingRefused", "CredentialsRefused"}
    assert set(codes.values()) == {1, 2}


def test_a_setting_is_named() -> None:
    error = SettingRefused("window", "must be at least 1m.")
    assert (error.setting, str(error)) == ("window", "Setting 'window' must be at least 1m.")


def test_a_wish_to_wait_is_kept() -> None:
    assert PleaseWait("busy", 5).after == 5
    assert PleaseRetry("busy").after is None
    assert all(issubclass(kind, PleaseRetry) for kind in (PleaseWait, TimedOut, WindowTooLarge))


def test_a_signal_is_no_exception_that_a_broad_handler_could_swallow() -> None:
    assert not issubclass(Terminated, Exception)
    assert Terminated(15).signum == 15


def test_a_sentence_survives_being_passed_on() -> None:
    error = pickle.loads(pickle.dumps(CredentialsRefused("Make a new key.")))  # noqa: S301
    assert str(error) == "Make a new key."


def test_what_a_vendor_says_cannot_move_a_terminals_cursor_or_begin_a_line() -> None:
    said = str(StreamFailed("it says \x1b[2J\r\n2026 | ERROR | b\u2028\u202e \ud83d é"))
    assert said == r"it says \x1b[2J\r\n2026 | ERROR | b\u2028\u202e \ud83d é"
