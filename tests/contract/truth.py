"""Compares records with the vendor's rows as they were on the wire, by an independent reading.

Nothing of the library is used here: a wrong conversion must not be able to agree with itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from jsonschema import Draft7Validator, FormatChecker

__all__ = [
    "INSTANT",
    "differences",
    "instant_of",
    "leaves",
    "main_type",
    "moment",
    "undeclared",
    "validator",
]

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
"""The one form of instants."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_UNSTORABLE = re.compile("[\ud800-\udfff\0]")
_TRUE, _FALSE = {"1", "true", "t", "yes", "on"}, {"0", "false", "f", "no", "off"}
_MILLISECONDS = 10**11
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZERO = ("0000-00-00", "0001-01-01")

_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    if not isinstance(value, str):
        return True
    datetime.fromisoformat(value)
    return INSTANT.fullmatch(value) is not None


@_FORMATS.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    if not isinstance(value, str):
        return True
    datetime.fromisoformat(value)
    return _DATE.fullmatch(value) is not None


def validator(schema: Mapping[str, Any]) -> Draft7Validator:
    """Give a Draft 7 validator that checks instants and dates."""
    return Draft7Validator(dict(schema), format_checker=_FORMATS)


def main_type(node: Mapping[str, Any]) -> str:
    """Give the one type of a schema node that is not null."""
    types = node["type"]
    return types if isinstance(types, str) else next(t for t in types if t != "null")


def leaves(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give every node of a schema below its root, with its path."""
    for name, node in schema.get("properties", {}).items():
        yield f"{path}.{name}", node
        yield from leaves(node, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict) and schema[word]:
            yield f"{path}[]", schema[word]
            yield from leaves(schema[word], f"{path}[]")


def moment(text: str) -> datetime:
    """Read an emitted instant or date."""
    return datetime.fromisoformat(text) if "T" in text else datetime.fromisoformat(text + "T00Z")


def instant_of(value: Any, zone: tzinfo, epoch: str | None) -> datetime | None:
    """Read a time of any vendor; None for a blank or a zero date.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        epoch = epoch or ("ms" if abs(value) > _MILLISECONDS else "s")
        return _EPOCH + timedelta(**{"milliseconds" if epoch == "ms" else "seconds": value})
    if not isinstance(value, str):
        message = "not a time"
        raise ValueError(message)  # noqa: TRY004 - as for a text that is none
    if not value.strip() or value.startswith(_ZERO):
        return None
    text = re.sub(r"\[.*\]$", "", value.strip())
    text = re.sub(r"\.(\d{1,6})\d*", lambda found: "." + found[1].ljust(6, "0"), text)
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=zone).astimezone(UTC)


def differences(
    record: Mapping[str, Any],
    row: Mapping[str, Any],
    schema: Mapping[str, Any],
    *,
    zone: tzinfo,
    misfits: frozenset[str] = frozenset(),
    masked: frozenset[str] = frozenset(),
    is_whole: bool = True,
) -> list[str]:
    """Say where a record does not hold what the vendor sent.

    Args:
        record: The emitted record.
        row: The row on the wire.
        schema: The stream's announced schema.
        zone: The zone of time texts that carry none.
        is_whole: Whether the row is all that was sent, so that `_extra` can hold nothing else.
        masked: Fields that may be masked with `***`.
        misfits: Fields whose values may not fit their type and are then kept in `_extra`.
    """
    found = []
    properties = schema["properties"]
    extra = record.get("_extra") or {}
    metrics = (record.get("metrics") or {}) if "metrics" in properties else {}
    for name, sent in row.items():
        if name not in properties:
            if name in metrics and _number(metrics[name]) == _number(sent):
                continue
            if name not in extra or not _equal(extra[name], _storable(sent)):
                found.append(f"_extra.{name}: {sent!r} came as {extra.get(name)!r}")
        elif name in masked and record.get(name) == "***":
            continue
        elif not _same(sent, record.get(name), properties[name], zone):
            kept = record.get(name) is None and _equal(extra.get(name), _storable(sent))
            if not (kept and name in misfits):
                found.append(f"{name}: {sent!r} came as {record.get(name)!r}")
    unknown = [name for name in extra if name not in row] if is_whole else []
    return found + [f"_extra.{name} was never sent" for name in unknown]


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, (list, tuple)) else value


def _equal(got: Any, sent: Any) -> bool:
    """Compare JSON values: numbers by value, and a truth value is no number."""
    if isinstance(got, Decimal) or isinstance(sent, (float, Decimal)):
        both = not isinstance(got, bool) and not isinstance(sent, bool)
        return both and _number(got) == _number(sent) is not None
    if isinstance(sent, dict):
        same_names = isinstance(got, dict) and got.keys() == sent.keys()
        return same_names and all(_equal(got[name], sent[name]) for name in sent)
    if isinstance(sent, list):
        same_size = isinstance(got, list) and len(got) == len(sent)
        return same_size and all(map(_equal, got, sent))
    return type(got) is type(sent) and bool(got == sent)


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value).strip()) if value is not None else None
    except InvalidOperation:
        return None


def _same(  # noqa: PLR0911 - one rule a type
    sent: Any, got: Any, node: Mapping[str, Any], zone: tzinfo
) -> bool:
    """Tell whether a declared value came through."""
    if sent is None:
        return got is None
    form, kind = node.get("format"), main_type(node)
    if form in {"date-time", "date"}:
        return _same_time(sent, got, node, zone)
    if kind in {"integer", "number", "boolean"} and isinstance(sent, str) and not sent.strip():
        return got is None
    if kind in {"integer", "number"}:
        sent = int(sent) if isinstance(sent, bool) else sent
        return (
            not isinstance(got, bool)
            and _number(sent) is not None
            and _number(got) == _number(sent)
        )
    if kind == "boolean":
        text = str(sent).strip().lower()
        return got is True if text in _TRUE else got is False if text in _FALSE else False
    if kind == "string":
        return _same_text(sent, got)
    return _same_nested(sent, got, node, zone)


def _same_time(sent: Any, got: Any, node: Mapping[str, Any], zone: tzinfo) -> bool:
    if node["format"] == "date":
        blank = isinstance(sent, str) and (not sent.strip() or sent.startswith(_ZERO))
        return got is None if blank else isinstance(sent, str) and got == sent.strip()[:10]
    try:
        expected = instant_of(sent, zone, node.get("x-epoch"))
    except ValueError:
        return False
    if expected is None or got is None:
        return expected is got
    return INSTANT.fullmatch(got) is not None and moment(got) == expected


def _same_text(sent: Any, got: Any) -> bool:
    if isinstance(sent, str):
        return bool(got == _storable(sent))
    if isinstance(sent, bool):
        return bool(got == ("true" if sent else "false"))
    if isinstance(sent, (int, float)):
        return isinstance(got, str) and _number(got) == _number(sent)
    return False


def _same_nested(  # noqa: PLR0911 - one rule a shape
    sent: Any, got: Any, node: Mapping[str, Any], zone: tzinfo
) -> bool:
    if main_type(node) == "array":
        items = [sent] if isinstance(sent, dict) and main_type(node["items"]) == "object" else sent
        if items == "":
            return got is None
        if not isinstance(items, list) or not isinstance(got, list) or len(items) != len(got):
            return False
        return all(_same(a, b, node["items"], zone) for a, b in zip(items, got, strict=True))
    if sent == "":
        return got is None
    if sent == []:
        return bool(got == {})
    if not isinstance(sent, dict) or not isinstance(got, dict) or len(sent) != len(got):
        return False
    return all(_same_member(name, sent[name], got, node, zone) for name in sent)


def _same_member(
    name: str, sent: Any, got: Mapping[str, Any], node: Mapping[str, Any], zone: tzinfo
) -> bool:
    name = _storable(name)
    other = node.get("additionalProperties")
    declared = node.get("properties", {}).get(name) or (other if isinstance(other, dict) else None)
    if name not in got:
        return False
    return (
        _same(sent, got[name], declared, zone) if declared else _equal(got[name], _storable(sent))
    )


def undeclared(node: Mapping[str, Any], value: Any) -> Iterator[str]:
    """Give the members, however deep, of objects that have declared ones but not these."""
    members = node.get("properties", {})
    if isinstance(value, dict) and members:
        yield from value.keys() - members.keys()
        for name in value.keys() & members.keys():
            yield from undeclared(members[name], value[name])
    for item in value if isinstance(value, list) else ():
        yield from undeclared(node["items"], item)
