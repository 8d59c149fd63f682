"""Singer tap and target for the PrimeVOX PBX (Call History and CDR API v2)."""
