"""Memory that a page took is there for the next one.

glibc gives freed memory back to the system above a size that it learns from the largest block it
has seen freed (https://man7.org/linux/man-pages/man3/mallopt.3.html, `M_MMAP_THRESHOLD`). Before it
has seen one, the rows of each page are given back and asked for again: a tenth of the time.
"""

from __future__ import annotations

__all__ = ["keep_freed_memory"]

_BLOCK = 4 << 20


def keep_freed_memory() -> None:
    """Show the allocator a large block, untouched, and free it; without effect beyond glibc."""
    bytes(_BLOCK)
