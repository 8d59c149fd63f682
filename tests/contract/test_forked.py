"""A forked run is what a process of its own would be: everything that a test may look at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.contract.forked import Process

IMPORTED = "logging"
ENVIRONMENT = {"PATH": "/usr/bin", "TZ": "Asia/Kolkata", "ODD": "a=b\n\udcff"}

PROGRAMS = {
    "environment": """
import json, os, sys, time
print(json.dumps([sorted(os.environ.items()), os.getcwd(), sys.argv, sys.path[0], __name__]))
with os.popen("/usr/bin/env -0") as told:
    print(sorted(told.buffer.read().split(b"\\0")), time.tzname)""",
    "signal handlers and masks": """
import signal
print([(n.name, str(signal.getsignal(n)).partition(" at ")[0]) for n in signal.valid_signals()
       if isinstance(n, signal.Signals)], signal.pthread_sigmask(signal.SIG_BLOCK, []))""",
    "open files and threads": """
import os, threading
for number in range(3, 64):
    try:
        os.fstat(number)
    except OSError:
        continue
    raise SystemExit(f"{number} is open")
print(threading.enumerate() == [threading.main_thread()], os.isatty(0), os.isatty(1))""",
    "standard input": "import sys; print(len(sys.stdin.read()), sys.stdin.encoding)",
    "buffered streams": """
import sys
print([(each.line_buffering, each.seekable()) for each in (sys.stdin, sys.stdout)], end="")""",
    "exit code": "raise SystemExit(3)",
    "negative exit code": "raise SystemExit(-1)",
    "no exit code": "raise SystemExit",
    "sentence": "raise SystemExit('what is wrong')",
    "error": "1 / 0",
    "interrupted": "raise KeyboardInterrupt",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "terminated": "import os; os.kill(os.getpid(), 15)",
    "broken pipe": "import os; os.close(1); os.pipe2(0); print('x')",
    "last words": "import atexit; atexit.register(print, 'last')",
    "a thread that goes on": """
import threading, time
threading.Thread(target=lambda: (time.sleep(0.05), print("done"))).start()""",
}


def ended(process: subprocess.Popen[bytes] | Process) -> tuple[bytes, list[bytes], int | None]:
    """Give all that a process leaves behind; of a traceback its last line."""
    out, err = process.communicate(b"x" * 100_000, timeout=60)
    return out, err.splitlines()[-1:], process.returncode


def both(folder: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> list[Any]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, cwd=folder,
        env=dict(environment),
    ) as own:  # fmt: skip
        expected = ended(own)
    with Process(IMPORTED, arguments, stdin=pipe, cwd=folder, env=environment) as forked:
        return [ended(forked), expected]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_cannot_tell_the_difference(tmp_path: Path, name: str) -> None:
    forked, own = both(tmp_path, ["-c", PROGRAMS[name], "--option", "one"], ENVIRONMENT)
    assert forked == own


def test_nor_can_a_module(tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "__init__.py").touch()
    (tmp_path / "some" / "__main__.py").write_text(
        "import sys; print(sys.argv, sys.path[0], __name__, __package__, __file__); sys.exit(4)"
    )
    forked, own = both(tmp_path, ["-m", "some", "--option"], ENVIRONMENT)
    assert forked == own
    assert own[2] == 4


def test_a_pipe_that_its_reader_has_closed() -> None:
    program = "import sys; sys.stdin.read(); print('x' * 10)"
    pipe = subprocess.PIPE
    found = []
    for process in (
        Process(IMPORTED, ["-c", program], stdin=pipe, env=ENVIRONMENT),
        subprocess.Popen(
            [sys.executable, "-c", program], stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT
        ),
    ):
        assert process.stdin
        assert process.stdout
        assert process.stderr
        with process:
            process.stdout.close()
            process.stdin.close()
            found.append((process.wait(60), process.stderr.read()))
    assert found[0] == found[1]
    assert found[0][0] == 120
    assert b"BrokenPipeError" in found[0][1]


WAITING = "print('here', flush=True); import time; time.sleep(60)"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_ends_it_as_it_ends_any_process(number: signal.Signals) -> None:
    with Process(IMPORTED, ["-c", WAITING]) as process:
        assert process.stdout
        assert process.stdout.readline() == b"here\n"
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.send_signal(number)
        assert process.wait(10) == -number == process.poll()
        process.send_signal(number)  # it is gone, and that is no error
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_one_that_takes_too_long_is_killed() -> None:
    begun = time.monotonic()
    with Process(IMPORTED, ["-c", WAITING]) as process, pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=0.2)
    assert process.returncode == -signal.SIGKILL
    assert time.monotonic() - begun < 10


def test_many_at_a_time_and_random_numbers_of_their_own() -> None:
    program = "import random, sys; sys.stdin.read(); print(random.random())"
    running = [Process(IMPORTED, ["-c", program], stdin=subprocess.PIPE) for _ in range(5)]
    found = {process.communicate(timeout=60)[0] for process in running}
    assert len(found) == 5
    assert {process.returncode for process in running} == {0}


def test_streams_may_be_files(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        program = "import sys; print(1); print(2, file=sys.stderr)"
        process = Process(IMPORTED, ["-c", program], stdout=out, stderr=out)
        assert process.wait(60) == 0
    assert sorted((tmp_path / "out").read_bytes().split()) == [b"1", b"2"]


def test_a_module_that_cannot_be_imported_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="could not be started"):
        Process("no_such_module", ["-c", "pass"])
    assert "No module named 'no_such_module'" in capfd.readouterr().err


def test_what_is_read_at_the_start_of_an_interpreter_counts() -> None:
    program = "import json, sys; print(json.dumps([sys.flags.utf8_mode, sys.stdout.encoding]))"
    for mode in ("0", "1"):
        environment = {"PYTHONUTF8": mode, "PYTHONIOENCODING": "latin-1"}
        with Process(IMPORTED, ["-c", program], env=environment) as process:
            assert json.loads(process.communicate()[0]) == [int(mode), "iso8859-1"]
