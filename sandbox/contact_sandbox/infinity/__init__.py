"""Imitation of Infinity's Reports and Config API, v2 (Basic) and v2.1 (ApiKey)."""
