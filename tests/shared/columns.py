"""Reads BATCH files as the SDK's loaders do, and says what a Parquet file has to give back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

from singer_sdk.helpers._batch import BaseBatchFileEncoding
from singer_sdk.sinks.core import Sink

from tests.contract.truth import main_type

__all__ = ["as_columns", "is_announced", "loaded"]


def loaded(encoding: Mapping[str, Any], manifest: Sequence[str]) -> list[dict[str, Any]]:
    """Give the records that the SDK's base class of loaders makes of a BATCH message."""
    found: list[dict[str, Any]] = []
    loader = SimpleNamespace(
        batch_config=None,
        record_counter_metric=SimpleNamespace(increment=lambda _count: None),
        process_batch=lambda context: found.extend(context["records"]),
    )
    read = BaseBatchFileEncoding.from_dict(dict(encoding))
    Sink.process_batch_files(cast("Any", loader), read, manifest)
    return found


def as_columns(node: Mapping[str, Any], value: Any) -> Any:
    """Give a value in the form of columns: null for what is absent, numbers exactly.

    A number is what its JSON text says, also where a float holds it.
    """
    kind = main_type(node)
    if kind == "object" and value is not None:
        members = node["properties"].items()
        return {name: as_columns(child, value.get(name)) for name, child in members}
    if kind == "array" and value is not None:
        return [as_columns(node["items"], item) for item in value]
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return value
    return Decimal(str(value))


def is_announced(node: Mapping[str, Any], value: Any) -> bool:
    """Tell whether a schema has a place for everything in a value."""
    kind = main_type(node)
    if kind == "object" and value is not None:
        members = node.get("properties", {})
        return value.keys() <= members.keys() and all(
            is_announced(members[name], value[name]) for name in value
        )
    if kind == "array" and value is not None:
        return all(is_announced(node["items"], item) for item in value)
    return True
