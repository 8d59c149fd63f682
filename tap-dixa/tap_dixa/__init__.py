"""Singer tap for the Dixa Analytics API."""

import tap_shared.collector  # noqa: F401 - what it sets is to hold while the rest is imported
