from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
from tap_shared.allocator import keep_freed_memory
if "keep" in sys.argv:
    keep_freed_memory()
for _ in range(60):
    rows = [bytes(bytearray(900)) for _ in range(7500)]
    del rows
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def faults(*arguments: str) -> int:
    command = [sys.executable, "-c", SCRIPT, *arguments]
    return int(subprocess.run(command, check=True, capture_output=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that learns")
def test_the_memory_of_a_page_is_not_asked_for_again_with_the_next() -> None:
    assert faults("keep") < faults() / 2
