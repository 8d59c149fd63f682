"""The streams' schemas, one JSON file each; all trigger streams share `trigger.json`."""
