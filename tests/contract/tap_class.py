"""The class of a tap, by the name of its package."""

from __future__ import annotations

import importlib
from typing import Any


def tap_class(module: str) -> Any:
    """Give the tap that a package holds: the one class with streams of its own."""
    found = importlib.import_module(f"{module}.tap")
    base = importlib.import_module("tap_shared.tap").ApiTap
    return next(
        item
        for item in vars(found).values()
        if isinstance(item, type) and issubclass(item, base) and item is not base
    )
