"""The private parts of the SDK that are replaced, and the one place that decides whether they are.

Reading by the page needs names that the SDK does not promise to keep. They were verified with one
minor version; on any other the SDK's own loop over records runs, through its public `get_records`:
slower, with the same records and watermarks.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version

from singer_sdk import Tap
from singer_sdk.streams.core import Stream

__all__ = ["HOOKS", "VERIFIED", "is_verified"]

VERIFIED = "0.54"

HOOKS: Mapping[type, tuple[str, ...]] = {
    Stream: (
        "_generate_schema_messages",
        "_increment_stream_state",
        "_sync_batches",
        "_sync_records",
    ),
    Tap: ("_handle_termination", "sync_all"),
}
"""Names that are overridden or used, by the class that has them."""


@cache
def is_verified() -> bool:
    """Tell whether the installed SDK is the one whose private parts are known."""
    return version("singer-sdk").startswith(f"{VERIFIED}.") and all(
        hasattr(owner, name) for owner, names in HOOKS.items() for name in names
    )
