"""The table at the end of a sync."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dev.pipeline import Outcome

    Rows = Mapping[str, Mapping[str, int] | None]

HEADS = ("tap", "stream", "rows in the warehouse", "rows this run", "bookmark")


def table(outcomes: Sequence[Outcome], rows: Rows) -> str:
    """Return one line for each stream: rows in the warehouse, rows this run, bookmark."""
    lines = [HEADS]
    for outcome in outcomes:
        there = rows[outcome.tap]
        streams = {*outcome.read, *outcome.bookmarks, *(there or {})}
        lines += [
            (
                outcome.tap,
                stream,
                "?" if there is None else f"{there.get(stream, 0):,}",
                f"{outcome.read.get(stream, 0):,}",
                bookmark(outcome.bookmarks.get(stream, {})),
            )
            for stream in sorted(streams)
        ]
    return "\n".join(_aligned(lines)) + "\n"


def bookmark(state: Mapping[str, Any]) -> str:
    """Return a stream's watermark; with partitions the earliest and their number."""
    parts = [state, *state.get("partitions", ())]
    values = sorted(
        str(part["replication_key_value"]) for part in parts if part.get("replication_key_value")
    )
    if not values:
        return "-"
    return values[0] if len(values) == 1 else f"{values[0]} (earliest of {len(values)})"


def overview(outcomes: Sequence[Outcome], rows: Rows) -> str:
    """Return what all taps read together, against what the warehouse holds."""
    read = sum(sum(outcome.read.values()) for outcome in outcomes)
    counted = [found for found in rows.values() if found is not None]
    text = f"Read {read:,} rows this run"
    if counted:
        held = sum(sum(found.values()) for found in counted)
        share = f" ({100 * read / held:.1f} %)" if held else ""
        text += f"; the warehouse holds {held:,}{share}"
    failed = [outcome.tap for outcome in outcomes if outcome.code]
    ending = f" Failed: {', '.join(failed)}." if failed else ""
    return f"{text}.{ending}"


def _aligned(lines: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the lines with aligned columns, numbers to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADS))]
    numbers = {2, 3}
    aligned = [
        "  ".join(
            cell.rjust(widths[i]) if i in numbers else cell.ljust(widths[i])
            for i, cell in enumerate(line)
        ).rstrip()
        for line in lines
    ]
    return [aligned[0], "  ".join("-" * width for width in widths), *aligned[1:]]
