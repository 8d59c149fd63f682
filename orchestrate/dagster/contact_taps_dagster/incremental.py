"""The present: every hour, Meltano reads on from where the history was sealed."""

# Dagster reads annotations as they are, hence none from __future__ here.

import json
import os
import shlex
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from contact_taps_dagster.backfill_job import BackfillJob

__all__ = ["hourly_schedule", "incremental_asset"]


def incremental_asset(job: BackfillJob) -> dg.AssetsDefinition:
    """Give the asset of a tap's incremental runs, one partition an account."""
    name = job.name

    @dg.asset(
        key=dg.AssetKey([name, "incremental"]),
        partitions_def=dg.MultiPartitionsDefinition(
            {
                "account": dg.StaticPartitionsDefinition(list(job.accounts)),
                "kind": dg.StaticPartitionsDefinition(["hourly"]),
            }
        ),
        group_name=name,
        kinds={"singer", "meltano"},
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=timedelta(hours=3), warn_window=timedelta(hours=2)
        ),
        description="New and changed rows of every selected stream, from the sealed state on.",
    )
    def incremental(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        account = context.partition_key.keys_by_dimension["account"]
        state = _seeded(job, account)
        loader = Path(shlex.split(_target(job, account))[0]).name
        options = ["run", "--no-install", f"--state-id-suffix={account}"]
        code = _meltano(job, account, *options, job.tap, loader).returncode
        if code:
            raise dg.Failure(f"meltano ended with {code}; its messages are in the stderr tab.")
        marks = json.loads(_meltano(job, account, "state", "get", state, quiet=True).stdout)
        return dg.MaterializeResult(metadata={"bookmarks": dg.MetadataValue.json(marks)})

    return incremental


def hourly_schedule(job: BackfillJob, asset: dg.AssetsDefinition) -> dg.ScheduleDefinition:
    """Give the schedule that runs it every hour for each account whose history is complete."""
    name = job.name

    @dg.schedule(name=f"{name}_hourly", cron_schedule="@hourly", target=[asset])
    def hourly(context: dg.ScheduleEvaluationContext) -> Any:
        for account in job.accounts:
            if job.lines("missing", account=account):
                context.log.info("The history of %s is not complete yet.", account)
                continue
            key = dg.MultiPartitionKey({"account": account, "kind": "hourly"})
            yield dg.RunRequest(partition_key=key)

    return hourly


def _seeded(job: BackfillJob, account: str) -> str:
    """Give the state's id, after setting it from the ledger where there is none yet."""
    loader = Path(shlex.split(_target(job, account))[0]).name
    where = os.environ.get("MELTANO_ENVIRONMENT", "dev")
    name = f"{where}:{job.tap}-to-{loader}:{account}"
    if '"bookmarks"' not in _meltano(job, account, "state", "get", name, quiet=True).stdout:
        sealed = subprocess.run(  # noqa: S603 - tap-backfill
            job.command("seal", account=account), check=True, capture_output=True, text=True
        ).stdout.strip()
        _meltano(job, account, "state", "set", "--force", name, sealed)
    return name


def _meltano(
    job: BackfillJob, account: str, *words: str, quiet: bool = False
) -> subprocess.CompletedProcess[str]:
    tool = Path(job.tool).with_name("meltano") if "/" in job.tool else "meltano"
    return subprocess.run(  # noqa: S603 - the project's own Meltano
        [str(tool), "--log-level=warning" if quiet else "--log-level=info", *words],
        check=False,
        cwd=os.environ.get("MELTANO_PROJECT_ROOT"),
        env={**os.environ, **_settings(job, account)},
        stdout=subprocess.PIPE if quiet else None,
        text=True,
    )


def _settings(job: BackfillJob, account: str) -> dict[str, str]:
    """Give an account's settings of tap and target as the variables that Meltano reads."""
    chosen = job.accounts[account]
    found = {name: os.environ[source] for name, source in chosen.get("variables", {}).items()}
    target, *options = shlex.split(_target(job, account))
    files = [option for option in options if option.endswith(".json")]
    for plugin, paths in ((job.tap, chosen.get("config", [])), (Path(target).name, files)):
        prefix = plugin.replace("-", "_").upper()
        for path in paths:
            if path != "ENV":
                content = json.loads(Path(job.path).parent.joinpath(path).read_text("utf-8"))
                found |= {f"{prefix}_{name.upper()}": _text(content[name]) for name in content}
    return found


def _target(job: BackfillJob, account: str) -> str:
    return job.accounts[account].get("target") or str(job.content["target"])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
