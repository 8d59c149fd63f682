"""Parts that are made when first used, once for all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any, Self, TypeVar, overload

__all__ = ["made_once"]

T = TypeVar("T")


class made_once(cached_property[T]):  # noqa: N801 - is used as what it is made from
    """A cached property whose first use may come from several threads at once.

    From Python 3.12 on `functools.cached_property` lets each of them make a value of its own: a
    second login, a second rate limit.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        """Keep what makes the value."""
        super().__init__(make)
        self._making = threading.RLock()

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...

    def __get__(self, instance: object, owner: type[Any] | None = None) -> T | Self:
        """Make the value, or wait for the thread that does; later uses never come here."""
        with self._making:
            return super().__get__(instance, owner)
