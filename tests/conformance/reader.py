"""Reads a tap's messages with singer-python; runs in an environment that has nothing else.

python reader.py messages.jsonl catalog.json
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import singer  # type: ignore[import-not-found]
from singer.catalog import Catalog  # type: ignore[import-not-found]
from singer.transform import Transformer  # type: ignore[import-not-found]


def main(messages: str, catalog: str) -> None:
    """Parse every line, transform every record by its schema; print what there was."""
    selected = {
        entry.tap_stream_id for entry in Catalog.load(catalog).streams if entry.is_selected()
    }
    schemas: dict[str, Any] = {}
    counts: Counter[str] = Counter()
    with Path(messages).open(encoding="utf-8") as lines, Transformer() as transformer:
        for line in lines:
            message = singer.parse_message(line)
            if message is None:
                raise SystemExit(f"unknown message: {line[:80]}")
            if isinstance(message, singer.SchemaMessage):
                schemas[message.stream] = message.schema
            elif isinstance(message, singer.RecordMessage):
                before = dict(message.record)
                after = transformer.transform(message.record, schemas[message.stream])
                lost = [name for name in before if name not in after]
                if lost:
                    raise SystemExit(f"{message.stream}: {lost} did not come through")
            counts[type(message).__name__] += 1
    if not schemas.keys() <= selected:
        raise SystemExit(f"not selected: {sorted(schemas.keys() - selected)}")
    sys.stdout.write("".join(f"{name} {count}\n" for name, count in sorted(counts.items())))


if __name__ == "__main__":
    main(*sys.argv[1:])
