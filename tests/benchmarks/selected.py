"""Prints a tap's catalog with one stream selected: `tap-x stream config.json`.

A process of its own, as large catalogs would count as the memory of what is started later.
"""

from __future__ import annotations

import json
import subprocess
import sys


def main(tap: str, stream: str, config: str) -> int:
    """Discover, select and print."""
    command = [sys.executable, "-m", tap.replace("-", "_"), "--config", config, "--discover"]
    found = subprocess.run(command, check=False, stdout=subprocess.PIPE)
    if not found.returncode:
        catalog = json.loads(found.stdout)
        for entry in catalog["streams"]:
            for item in entry["metadata"]:
                if not item["breadcrumb"]:
                    item["metadata"]["selected"] = entry["tap_stream_id"] == stream
        json.dump(catalog, sys.stdout)
    return found.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
