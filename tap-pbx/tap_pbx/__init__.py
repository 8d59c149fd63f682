"""Singer tap and target for the PrimeVOX PBX (Call History and CDR API v2)."""

import tap_shared.collector  # noqa: F401 - what it sets is to hold while the rest is imported
