"""Singer tap for Infinity call tracking (Reports API v2 and v2.1)."""
