"""Runs a tap again and again, each time in a fork of a process that has imported it once.

python -m tests.soak.forked tap_callgear [mutation] < jobs > results

A job is a JSON object in one line: `arguments` of the tap, `now` (what its clock shows, as an
instant), `signal` and `lines` or `seconds` (what is sent to it, and when), `out` and `err` (files).
The result is a line with the exit code and the most memory in KiB. What a tap would wait lasts a
fraction of it here.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import suppress
from datetime import datetime
from typing import Any

import time_machine

from tests.contract.short_waits import shorten_waits
from tests.contract.tap_class import tap_class
from tests.soak.mutations import MUTATIONS


def _in_child(tap: Any, job: dict[str, Any], out: int) -> None:
    """Run the tap at the job's moment; never returns."""
    err = os.open(job["err"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(err, 2)
    code = 70
    try:
        with time_machine.travel(datetime.fromisoformat(job["now"]), tick=True):
            tap.cli(args=job["arguments"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 71
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _strike(child: int, signum: int) -> None:
    with suppress(ProcessLookupError):  # it had ended by itself just now
        os.kill(child, signum)


def run(tap: Any, job: dict[str, Any]) -> tuple[int, int]:
    """Run one job; give the exit code, negative for the signal that ended it, and its memory.

    After SIGKILL what the reader had not taken yet is gone, as it is with a loader.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _in_child(tap, job, writing)
    os.close(writing)
    signum, last = job.get("signal"), job.get("lines")
    timer = threading.Timer(job.get("seconds", 0), _strike, (child, signum or 0))
    if "seconds" in job:
        timer.start()
    with os.fdopen(reading, "rb") as lines, open(job["out"], "wb") as out:  # noqa: PTH123
        for number, line in enumerate(lines, start=1):
            out.write(line)
            if number == last and signum:
                os.kill(child, signum)
                if signum == signal.SIGKILL:
                    break
    _, status, used = os.wait4(child, 0)
    timer.cancel()
    return os.waitstatus_to_exitcode(status), used.ru_maxrss


if __name__ == "__main__":
    shorten_waits()
    TAP = tap_class(sys.argv[1])
    if mutation := "".join(sys.argv[2:]):
        MUTATIONS[mutation]()
    for text in sys.stdin:
        print(*run(TAP, json.loads(text)), flush=True)  # noqa: T201 - its answer
