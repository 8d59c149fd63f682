"""The kinds of Infinity streams: lists, triggers, and what is read along the triggers.

A kind says how its requests are made; `streams.py` only declares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.schema.source import SchemaDirectory

from tap_infinity import schemas
from tap_shared.fields import drop
from tap_shared.page import Page
from tap_shared.prefetch import Fence, Node
from tap_shared.stream import ApiStream, WindowRead
from tap_shared.windows import Span, Window

if TYPE_CHECKING:
    from tap_infinity.tap import TapInfinity

__all__ = ["AccountList", "Context", "InfinityStream", "SiteList", "igrp_of", "stamped"]

Context = Mapping[str, Any]


def stamped(page: Page, igrp: int) -> Page:
    """Write the installation of the request into every row.

    Rows of one list spell it now `igrp`, now `igrpId`, or leave it out
    (https://kb.infinity.co/service/api/reports_v2_channels.html).
    """
    page.write("igrp", repeat(igrp))
    again = page.column("igrpId")
    if again.count(None) < len(again):
        for row, value in zip(page.rows, again, strict=True):
            if str(value) == str(igrp):
                drop(row, "igrpId")
    return page


class InfinityStream(ApiStream):
    """What the streams of an installation share: one state partition for each."""

    schemas = SchemaDirectory(schemas)
    tap: TapInfinity

    @property
    def partitions(self) -> list[dict[str, Any]] | None:
        """The installations."""
        return [{"igrp": igrp} for igrp in self.tap.client.igrps]


class SiteList(InfinityStream):
    """A small list of an installation, read whole by offset.

    Attributes:
        path: Path below the version; `{igrp}` is the installation.
        api: `reports` or `config`.
        order: Columns of a total order.
    """

    path: ClassVar[str]
    api: ClassVar[str] = "reports"
    order: ClassVar[Sequence[str]]

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:
        """Read to an empty page; ties have no order of their own, so all pages are sorted."""
        return [*self._pages(igrp_of(context)), _end(span)]

    def _pages(self, igrp: int) -> Iterator[Node]:
        yield self.tap.client.offsets(
            self.path.format(igrp=igrp),
            tuple(("sort[]", f"{name}-asc") for name in self.order),
            self.order,
            api=self.api,
            shape=partial(stamped, igrp=igrp),
        )


class AccountList(SiteList):
    """A list of the whole login, of no installation in particular."""

    @property
    def partitions(self) -> None:
        """None: one list for the login."""
        return

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read to an empty page."""
        order = tuple(("sort[]", f"{name}-asc") for name in self.order)
        return [self.tap.client.offsets(self.path, order, self.order, api=self.api), _end(span)]


def igrp_of(context: Context | None) -> int:
    """Give the installation of a partition."""
    found: int = (context or {})["igrp"]
    return found


def _end(span: Span) -> Fence:
    return Fence(WindowRead(Window(span.start, span.end)))
