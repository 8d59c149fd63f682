r"""Metric reports as settings: custom metric columns and the reports a user defines.

A custom metric is written `metric_condition_value[,value][_condition_value]`; in values `_` and `,`
follow a backslash, and one backslash is written as four
(https://kb.infinity.co/service/api/reports_v2_basics.html, Custom Metrics).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tap_shared.errors import SettingRefused

__all__ = ["ADDED", "CustomMetric", "Report", "channel_report", "user_reports"]

ADDED = ("igrp", "report_date", "metrics_timezone", "metrics", "_extra")
"""Columns of metric streams that the tap fills."""

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_REF = re.compile(r"[^\[\]\x00-\x1f\x7f]{1,100}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_PATH = re.compile(r"(?:[A-Za-z0-9_.-]+|\{igrp\})(?:/(?:[A-Za-z0-9_.-]+|\{igrp\}))*")
_VERSION = re.compile(r"/?(?:reports/v2(?:\.1)?/)?")
_ESCAPED = {"_": r"\_", ",": r"\,", "\\": "\\" * 4}


@dataclass(frozen=True, slots=True)
class CustomMetric:
    """A column that counts one metric under conditions.

    Attributes:
        ref: The column's name.
        metric: What is counted, such as `goalCount`.
        conditions: The values that each dimension may have.
    """

    ref: str
    metric: str
    conditions: Mapping[str, Sequence[str]]

    @property
    def definition(self) -> str:
        """The vendor's spelling."""
        parts = [self.metric]
        for name, values in self.conditions.items():
            parts += [name, ",".join(map(_escaped, values))]
        return "_".join(parts)


def _escaped(value: str) -> str:
    return re.sub(r"[_,\\]", lambda found: _ESCAPED[found[0]], value)


@dataclass(frozen=True, slots=True)
class Report:
    """One report of aggregated metrics.

    Attributes:
        name: The stream's name.
        path: Path below the version; `{igrp}` in it is the installation, else it is a parameter.
        group: Dimensions to group by.
        display: Columns to show, with aliases; none shows all.
        filters: Filters in the vendor's spelling.
        sort: Sort fields in the vendor's spelling.
        custom: Custom metric columns.
        daily: Whether it is asked for day by day.
        primary_key: The stream's key.
        channel_type: Narrows it to one kind of channel.
    """

    name: str
    path: str
    group: Sequence[str]
    display: Sequence[str] = ()
    filters: Sequence[str] = ()
    sort: Sequence[str] = ()
    custom: Sequence[CustomMetric] = ()
    daily: bool = True
    primary_key: Sequence[str] = field(default_factory=tuple)
    channel_type: str | None = None

    @property
    def columns(self) -> list[str]:
        """Names of the columns that the settings name, in order."""
        shown = [text.rpartition("-")[2] for text in self.display]
        refs = [metric.ref for metric in self.custom]
        return list(dict.fromkeys([*self.group, *shown, *refs]))

    @property
    def shown(self) -> list[str]:
        """Columns to ask for where `display` is set: those, the key's and the custom metrics."""
        if not self.display:
            return []
        aliases = {text.rpartition("-")[2] for text in self.display}
        needed = [*self.primary_key, *(metric.ref for metric in self.custom)]
        more = [name for name in needed if name not in aliases and name not in ADDED]
        return [*self.display, *dict.fromkeys(more)]


def channel_report(config: Mapping[str, Any]) -> Report:
    """Read the `channel_metrics` setting.

    Raises:
        SettingRefused: It is wrong.
    """
    entry = _Entry("channel_metrics", config.get("channel_metrics") or {}, "")
    entry.allow("chType", "custom_metrics")
    taken = {"ch", "chName", "pageCountTotal", "goalCount", "goalCountTotal"}
    return Report(
        name="channel_metrics",
        path="metrics/channels",
        group=("ch",),
        sort=("ch-asc",),
        custom=entry.custom_metrics(taken),
        primary_key=("igrp", "report_date", "ch"),
        channel_type=entry.text("chType") or None,
    )


def user_reports(config: Mapping[str, Any], reserved: Collection[str]) -> list[Report]:
    """Read the `reports` setting.

    Args:
        config: The tap's config.
        reserved: Names of the tap's own streams.

    Raises:
        SettingRefused: A definition is wrong.
    """
    given = config.get("reports") or []
    if not isinstance(given, list):
        raise SettingRefused("reports", "must be a list of report definitions.")
    found: list[Report] = []
    for place, one in enumerate(given, start=1):
        entry = _Entry("reports", one, f"entry {place}")
        report = _user_report(entry)
        if report.name in {*reserved, *(earlier.name for earlier in found)}:
            entry.refuse(f"the name '{report.name}' is taken by another stream")
        found.append(report)
    return found


def _user_report(entry: _Entry) -> Report:
    entry.allow(
        "name", "path", "group", "display", "filter", "sort", "custom_metrics", "daily",
        "primary_key",
    )  # fmt: skip
    name, path = entry.text("name"), _VERSION.sub("", entry.text("path"), count=1)
    if _NAME.fullmatch(name) is None:
        entry.refuse("'name' must be lower-case letters, digits and _, beginning with a letter")
    if _PATH.fullmatch(path) is None or ".." in path:
        entry.refuse("'path' must be a path below the version, such as metrics/channels")
    group = entry.texts("group")
    if not group or any(_COLUMN.fullmatch(dimension) is None for dimension in group):
        entry.refuse("'group' must name the dimensions to group by, such as [\"ch\"]")
    daily = entry.flag("daily", default=True)
    key = entry.texts("primary_key") or ["igrp", *(["report_date"] if daily else []), *group]
    report = Report(
        name=name, path=path, group=group, display=entry.texts("display"),
        filters=entry.texts("filter"), sort=entry.texts("sort"),
        custom=entry.custom_metrics(group), daily=daily, primary_key=key,
    )  # fmt: skip
    possible = {"igrp", *(["report_date"] if daily else []), *report.columns}
    if unknown := [column for column in key if column not in possible]:
        entry.refuse(f"'primary_key' names '{unknown[0]}', which is no column of the report")
    if not set(group) <= set(key):
        entry.refuse("'primary_key' must hold every dimension of 'group', or rows would collide")
    if len({column.lower() for column in report.columns}) < len(report.columns):
        entry.refuse("two columns have the same name but for upper and lower case")
    return report


class _Entry:
    """One definition, whose faults are told by setting and place."""

    def __init__(self, setting: str, value: Any, place: str) -> None:
        self._setting = setting
        self._place = f"{place}: " if place else ""
        if not isinstance(value, dict):
            self._value: dict[str, Any] = {}
            self.refuse("must be an object")
        self._value = value

    def refuse(self, why: str) -> None:
        """Refuse the setting.

        Raises:
            SettingRefused: Always.
        """
        raise SettingRefused(self._setting, f"is wrong: {self._place}{why}.")

    def allow(self, *names: str) -> None:
        """Refuse members of other names."""
        for name in self._value:
            if name not in names:
                self.refuse(f"'{name}' is unknown; known are {', '.join(names)}")

    def text(self, name: str) -> str:
        """Give a text member, empty where it is left out."""
        value = self._value.get(name)
        if value is not None and not isinstance(value, str):
            self.refuse(f"'{name}' must be text")
        return value or ""

    def texts(self, name: str) -> list[str]:
        """Give a member that is a list of texts."""
        value = self._value.get(name) or []
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            self.refuse(f"'{name}' must be a list of texts")
        return list(value)

    def flag(self, name: str, *, default: bool) -> bool:
        """Give a member that is true or false."""
        value = self._value.get(name, default)
        if not isinstance(value, bool):
            self.refuse(f"'{name}' must be true or false")
        return bool(value)

    def custom_metrics(self, taken: Collection[str]) -> list[CustomMetric]:
        """Give the custom metrics.

        Args:
            taken: Column names that they must not have.
        """
        given = self._value.get("custom_metrics") or []
        if not isinstance(given, list):
            self.refuse("'custom_metrics' must be a list")
        found: list[CustomMetric] = []
        names = {name.lower() for name in (*taken, *ADDED)}
        for place, one in enumerate(given, start=1):
            entry = _Entry(self._setting, one, f"{self._place}custom metric {place}")
            metric = entry._custom_metric()
            if metric.ref.lower() in names:
                entry.refuse("its 'ref' is the name of another column")
            names.add(metric.ref.lower())
            found.append(metric)
        return found

    def _custom_metric(self) -> CustomMetric:
        self.allow("ref", "metric", "conditions")
        ref, metric = self.text("ref"), self.text("metric")
        if _REF.fullmatch(ref) is None:
            self.refuse("'ref' must be a short text without brackets")
        if _FIELD.fullmatch(metric) is None:
            self.refuse("'metric' must be the name of a metric, such as goalCount")
        conditions = self._value.get("conditions")
        if not isinstance(conditions, dict) or not conditions:
            self.refuse("'conditions' must name dimensions and their values")
        read = {name: self._values(name, given) for name, given in (conditions or {}).items()}
        return CustomMetric(ref, metric, read)

    def _values(self, name: str, given: Any) -> list[str]:
        if _FIELD.fullmatch(name) is None:
            self.refuse(f"the condition '{name}' is no name of a dimension")
        values = given if isinstance(given, list) else [given]
        kinds = {type(value) for value in values}
        if not values or not kinds <= {str, int, float}:
            self.refuse(f"the values of '{name}' must be texts or numbers, one at least")
        return [str(value) for value in values]
