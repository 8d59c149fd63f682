"""Singer tap for the CallGear Data API v2.0."""
