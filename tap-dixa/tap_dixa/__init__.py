"""Singer tap for the Dixa Analytics API."""
