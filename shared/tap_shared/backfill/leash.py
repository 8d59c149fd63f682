"""Starts a program that dies with the process that started it (Linux; elsewhere it just starts it).

A worker that is killed with no chance to clean up must not leave a tap behind that goes on asking
the vendor, nor a target that goes on writing. Run as a script, with the standard library alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

__all__ = ["leashed", "signal_at_death"]

_SET_DEATH_SIGNAL = 1


def leashed(command: list[str]) -> list[str]:
    """Give the command that starts a program on the leash of this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def signal_at_death(signum: int) -> None:
    """Have the kernel signal this process when the one that started it dies."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signum)


def _main(parent: str, *command: str) -> None:
    signal_at_death(signal.SIGKILL)
    if os.getppid() != int(parent):
        sys.exit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.exit(f"{command[0]} cannot be started: {error.strerror}.")


if __name__ == "__main__":
    _main(*sys.argv[1:])
