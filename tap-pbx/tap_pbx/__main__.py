"""Run the tap: `python -m tap_pbx`."""

from tap_pbx.tap import TapPBX

TapPBX.cli()
