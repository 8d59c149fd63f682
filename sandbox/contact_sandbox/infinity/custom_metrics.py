r"""The little language of custom metric columns, `metric_cond_value[_cond_value]`.

Values of one condition are joined by commas; `_` and `,` inside a value follow a backslash, and
one literal backslash is written as four (https://kb.infinity.co/service/api/reports_v2_basics.html,
Custom Metrics).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from contact_sandbox.infinity.query import RefusedError

_BACKSLASHES = "\\" * 4


@dataclass(frozen=True)
class CustomMetric:
    """A metric column counted only where every condition has one of its values."""

    metric: str
    conditions: dict[str, frozenset[str]]


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """Yield ("text", run) and ("mark", "_" or ","), escapes undone.

    Raises:
        RefusedError: A backslash that escapes nothing.
    """
    run, place = "", 0
    while place < len(text):
        if text.startswith(_BACKSLASHES, place):
            run, place = run + "\\", place + 4
        elif text[place] == "\\" and text[place + 1 : place + 2] in ("_", ","):
            run, place = run + text[place + 1], place + 2
        elif text[place] == "\\":
            raise RefusedError(400, f"Stray backslash in custom metric {text}")
        elif text[place] in "_,":
            yield "text", run
            yield "mark", text[place]
            run, place = "", place + 1
        else:
            run, place = run + text[place], place + 1
    yield "text", run


def parse(text: str) -> CustomMetric:
    """Read one definition.

    Raises:
        RefusedError: The text does not have the form metric, then pairs of condition and values.
    """
    fields: list[list[str]] = [[]]
    for kind, value in tokens(text):
        if kind == "text":
            fields[-1].append(value)
        elif value == "_":
            fields.append([])
    names, values = fields[1::2], fields[2::2]
    broken = len(fields) < 3 or len(names) != len(values)
    if broken or len(fields[0]) != 1 or any(len(name) != 1 for name in names):
        raise RefusedError(400, f"Invalid custom metric {text}")
    pairs = zip(names, values, strict=True)
    return CustomMetric(fields[0][0], {name[0]: frozenset(found) for name, found in pairs})


def checked(
    definitions: dict[str, str],
    metrics: Collection[str],
    conditions: Collection[str],
    numeric: Collection[str],
) -> dict[str, CustomMetric]:
    """Read a request's definitions and refuse what the report does not know.

    Args:
        definitions: Definitions by reference.
        metrics: Metric columns of the report that may be counted apart.
        conditions: Dimensions of the report.
        numeric: Dimensions whose values are numbers.
    """
    found = {}
    for ref, text in definitions.items():
        metric = parse(text)
        if metric.metric not in metrics:
            raise RefusedError(400, f"Unknown metric {metric.metric} in custom metric {ref}")
        for name, values in metric.conditions.items():
            if name not in conditions:
                raise RefusedError(400, f"Unknown condition {name} in custom metric {ref}")
            if name in numeric and not all(value.isdecimal() for value in values):
                raise RefusedError(400, f"{name} needs numbers in custom metric {ref}")
        found[ref] = metric
    return found
