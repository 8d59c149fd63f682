"""A tap on singer-python: requests, its Transformer, and its messages one by one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import singer  # type: ignore[import-not-found]

# Asks and decodes as the floor does, which is kinder than `response.json()`.
from limit import VENDORS, Vendor, pages  # type: ignore[import-not-found]


def main(options: dict[str, Any]) -> None:
    """Read page after page; transform and write each row."""
    vendor: Vendor = VENDORS[options["shape"]](options)
    schema = json.loads(Path(options["schema_file"]).read_text(encoding="utf-8"))
    singer.write_schema("rows", schema, options["keys"])
    with singer.Transformer() as transformer:
        for page in pages(vendor, (options["first"], options["last"])):
            for row in page.rows:
                if options["shape"] == "dixa":  # the bracket is no date to it
                    row["activityTimestamp"] = row["activityTimestamp"].removesuffix("[GMT]")
                singer.write_record("rows", transformer.transform(row, schema))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
