"""Many failures in one line: each reason once."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

__all__ = ["by_reason", "labelled"]

_MOST = 5


def labelled(stream: str, partition: Mapping[str, Any] | None = None) -> str:
    """Name a stream, and its partition where it has some: `'calls' (igrp 101)`."""
    part = ", ".join(f"{name} {value}" for name, value in (partition or {}).items())
    return f"'{stream}' ({part})" if part else f"'{stream}'"


def by_reason(failures: Mapping[str, str]) -> str:
    """Give each reason once, behind all that it holds for; the rarest are only named.

    Args:
        failures: Label -> its reason, a sentence.
    """
    found: dict[str, list[str]] = {}
    for label, why in failures.items():
        found.setdefault(why, []).append(label)
    told = [f"{', '.join(labels)}: {why}" for why, labels in found.items()][:_MOST]
    rest = list(chain.from_iterable([*found.values()][_MOST:]))
    return " ".join([*told, *([f"Others too: {', '.join(rest)}."] if rest else [])])
