"""Singer tap for the MotionCX Reporting API."""
