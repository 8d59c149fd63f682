"""The streams' schemas, one JSON file each."""
