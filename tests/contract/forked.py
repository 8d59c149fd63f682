"""Processes of a tap that start at once: forks of one that has imported it, see `warm.py`."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tests.contract.warm import INTEGER

__all__ = ["Process"]

Stream = int | IO[Any]
Key = tuple[str, str, tuple[tuple[str, str], ...]]

_AT_START = ("PYTHON", "LANG", "LC_", "FSSPEC_")
_LOCK = threading.Lock()


class _Warm:
    """The process that has imported a module, for as long as this one lives."""

    _all: dict[Key, _Warm] = {}  # noqa: RUF012 - of all

    def __init__(self, python: str, imported: str, environment: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            command = [python, str(Path(__file__).with_name("warm.py")), imported]
            self._process = subprocess.Popen(
                command, stdin=theirs.fileno(), stdout=theirs.fileno(), cwd="/", env=environment
            )
        atexit.register(self._end)

    def ask(self, request: Mapping[str, Any], handles: Sequence[int]) -> None:
        """Have a run started."""
        text = json.dumps(request).encode()
        socket.send_fds(self._control, [len(text).to_bytes(INTEGER)], handles)
        self._control.sendall(text)

    def _end(self) -> None:
        self._control.close()
        self._process.wait()

    @classmethod
    def of(cls, python: str, imported: str, environment: Mapping[str, str]) -> _Warm:
        """Give the one with these variables, of those that are read while it starts."""
        read = {k: v for k, v in environment.items() if k.startswith(_AT_START)}
        key = (python, imported, tuple(sorted(read.items())))
        if key not in cls._all:
            cls._all[key] = cls(python, imported, read)
        return cls._all[key]


class Process:
    """A run, with what `subprocess.Popen` has.

    Attributes:
        pid: Of the run itself.
        stdin: The other end, where it is a pipe; so are `stdout` and `stderr`.
        returncode: None while it runs; negative for the signal that ended it.
    """

    def __init__(
        self,
        imported: str,
        arguments: Sequence[str],
        *,
        stdin: Stream = subprocess.DEVNULL,
        stdout: Stream = subprocess.PIPE,
        stderr: Stream = subprocess.PIPE,
        cwd: Path | str = ".",
        env: Mapping[str, str] | None = None,
        python: str = sys.executable,
    ) -> None:
        """Start it.

        Args:
            imported: The module that it has imported when it starts.
            arguments: Those of the interpreter: `-m module` or `-c program`, and the program's.
            stdin: As with `subprocess.Popen`; so are the others.
            stdout: The same.
            stderr: The same.
            cwd: Its working directory.
            env: All of its environment; None for this process's.
            python: The interpreter.

        Raises:
            RuntimeError: The module cannot be imported.
        """
        self.args = [python, *arguments]
        self.returncode: int | None = None
        self._waiting = threading.Lock()
        self._reply, theirs = socket.socketpair()
        given, opened = zip(*map(_ends, (stdin, stdout, stderr), (0, 1, 2)), strict=True)
        environment = dict(os.environ if env is None else env)
        request = {
            "arguments": list(arguments),
            "environment": environment,
            "folder": str(Path(cwd).absolute()),
        }
        self.stdin, self.stdout, self.stderr = opened
        with _LOCK, theirs:
            warm = _Warm.of(python, imported, environment)
            warm.ask(request, [*given, theirs.fileno()])
        for asked, handle in zip((stdin, stdout, stderr), given, strict=True):
            if isinstance(asked, int) and asked < 0:
                os.close(handle)
        self.pid = self._told()

    def _told(self) -> int:
        number = self._reply.recv(INTEGER, socket.MSG_WAITALL)
        if not number:
            self._reply.close()
            self._close()
            raise RuntimeError(f"{self.args[:3]} could not be started; see standard error.")
        return int.from_bytes(number)

    def poll(self) -> int | None:
        """Give the exit code; None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; give the exit code.

        Raises:
            TimeoutExpired: It still runs after so many seconds.
        """
        with self._waiting:
            if self.returncode is None:
                self._reply.settimeout(timeout)
                try:
                    status = self._told()
                except (BlockingIOError, TimeoutError):
                    raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
                self._reply.close()
                self.returncode = os.waitstatus_to_exitcode(status)
            return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                self.wait()

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, text: bytes = b"", timeout: float = 60) -> tuple[bytes, bytes]:
        """Feed it, read all that it writes, and wait for its end.

        Raises:
            TimeoutExpired: It has been killed after so many seconds.
        """
        late = threading.Event()

        def end() -> None:
            late.set()
            self.kill()

        timer = threading.Timer(timeout, end)
        timer.start()
        with ThreadPoolExecutor(2) as pool:
            error = pool.submit(self.stderr.read) if self.stderr else None
            fed = pool.submit(self._feed, text)
            out = self.stdout.read() if self.stdout else b""
        timer.cancel()
        fed.result()
        self.wait()
        self._close()
        if late.is_set():
            raise subprocess.TimeoutExpired(self.args, timeout)
        return out, error.result() if error else b""

    def _feed(self, text: bytes) -> None:
        if self.stdin:
            try:
                with self.stdin:
                    self.stdin.write(text)
            except BrokenPipeError:
                pass  # it has not read all

    def _close(self) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream:
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()
        self.wait()


def _ends(stream: Stream, number: int) -> tuple[int, Any]:
    """Give the end of a standard stream that the run gets, and the other one if it is a pipe."""
    if stream == subprocess.PIPE:
        reading, writing = os.pipe()
        if number == 0:
            return reading, os.fdopen(writing, "wb")
        return writing, os.fdopen(reading, "rb")
    if stream == subprocess.DEVNULL:
        return os.open(os.devnull, os.O_RDWR), None
    return (stream if isinstance(stream, int) else stream.fileno()), None
