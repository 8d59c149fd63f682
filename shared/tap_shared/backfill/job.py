"""The job: which history of which accounts goes where. One JSON file that holds no secret."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec
import msgspec

from tap_shared.backfill.slices import Track
from tap_shared.errors import SettingRefused
from tap_shared.instants import instant_text
from tap_shared.settings import instant_setting
from tap_shared.windows import Window

__all__ = ["PINS", "Account", "Job", "read_job"]

PINS: Mapping[tuple[str, str], str] = {
    ("tap-infinity", "igrp"): "igrp_ids",
    ("tap-pbx", "tenant_id"): "tenant_ids",
}
"""Tap and state context key -> the setting, a list, that pins a run to one partition."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_FROM_VARIABLES = "ENV"


class Account(msgspec.Struct, forbid_unknown_fields=True):
    """An account of the vendor: what one credential reads.

    Attributes:
        config: The tap's config files, later ones win; `ENV` reads the tap's variables.
        variables: Variable of the tap -> the variable of the worker that holds its value.
        partitions: State contexts to slice apart, such as `{"igrp": 12}`; where there are none,
            each slice reads all that the account has.
        target: Another target than the job's.
        streams: Other streams than the job's.
        catalog: A Singer catalog that selects fields; what the tap discovers otherwise.
    """

    config: list[str] = msgspec.field(default_factory=lambda: [_FROM_VARIABLES])
    variables: dict[str, str] = {}
    partitions: list[dict[str, str | int]] = []
    target: str = ""
    streams: list[str] = []
    catalog: str = ""


class Job(msgspec.Struct, forbid_unknown_fields=True):
    """A backfill.

    Attributes:
        tap: The tap's executable, such as `tap-callgear`.
        target: The target's command line, such as `target-postgres --config=ENV`.
        ledger: A folder or fsspec URL that every worker reaches.
        start_date: First instant of the history; a plain date is midnight UTC.
        end_date: Its exclusive end, where the incremental runs take over.
        streams: The streams; each must keep a bookmark.
        accounts: Name -> account.
        slice_days: Days of a slice before anything is known of its cost.
        slice_seconds: How long a slice should take; sizes follow what finished slices took.
        slice_days_limit: Most days of a slice.
        folder: Where the job file is, for relative paths.
    """

    tap: str
    target: str
    ledger: str
    start_date: str
    end_date: str
    streams: list[str]
    accounts: dict[str, Account]
    slice_days: int = 8
    slice_seconds: int = 600
    slice_days_limit: int = 1024
    folder: str = "."

    @property
    def whole(self) -> Window:
        """The range of the job."""
        return Window(_instant("start_date", self.start_date), _instant("end_date", self.end_date))

    @property
    def tap_name(self) -> str:
        """The tap's name, without its path."""
        return Path(self.tap).name

    def tracks(self, account: str, catalog: Mapping[str, Any]) -> Iterator[Track]:
        """Give an account's tracks: each stream, by partition where its rows have such a column.

        Args:
            account: The account's name.
            catalog: What the tap offers it.

        Raises:
            SettingRefused: A stream is not in the catalog.
        """
        offered = {entry["tap_stream_id"]: entry for entry in catalog["streams"]}
        chosen = self.accounts[account]
        for stream in chosen.streams or self.streams:
            if stream not in offered:
                raise SettingRefused("streams", f"names '{stream}', which {self.tap} lacks.")
            keys = offered[stream].get("key_properties") or ()
            pinned = [p for p in chosen.partitions if set(p) <= set(keys)]
            for partition in pinned or [{}]:
                yield Track(self.tap_name, stream, account, tuple(sorted(partition.items())))

    def pins(self, track: Track, window: Window) -> dict[str, Any]:
        """Give the settings that pin the ordinary tap to a slice."""
        return {
            "start_date": instant_text(window.start),
            "end_date": instant_text(window.end),
            **{PINS[self.tap_name, key]: [value] for key, value in track.partition},
        }

    def tap_command(self, account: str) -> list[str]:
        """Give the tap's command line for an account, without pins."""
        config = self.accounts[account].config
        paths = [name if name == _FROM_VARIABLES else self.path(name) for name in config]
        return [self.executable(self.tap), *(word for path in paths for word in ("--config", path))]

    def target_command(self, account: str) -> list[str]:
        """Give the target's command line for an account."""
        program, *options = shlex.split(self.accounts[account].target or self.target)
        return [self.executable(program), *options]

    def environment(self, account: str, pins: Mapping[str, Any]) -> dict[str, str]:
        """Give the processes' environment: the account's variables, and none against the pins.

        Raises:
            SettingRefused: A variable that the account needs is not set.
        """
        prefix = self.tap_name.replace("-", "_").upper()
        found = dict(os.environ)
        for name, source in self.accounts[account].variables.items():
            if source not in os.environ:
                raise SettingRefused(f"accounts.{account}", f"needs the variable {source}.")
            found[name] = os.environ[source]
        for pin in pins:  # the tap prefers variables to files
            found.pop(f"{prefix}_{pin.upper()}", None)
        return found

    def path(self, name: str) -> str:
        """Give a file's path; a relative one is beside the job file."""
        return str(Path(self.folder) / name)

    def executable(self, program: str) -> str:
        """Give a program's path; one with a slash is relative to the job file."""
        return self.path(program) if "/" in program else program


def _instant(setting: str, text: str) -> datetime:
    found = instant_setting(setting, text)
    if found.microsecond:
        raise SettingRefused(setting, "must be a whole second.")
    return found


def read_job(url: str) -> Job:
    """Read and check a job file, which may lie anywhere that fsspec reaches.

    Raises:
        SettingRefused: It cannot be read, or something in it is wrong.
    """
    try:
        with fsspec.open(url, "rb") as file:
            job: Job = msgspec.json.decode(file.read(), type=Job)
    except OSError:
        raise SettingRefused("job", "names a file that cannot be read.") from None
    except msgspec.DecodeError as error:
        raise SettingRefused("job", f"is no job file: {error}.") from None
    if "://" not in url:
        job.folder = str(Path(url).resolve().parent)
        if "://" not in job.ledger:
            job.ledger = job.path(job.ledger)
    _check(job)
    return job


def _check(job: Job) -> None:
    if job.whole.start >= job.whole.end:
        raise SettingRefused("end_date", "must be after start_date.")
    if not job.streams or not job.accounts:
        raise SettingRefused("streams" if job.accounts else "accounts", "must not be empty.")
    if min(job.slice_days, job.slice_seconds, job.slice_days_limit) < 1:
        raise SettingRefused("slice_days", "and its like must be at least 1.")
    for name, account in job.accounts.items():
        if not _NAME.fullmatch(name):
            raise SettingRefused("accounts", f"has the name '{name}': use letters, digits, - _.")
        unknown = {key for partition in account.partitions for key in partition}
        unknown = {key for key in unknown if (job.tap_name, key) not in PINS}
        if unknown:
            raise SettingRefused(
                f"accounts.{name}.partitions",
                f"has '{min(unknown)}', which no setting of {job.tap_name} pins; leave it out.",
            )
