"""A process that has imported a module once, and forks a run of it whenever it is asked to.

python warm.py tap_callgear.tap, with the socket on which it is asked as standard input and output

It has one thread and configures nothing. Of each run there is a guard beside it, its parent, that
tells its process id, and its status when it has ended. Runs are as if started by the interpreter:
the same arguments (`-m module` or `-c program`), signal handlers and exit codes. Two things differ:
what is read while modules are imported is read once for all runs, and one that ends in an orderly
way does not take its modules apart, which takes ten times as long as the fork.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import time
from types import ModuleType
from typing import Any

INTEGER = 4
"""Bytes of the length of a request, of a process id and of a status."""


def serve(interrupt: Any) -> dict[str, Any]:
    """Fork a run for each request until the other end is closed; returns in the run, its request.

    Args:
        interrupt: The handler that SIGINT has in an interpreter that has just begun.
    """
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    while True:
        head, handles, *_ = socket.recv_fds(control, INTEGER, 4)
        if not head:
            os._exit(0)
        asked: dict[str, Any] = json.loads(_exactly(control, int.from_bytes(head)))
        if os.fork() == 0:
            control.close()
            _fork_under_guard(handles)
            signal.signal(signal.SIGINT, interrupt)
            return asked
        for handle in handles:
            os.close(handle)
        _bury()


def _exactly(control: socket.socket, size: int) -> bytes:
    text = b""
    while len(text) < size:
        text += control.recv(size - len(text))
    return text


def _bury() -> None:
    """Take leave of the guards that have ended."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return


def _fork_under_guard(handles: list[int]) -> None:
    """Fork the run and return in it, its standard streams in place; the guard ends here."""
    *streams, told = handles
    with socket.socket(fileno=told) as reply:
        pid = os.fork()
        if pid:
            _guard(pid, streams, reply)
    for number, handle in enumerate(streams):
        os.dup2(handle, number)
        os.close(handle)


def _guard(pid: int, streams: list[int], reply: socket.socket) -> None:
    try:
        for handle in streams:
            os.close(handle)  # a pipe is closed when the run ends
        reply.sendall(pid.to_bytes(INTEGER))
        _, status = os.waitpid(pid, 0)
        reply.sendall(status.to_bytes(INTEGER))
    except BrokenPipeError:
        pass  # nobody waits for it
    finally:
        os._exit(0)


def run(asked: dict[str, Any]) -> None:
    """Be what was asked for."""
    # What is there besides, the interpreter has set.
    os.environ.update(asked["environment"])
    time.tzset()
    os.chdir(asked["folder"])
    kind, program, *more = asked["arguments"]
    sys.argv = [kind, *more]
    if kind == "-m":
        sys.path[0] = os.getcwd()  # noqa: PTH109 - a text
        runpy.run_module(program, run_name="__main__", alter_sys=True)
        return
    sys.path[0] = ""
    main = sys.modules["__main__"] = ModuleType("__main__")
    exec(compile(program, "<string>", "exec"), vars(main))  # noqa: S102 - as `python -c` does


class Ending:
    """Ends a run as soon as all that is registered for its end is done."""

    code: int | None = None

    def __init__(self) -> None:
        """Be the first that is registered, and so the last that is called."""
        atexit.register(self._leave)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        code = error.code if isinstance(error, SystemExit) else error
        self.code = code or 0 if code is None or isinstance(code, int) else None

    def _leave(self) -> None:
        """Go, unless the interpreter has something to tell."""
        try:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        except (AttributeError, OSError, ValueError):
            return
        if self.code is not None:
            os._exit(self.code & 0xFF)


if __name__ == "__main__":
    ENDING = Ending()
    HANDLER = signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.path[0] = os.devnull  # not this folder, whose modules are no concern of a tap
    importlib.import_module(sys.argv[1])
    REQUEST = serve(HANDLER)
    with ENDING:
        run(REQUEST)
