"""One vendor value into the type that its schema declares, or `Misfit`.

`coercion(schema, ...)` compiles a JSON-schema node into one function; nothing of the schema is
looked at again while records pass.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET

from tap_shared.instants import InstantReader, to_date

__all__ = ["Coercion", "Int64", "Misfit", "PiiMode", "Rules", "coercion", "main_type"]

PiiMode = Literal["keep", "hash", "drop"]
Coercion = Callable[[Any], Any]

_INTEGER = re.compile(r"[+-]?\d{1,20}(\.0*)?")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_INT64 = 2**63
Int64 = Annotated[int, msgspec.Meta(ge=-_INT64, le=_INT64 - 1)]
"""What an integer column of a warehouse holds."""

_WHOLE = msgspec.json.Decoder(list[Int64])
_FLOAT_DIGITS = 15
_TRUTHS = {
    "1": True, "true": True, "t": True, "yes": True, "y": True, "on": True,
    "0": False, "false": False, "f": False, "no": False, "n": False, "off": False,
}  # fmt: skip


class Misfit(ValueError):
    """The value does not fit its declared type."""


class Rules(NamedTuple):
    """How values of one stream are read.

    Attributes:
        zone: The zone of time texts that carry none.
        pii: What happens to values tagged `x-pii`.
        salt: The key of the hash, for `pii` = hash.
        is_closed: Whether members of an object that its schema does not declare are left out.
    """

    zone: tzinfo = UTC
    pii: PiiMode = "keep"
    salt: bytes = b""
    is_closed: bool = False


def main_type(schema: Mapping[str, Any]) -> str:
    """Give the one type of a schema node that is not null."""
    types = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(types, str):
        return types
    return next((name for name in types if name != "null"), "null")


def coercion(schema: Mapping[str, Any], rules: Rules) -> Coercion:
    """Compile a schema node (one property, array item or nested object) into a function."""
    if schema.get("x-pii") and rules.pii == "drop":
        return lambda _value: None
    plain = _typed(schema, rules)
    if schema.get("x-pii") and rules.pii == "hash":
        return _hashed(plain, rules.salt)
    return plain


def _typed(schema: Mapping[str, Any], rules: Rules) -> Coercion:
    kind, form = main_type(schema), schema.get("format")
    if form == "date-time":
        return InstantReader(rules.zone, schema.get("x-epoch"))
    if form == "date":
        return lambda value: None if value is None else to_date(value)
    if kind == "array":
        return _array(schema.get("items", {"type": "string"}), rules)
    if kind == "object":
        return _object(schema, rules)
    return _SCALARS[kind]


def _string(value: Any) -> Any:
    if value is None or type(value) is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    raise Misfit


def _integer(value: Any) -> Any:
    if type(value) is int:
        if -_INT64 <= value < _INT64:
            return value
        raise Misfit
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if _INTEGER.fullmatch(text) is None:
            raise Misfit
        return _integer(int(text.partition(".")[0]))
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (float, Decimal)) and math.isfinite(value) and value == int(value):
        return _integer(int(value))
    raise Misfit


class _Integers:
    """`_integer`, for one value or for a column."""

    __call__ = staticmethod(_integer)

    def column(self, values: Sequence[Any]) -> list[Any]:
        """Read many values; those that are None or unset stay.

        Raises:
            Misfit: One is no integer.
        """
        with suppress(TypeError, msgspec.MsgspecError):  # not all are plain texts of digits
            joined = ",".join(values)
            found: list[Any] = _WHOLE.decode(f"[{joined}]")
            if len(found) == len(values) and joined.replace(",", "").isdigit():
                return found
        return [value if value is UNSET else _integer(value) for value in values]


def _number(value: Any) -> Any:
    if value is None or type(value) is int:
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise Misfit
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if _NUMBER.fullmatch(text) is None:
            raise Misfit
        return _exact(text)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Decimal) and value.is_finite():
        return value
    raise Misfit


def _exact(text: str) -> int | float | Decimal:
    """Read a number's text without losing a digit of it."""
    if text.lstrip("+-").isdigit():
        return int(text)
    if len(text) > _FLOAT_DIGITS and sum(map(str.isdigit, text)) > _FLOAT_DIGITS:
        return Decimal(text)
    number = float(text)
    if not math.isfinite(number):
        raise Misfit
    return number


def _boolean(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and value in {0, 1}:
        return bool(value)
    if isinstance(value, str):
        text = value.strip().lower()
        if not text:
            return None
        if text in _TRUTHS:
            return _TRUTHS[text]
    raise Misfit


_SCALARS: dict[str, Coercion] = {
    "string": _string,
    "integer": _Integers(),
    "number": _number,
    "boolean": _boolean,
    "null": lambda _value: None,
}


def _array(items: Mapping[str, Any], rules: Rules) -> Coercion:
    convert = coercion(items, rules)
    of_objects = main_type(items) == "object"

    def array(value: Any) -> Any:
        if isinstance(value, list):
            return [convert(item) for item in value]
        if value is None or value == "":
            return None
        if of_objects and isinstance(value, dict):
            return [convert(value)]
        raise Misfit

    return array


def _object(schema: Mapping[str, Any], rules: Rules) -> Coercion:
    fields = {
        name: None if node.get("x-deselected") else coercion(node, rules)
        for name, node in schema.get("properties", {}).items()
    }
    other = schema.get("additionalProperties")
    other_member = coercion(other, rules) if isinstance(other, dict) and other else _untouched
    is_closed = rules.is_closed and bool(fields) and (other is None or other is False)

    def convert(value: Any) -> Any:
        if isinstance(value, dict):
            shaped = {
                name: found(value[name])
                for name, found in fields.items()
                if found is not None and name in value
            }
            for name in () if is_closed else value:
                if name not in fields:
                    shaped[name] = other_member(value[name])
            return shaped
        if value is None or value in ("", []):
            return None if value is None or value == "" else {}
        raise Misfit

    return convert


def _untouched(value: Any) -> Any:
    return value


def _hashed(plain: Coercion, salt: bytes) -> Coercion:
    """Replace a value by the keyed SHA-256 of its text; arrays value by value."""

    def one(value: Any) -> Any:
        if value is None:
            return None
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
        return hmac.new(salt, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def hashed(value: Any) -> Any:
        typed = plain(value)
        return [one(item) for item in typed] if isinstance(typed, list) else one(typed)

    return hashed
