"""Which settings are a tap's credentials, and which taps have theirs in the environment."""

from __future__ import annotations

import os

from dotenv import dotenv_values

from dev.layout import ROOT

# For each tap the ways to log in; each way is the settings that it needs.
LOGINS: dict[str, tuple[tuple[str, ...], ...]] = {
    "tap-callgear": (("access_token",), ("login", "password")),
    "tap-dixa": (("api_token",),),
    "tap-infinity": (("api_key",), ("username", "password")),
    "tap-interactions": (("api_key",),),
    "tap-pbx": (("api_key", "container_id"),),
}


def environment() -> dict[str, str]:
    """Return the environment with what `.env` adds; the environment itself wins."""
    from_file = {name: value or "" for name, value in dotenv_values(ROOT / ".env").items()}
    return {**from_file, **os.environ}


def variable(tap: str, setting: str) -> str:
    """Return the environment variable of a tap's setting."""
    return f"{tap}_{setting}".replace("-", "_").upper()


def has_credentials(tap: str, variables: dict[str, str]) -> bool:
    """Tell whether any login setting of the tap is set: a half set one is for the tap to refuse."""
    return any(variables.get(variable(tap, name)) for way in LOGINS[tap] for name in way)


def logins_text(tap: str) -> str:
    """Return the ways to log in as a phrase of environment variables."""
    ways = [" and ".join(variable(tap, name) for name in way) for way in LOGINS[tap]]
    return ", or ".join(ways)
