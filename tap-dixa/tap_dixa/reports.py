"""The `metrics` setting: what is asked of a metric, checked against the catalogue.

An attribute that a metric does not list is ignored by the vendor with a 200
(https://docs.dixa.io/openapi/dixa-api/v1/analytics): broken down by it, each part would be the
whole. So such a breakdown or filter is refused before anything is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tap_dixa.catalogue import filters_of, measures_of
from tap_shared.errors import SettingRefused
from tap_shared.windows import Grain

__all__ = ["Report", "reports_of"]

Filter = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """One way of asking for a metric.

    Attributes:
        id: The metric's raw id.
        grain: Length of a period.
        measures: Measures to ask for; empty where the catalogue lists none.
        breakdowns: Attributes whose values are asked for one by one.
        filters: Filters of every request, as they are sent.
        honoured: Attributes that the metric lists.
    """

    id: str
    grain: Grain = "day"
    measures: tuple[str, ...] = ()
    breakdowns: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    honoured: frozenset[str] = frozenset()

    def filters_beside(self, attribute: str) -> list[Filter]:
        """Give the filters that go along with one by a value of `attribute`."""
        return [each for each in self.filters if each["attribute"] != attribute]

    def in_force(self, attribute: str) -> list[Filter]:
        """Give those of them that the vendor heeds."""
        return [
            each for each in self.filters_beside(attribute) if each["attribute"] in self.honoured
        ]

    def values_of(self, attribute: str) -> set[str] | None:
        """Give the values that a filter leaves of a breakdown; None for all."""
        named = [
            each.get("values") or [] for each in self.filters if each["attribute"] == attribute
        ]
        return set.intersection(*map(set, named)) if named and all(named) else None


def reports_of(
    entry: Mapping[str, Any],
    configured: Sequence[Mapping[str, Any]],
    default_filters: Sequence[Filter],
    *,
    is_checked: bool = True,
) -> list[Report]:
    """Give how a metric is asked for.

    Args:
        entry: The metric's entry of the catalogue.
        configured: The setting's entries with its id; without any, one a day and no breakdown.
        default_filters: Filters of every request for analytics.
        is_checked: Whether all attributes and measures of the metric are known.

    Raises:
        SettingRefused: An attribute or measure that the metric does not list, or two entries
            whose rows would have the same keys.
    """
    if is_checked:
        for each in configured:
            _check(entry, each)
    reports = [_report(entry, each, default_filters) for each in configured or [{}]]
    grains = [report.grain for report in reports]
    if len(set(grains)) < len(grains):
        raise SettingRefused(
            "metrics", f"names '{entry['id']}' twice with one grain; put both into one entry."
        )
    return reports


def _check(entry: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    raw: str = entry["id"]
    honoured, offered = filters_of(entry), measures_of(entry)
    filtered = [each["attribute"] for each in given.get("filters") or []]
    for attribute in (*(given.get("breakdowns") or []), *filtered):
        if attribute not in honoured:
            raise SettingRefused("metrics", _ignored(raw, attribute, honoured))
    for measure in given.get("aggregations") or []:
        if offered and measure not in offered:
            raise SettingRefused(
                "metrics",
                f"asks '{raw}' for {measure}, which it does not offer ({', '.join(offered)}).",
            )


def _report(
    entry: Mapping[str, Any], given: Mapping[str, Any], default_filters: Sequence[Filter]
) -> Report:
    return Report(
        entry["id"],
        given.get("grain") or "day",
        tuple(dict.fromkeys(given.get("aggregations") or measures_of(entry))),
        tuple(dict.fromkeys(given.get("breakdowns") or [])),
        (*default_filters, *map(dict, given.get("filters") or [])),
        frozenset(filters_of(entry)),
    )


def _ignored(raw: str, attribute: str, honoured: Sequence[str]) -> str:
    known = ", ".join(honoured) or "none"
    return (
        f"uses '{attribute}' on '{raw}', which does not list it: the vendor would ignore it and"
        f" answer the total for every value. It lists: {known}."
    )
