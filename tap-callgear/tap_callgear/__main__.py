"""Run the tap: `python -m tap_callgear`."""

from tap_callgear.tap import TapCallGear

TapCallGear.cli()
