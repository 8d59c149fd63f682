"""Threads that decode a structure for the first time, all at once."""

from __future__ import annotations

import subprocess
import sys

CHILD = """
import sys, threading
from typing import Generic, TypeVar
from msgspec import Struct, defstruct
from tap_shared.page import decode

T = TypeVar("T")
sys.setswitchinterval(1e-6)
found = []
for _ in range(100):
    Row, Facts = defstruct("Row", [("a", int)]), defstruct("Facts", [("total", int)])
    class Inner(Struct, Generic[T]):
        data: T
        facts: Facts | None = None
    class Whole(Struct, Generic[T]):
        result: Inner[T] | None = None
        error: dict | None = None
    kind, together = Whole[list[Row]], threading.Barrier(6)
    def read():
        together.wait()
        found.append(decode(b'{"result":{"data":[{"a":1}],"facts":{"total":1}}}', kind))
    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
print(sum(one.result.data[0].a for one in found))
"""


def test_they_do_not_crash_the_interpreter() -> None:
    command = [sys.executable, "-c", CHILD]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout.strip()) == (0, "600"), done.stderr[-2000:]
