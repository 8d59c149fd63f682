"""The streams' schemas, one JSON file each; `record` and `metric` serve many streams."""
