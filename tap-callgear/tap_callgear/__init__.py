"""Singer tap for the CallGear Data API v2.0."""

import tap_shared.collector  # noqa: F401 - what it sets is to hold while the rest is imported
