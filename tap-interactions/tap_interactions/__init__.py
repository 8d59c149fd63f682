"""Singer tap for the MotionCX Reporting API."""

import tap_shared.collector  # noqa: F401 - what it sets is to hold while the rest is imported
