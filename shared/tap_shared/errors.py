"""What can go wrong, as types.

Every error that leaves the library is one sentence that says what happened, where, and what to do::

    TapError
    |-- SettingRefused        a setting, state or catalog is wrong: exit 2, before any request
    |-- EndsRun               no other stream can succeed either; the state is written
    |   |-- CredentialsRefused    the vendor refuses the login (exit 2, or 1 after data)
    |   |-- LimitReached          a quota is used up and will not reset soon
    |   `-- Unreachable           no request of the run was ever answered
    |-- StreamUnavailable     the vendor refuses this stream or partition: failed, or skipped
    |-- StreamFailed          this stream or partition cannot go on: the others do
    |   `-- BodyTooLarge          an answer beyond the limit; half a window may not be
    `-- PleaseRetry           inside the transport only: this attempt failed, another may not
        |-- PleaseWait        a limit was hit: wait, then try again without counting it as a failure
        |-- PleaseLogin       the session is gone: log in once and try again
        |-- TimedOut          no answer in time
        `-- WindowTooLarge    the vendor will not answer so long a range: halve the window
"""

from __future__ import annotations

from typing import ClassVar

from singer_sdk.exceptions import ConfigurationError, FatalSyncError, SyncError

from tap_shared.printable import printable

__all__ = [
    "BodyTooLarge",
    "CredentialsRefused",
    "EndsRun",
    "LimitReached",
    "PleaseLogin",
    "PleaseRetry",
    "PleaseWait",
    "RunFailed",
    "SettingRefused",
    "StreamFailed",
    "StreamUnavailable",
    "TapError",
    "Terminated",
    "TimedOut",
    "Unreachable",
    "WindowTooLarge",
]


class TapError(SyncError):
    """An error with a sentence for the person who runs the tap."""

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        """Give the sentence, which may quote the vendor, in one line."""
        return printable(super().__str__())


class SettingRefused(TapError, ConfigurationError):
    """A setting (or the state, or the catalog) is wrong; nothing was requested.

    Args:
        setting: The setting's name, which the sentence names.
        why: What is wrong with it and what would be right, never the value itself.
    """

    exit_code = 2

    def __init__(self, setting: str, why: str) -> None:
        """Keep the setting's name beside the sentence."""
        super().__init__(f"Setting '{setting}' {why}")
        self.setting = setting


class EndsRun(TapError):
    """No other stream can succeed either."""


class CredentialsRefused(EndsRun, FatalSyncError):
    """The vendor refuses the credentials; no other request can succeed."""

    exit_code = 2


class LimitReached(EndsRun, FatalSyncError):
    """A vendor limit will not reset soon; the run stops with the state it has."""


class Unreachable(EndsRun, FatalSyncError):
    """The vendor never answered."""


class StreamUnavailable(TapError, FatalSyncError):
    """The vendor refuses this stream or partition (permission, component, unknown id)."""


class StreamFailed(TapError, FatalSyncError):
    """This stream or partition cannot go on."""


class BodyTooLarge(StreamFailed):
    """An answer is larger than is read into memory."""


class RunFailed(TapError, FatalSyncError):
    """At least one stream or partition failed; each has said why already."""


class PleaseRetry(TapError):
    """This attempt failed in a way that another attempt may not.

    Args:
        sentence: What happened.
        after: Seconds the vendor asked to wait, where it did.
    """

    def __init__(self, sentence: str, after: float | None = None) -> None:
        """Keep the vendor's wish beside the sentence."""
        super().__init__(sentence)
        self.after = after


class PleaseWait(PleaseRetry):
    """A limit was hit: everybody waits, and the attempt does not count.

    Args:
        sentence: What happened.
        after: Seconds to wait.
    """


class PleaseLogin(PleaseRetry):
    """The session has ended: a new login, once, may help."""


class TimedOut(PleaseRetry):
    """No answer in time; a shorter range may be answered."""


class WindowTooLarge(PleaseRetry):
    """The vendor refuses or times out on so long a range: a shorter one may do."""


class Terminated(BaseException):
    """SIGTERM or SIGINT arrived. Not an `Exception`: nothing on the way out may swallow it.

    Args:
        signum: The signal's number.
    """

    def __init__(self, signum: int) -> None:
        """Keep the signal's number for the exit code."""
        super().__init__(f"terminated by signal {signum}")
        self.signum = signum


def interruption(err: BaseException | None) -> Terminated | None:
    """Give the signal that an error came of, or None.

    A signal that arrives while a lock is taken back comes out as the lock's own `RuntimeError`, the
    signal's exception behind it.
    """
    while err is not None and not isinstance(err, Terminated):
        err = err.__context__
    return err
