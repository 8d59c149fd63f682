"""Run the tap: `python -m tap_interactions`."""

from tap_interactions.tap import TapInteractions

TapInteractions.cli()
