"""`run.py dagster`: Dagster's page on backfills; where no job is given, on one of the sandbox."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dev.imitation import SEED, moment
from dev.layout import ROOT, WAREHOUSE, executable
from dev.own_environment import own_environment
from dev.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ADAPTER = ROOT / "orchestrate" / "dagster"
HOME = WAREHOUSE / "dagster"
SAMPLE = WAREHOUSE / "backfill"
ACCOUNTS = ("north", "south")
STREAMS = ("calls", "call_legs", "communications")
DAYS = 100


def serve(jobs: Sequence[str], port: int) -> int:
    """Serve Dagster's page with its daemon until interrupted.

    Args:
        jobs: Job files of `tap-backfill`; for none, the sandbox is served and backfilled.
        port: The page's port.
    """
    given = _paths(jobs)
    programs = _install()
    # A terminated command unwinds like an interrupted one, so that nothing is left running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with ExitStack() as stack:
        variables = {} if jobs else stack.enter_context(_sample())
        chosen = given or [str(SAMPLE / "job.json")]
        print(f"Dagster: http://127.0.0.1:{port} (Ctrl-C ends it)", flush=True)
        return _run(programs, port, {**variables, "TAP_BACKFILL_JOBS": os.pathsep.join(chosen)})


def _paths(jobs: Sequence[str]) -> list[str]:
    """Return whole paths, as Dagster works in a folder of its own.

    Raises:
        Problem: There is no such file.
    """
    for job in jobs:
        if not Path(job).is_file():
            raise Problem(f"there is no job file {job}.", 2)
    return [str(Path(job).resolve()) for job in jobs]


def _install() -> Path:
    """Return the folder of Dagster's programs, which have an environment of their own."""
    made_from = (ADAPTER / "pyproject.toml").read_text(encoding="utf-8")
    return own_environment("dagster", "install", "--editable", str(ADAPTER), made_from=made_from)


def _run(programs: Path, port: int, variables: dict[str, str]) -> int:
    """Run Dagster's page and daemon."""
    HOME.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ADAPTER / "dagster.yaml", HOME / "dagster.yaml")
    tools = f"{programs}{os.pathsep}{executable('')}{os.pathsep}{os.environ['PATH']}"
    environment = {
        "TAP_CALLGEAR_LOGLEVEL": "WARNING",
        "TARGET_POSTGRES_LOGLEVEL": "ERROR",
        **os.environ,
        "PATH": tools,
        "DAGSTER_HOME": str(HOME),
        "MELTANO_PROJECT_ROOT": str(ROOT),
        "TAP_BACKFILL": executable("tap-backfill"),
        **variables,
    }
    command = ["dagster", "dev", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--module-name", "contact_taps_dagster.definitions"]
    process = subprocess.Popen(
        [str(programs / command[0]), *command[1:]], cwd=HOME, env=environment
    )
    try:
        return process.wait()
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _sample() -> Iterator[dict[str, str]]:
    """Serve two accounts of the sandbox and a warehouse, with a job from the one to the other."""
    from contact_sandbox.registry import vendor_class  # noqa: PLC0415 - needs the environment
    from contact_sandbox.server import Server  # noqa: PLC0415
    from dev.warehouse import EmbeddedPostgres  # noqa: PLC0415

    vendor = vendor_class("callgear")
    now = moment()
    SAMPLE.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        warehouse = stack.enter_context(EmbeddedPostgres())
        for number, account in enumerate(ACCOUNTS):
            source = vendor(seed=SEED + number, now=now, days=DAYS)
            server = stack.enter_context(Server([source]))
            _write(f"{account}.json", dict(server.settings("callgear")))
            schema = f"sandbox_callgear_{account}"
            loader = {"sqlalchemy_url": warehouse.url, "default_target_schema": schema}
            _write(f"to-{account}.json", loader)
        _write("job.json", sample_job(now))
        _prime()
        print("Backfilling the sandbox into the embedded PostgreSQL (python3 run.py psql, later).")
        # Meltano's state beside the warehouse that it speaks of: they come and go together.
        database = f"sqlite:///{SAMPLE / 'meltano.db'}"
        yield {"TAP_BACKFILL_AUTOSTART": "1", "MELTANO_DATABASE_URI": database}


def sample_job(now: datetime) -> dict[str, Any]:
    """Give the sandbox's job: what lies between its first day and its last midnight."""
    end = now.astimezone(UTC).replace(hour=0, minute=0, second=0)
    target = shlex.quote(executable("target-postgres"))
    accounts = {
        name: {"config": [f"{name}.json"], "target": f"{target} --config {SAMPLE}/to-{name}.json"}
        for name in ACCOUNTS
    }
    return {
        "tap": executable("tap-callgear"),
        "target": "target-postgres --config=ENV",
        "ledger": f"ledger-{now:%Y%m%d%H%M%S}",
        "start_date": f"{end - timedelta(days=DAYS):%Y-%m-%d}",
        "end_date": f"{end:%Y-%m-%d}",
        "streams": list(STREAMS),
        "accounts": accounts,
        "slice_days": 16,
    }


def _prime() -> None:
    """Create the tables.

    Raises:
        Problem: It failed.
    """
    command = [executable("tap-backfill"), "prime", str(SAMPLE / "job.json")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Problem(f"`tap-backfill prime` failed: {done.stderr.strip()[-600:]}")


def _write(name: str, content: dict[str, Any]) -> Path:
    """Write a JSON file that only its owner can read: it may hold a login."""
    path = SAMPLE / name
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return path
