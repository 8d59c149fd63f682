"""The history: assets whose partitions are filled from the ledger's view of what is missing."""

# Dagster reads annotations as they are, hence none from __future__ here.

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from contact_taps_dagster.backfill_job import BackfillJob

__all__ = ["history_assets", "missing_sensor"]

_MONTH = "%Y-%m-%d"
_REQUESTS_A_TICK = 50
_STARTS = "TAP_BACKFILL_AUTOSTART"


def grid(job: BackfillJob) -> dg.MultiPartitionsDefinition:
    """Give the partitions: account x month."""
    start, end = job.edges
    last = (end - timedelta(seconds=1)).replace(day=1) + timedelta(days=32)
    months = dg.MonthlyPartitionsDefinition(
        start.strftime("%Y-%m-01"), end_date=last.strftime("%Y-%m-01"), end_offset=1
    )
    accounts = dg.StaticPartitionsDefinition(list(job.accounts))
    return dg.MultiPartitionsDefinition({"account": accounts, "month": months})


def part(job: BackfillJob, stream: str, key: dg.MultiPartitionKey) -> dict[str, str]:
    """Give the options that pick a partition of a stream."""
    keys = key.keys_by_dimension
    month = datetime.strptime(keys["month"], _MONTH).replace(tzinfo=UTC)
    after = (month + timedelta(days=32)).replace(day=1)
    start, end = job.edges
    edges = (max(start, month), min(end, after))
    names = dict(zip(("start", "end"), (edge.isoformat() for edge in edges), strict=True))
    return {"account": keys["account"], "stream": stream, **names}


def history_assets(job: BackfillJob) -> list[dg.AssetsDefinition]:
    """Give one asset for each stream."""
    return [_asset(job, stream) for stream in job.streams]


def _asset(job: BackfillJob, stream: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=dg.AssetKey([job.name, stream]),
        partitions_def=grid(job),
        group_name=job.name,
        kinds={"singer"},
        description=f"History of {stream}, slice by slice, in the target.",
    )
    def load(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        of = part(job, stream, context.partition_key)
        code = _follow([*job.command("run", **of, worker=context.run_id), "--leash"])
        if code:
            raise dg.Failure(f"tap-backfill ended with {code}; its messages are in the stderr tab.")
        return dg.MaterializeResult(metadata=_told(job.lines("done", **of)))

    return load


def _follow(command: list[str]) -> int:
    """Run a command to its end; end it in an orderly way where the run is terminated."""
    process = subprocess.Popen(command)  # noqa: S603 - tap-backfill
    try:
        return process.wait()
    finally:
        process.terminate()
        process.wait()


def _told(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Give what the page shows of a partition."""
    newest = max((e["most"] for e in entries if e["most"]), default=None)
    told: dict[str, Any] = {
        "dagster/row_count": sum(sum(entry["rows"].values()) for entry in entries),
        "slices": len(entries),
        "seconds in the tap": round(sum(entry["seconds"] for entry in entries), 1),
    }
    if newest:
        told["newest row"] = dg.MetadataValue.timestamp(datetime.fromisoformat(newest))
    if entries:
        read = max(entry["finished_at"] for entry in entries)
        told["last read"] = dg.MetadataValue.timestamp(datetime.fromisoformat(read))
    return told


def missing_sensor(job: BackfillJob, assets: list[dg.AssetsDefinition]) -> dg.SensorDefinition:
    """Give the sensor that requests what the ledger lacks until it lacks nothing.

    Dagster does not run a partition again whose machine was lost once its backfill has ended; the
    ledger knows that it is missing.
    """
    name = job.name
    running = os.environ.get(_STARTS) == "1"

    @dg.sensor(
        name=f"{name}_missing",
        target=assets,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus[("STOPPED", "RUNNING")[running]],
    )
    def missing(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        todo = wanted(job)
        new = [one for one in todo if one not in _busy(context.instance)]
        if not new:
            yield dg.SkipReason("Nothing is missing." if not todo else "All of it is under way.")
        for stream, account, month in new[:_REQUESTS_A_TICK]:
            yield dg.RunRequest(
                asset_selection=[dg.AssetKey([name, stream])],
                partition_key=dg.MultiPartitionKey({"account": account, "month": month}),
            )

    return missing


def wanted(job: BackfillJob) -> list[tuple[str, str, str]]:
    """Give stream, account and month of everything that is missing, oldest first."""
    found = set()
    for piece in job.lines("missing"):
        month = datetime.fromisoformat(piece["start"]).replace(day=1)
        while month < datetime.fromisoformat(piece["end"]):
            found.add((f"{month:{_MONTH}}", piece["account"], piece["stream"]))
            month = (month + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0)
    return [(stream, account, month) for month, account, stream in sorted(found)]


def _busy(instance: dg.DagsterInstance) -> set[tuple[str, str, str]]:
    """Give stream, account and month of every run that is queued or under way."""
    runs = instance.get_runs(dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES)))
    return {
        (key.path[-1], run.tags["dagster/partition/account"], run.tags["dagster/partition/month"])
        for run in runs
        if "dagster/partition/account" in run.tags
        for key in run.asset_selection or ()
    }
