"""`python -m tap_shared.backfill` is `tap-backfill`."""

from __future__ import annotations

from tap_shared.backfill.command import main

if __name__ == "__main__":
    main(prog_name="tap-backfill")
