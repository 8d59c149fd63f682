"""One JSON Schema per stream."""
