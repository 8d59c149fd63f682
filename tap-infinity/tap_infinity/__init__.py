"""Singer tap for Infinity call tracking (Reports API v2 and v2.1)."""

import tap_shared.collector  # noqa: F401 - what it sets is to hold while the rest is imported
