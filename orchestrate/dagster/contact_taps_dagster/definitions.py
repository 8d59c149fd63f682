"""What Dagster loads: the assets, sensors and schedules of every job in `TAP_BACKFILL_JOBS`."""

from __future__ import annotations

import dagster as dg

from contact_taps_dagster.backfill_job import jobs
from contact_taps_dagster.history import history_assets, missing_sensor
from contact_taps_dagster.incremental import hourly_schedule, incremental_asset

__all__ = ["defs"]


def _definitions() -> dg.Definitions:
    parts = []
    for job in jobs():
        history, present = history_assets(job), incremental_asset(job)
        parts.append(
            dg.Definitions(
                assets=[*history, present],
                sensors=[missing_sensor(job, history)],
                schedules=[hourly_schedule(job, present)],
            )
        )
    # A run is a process (a pod, a task) already; its single step needs no other.
    return dg.Definitions.merge(*parts, dg.Definitions(executor=dg.in_process_executor))


defs = _definitions()
