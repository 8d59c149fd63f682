"""Streams of analytics rows: `record_<id>`, one for each record of the catalogue.

`POST /v1/analytics/records`: https://docs.dixa.io/openapi/dixa-api/v1/analytics. The page size and
the POST for following pages: https://github.com/Dixa-public/dixa-mcp-public.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from tap_dixa.families import EDGE, DixaStream, halves_of, instant
from tap_dixa.naming import column_schema, is_personal
from tap_dixa.paging import PageSize, Walk, content, settled
from tap_dixa.rows import RecordShape, record_keys
from tap_shared.coerce import Coercion, Rules, coercion
from tap_shared.conform import EXTRA
from tap_shared.errors import WindowTooLarge
from tap_shared.instants import instant_text
from tap_shared.page import Page
from tap_shared.prefetch import Fence, Job, Node, Step
from tap_shared.stream import WindowRead
from tap_shared.windows import Span, Window, slices

if TYPE_CHECKING:
    from singer_sdk.singerlib import Catalog

    from tap_dixa.tap import TapDixa

__all__ = ["RecordStream"]

_PATH = "/analytics/records"
_UNREAD = frozenset(("value", "fields"))

Context = Mapping[str, Any]


class RecordStream(DixaStream):
    """Rows of one record id, window by window.

    Args:
        tap: The tap.
        name: The stream's name.
        entry: The record's entry of the catalogue.
    """

    primary_keys = ("record_key",)
    replication_key = "window_end"
    bounded = False  # the instant that the period applies to need not be in the row
    is_deduplicated = False  # done here: only for rows that are the same in every respect

    def __init__(self, tap: TapDixa, name: str, entry: Mapping[str, Any]) -> None:
        """Name the columns; nothing is requested."""
        self._entry = entry
        super().__init__(tap, name)
        self._before: set[tuple[str, str]] = set()

    def load_schema(self, name: str | None) -> dict[str, Any]:  # noqa: ARG002 - one file for all
        """Give the fixed columns and one for each field that the catalogue announces."""
        return self._declare(None)

    def apply_catalog(self, catalog: Catalog) -> None:
        """Keep to a catalog's columns: what the vendor announces since is undeclared there."""
        super().apply_catalog(catalog)
        if (entry := catalog.get_stream(self.name)) is not None:
            self.raw_schema = self._declare(entry.schema.to_dict().get("properties", {}))

    def _declare(self, offered: Collection[str] | None) -> dict[str, Any]:
        declared = self.schemas.get_schema("record")
        fixed = declared["properties"]
        self.shape = RecordShape(self._entry, [*fixed, EXTRA], offered)
        announced = {
            column: column_schema(self.shape.fields.get(field, {"field": field}))
            for field, column in self.shape.columns.items()
        }
        about = str(self._entry.get("description") or self.shape.id).strip().rstrip(".")
        return {
            **declared,
            "description": f"{about}; POST /v1{_PATH}.",
            "properties": {**fixed, **announced},
        }

    # Requests

    @cached_property
    def _size(self) -> PageSize:
        return self.page_size(self.tap.settings.page_size)

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:  # noqa: ARG002
        """Read each window as a whole: its rows' keys depend on each other."""
        self._before = set()
        settings = self.tap.settings
        for window in slices(span, settings.window, settings.start_date):
            yield self._job(window)
            yield Fence(WindowRead(window))

    def _job(self, window: Window) -> Job:
        return partial(self._read_window, window)

    def _read_window(self, window: Window) -> Step:
        walk = Walk(partial(self._ask, window), self._size, f"POST /v1{_PATH}")
        try:
            page = settled(walk.whole, self.shape.identity)
        except WindowTooLarge as err:
            return Step(None, [self._job(half) for half in halves_of(window, err)])
        return Step(self._page(page, window))

    def _ask(self, window: Window, params: Iterable[tuple[str, str]]) -> Page:
        body: dict[str, Any] = {
            "id": self.shape.id,
            "timezone": self.tap.config["timezone"],
            "periodFilter": {
                "_type": "Interval",
                "start": instant(window.start - EDGE),
                "end": instant(window.end + EDGE),
            },
        }
        if self.tap.default_filters:
            body["filters"] = self.tap.default_filters
        return self.tap.client.post(_PATH, body, tuple(params), is_window=True)

    def _page(self, read: Page, window: Window) -> Page:
        rows = read.rows
        keys = record_keys(rows, self.shape)
        unfolded = [self.shape.unfold(row) for row in rows]
        edges = {
            "window_start": instant_text(window.start),
            "window_end": instant_text(window.end),
        }
        page = Page(
            [{"record_key": k, **u.row, **edges} for k, u in zip(keys, unfolded, strict=True)],
            size=read.size,
        )
        page.facts["marks"] = [(k, content(row)) for k, row in zip(keys, rows, strict=True)]
        page.facts["spare"] = [u.spare for u in unfolded]
        return page

    # Records

    def shape_page(self, page: Page) -> list[Any]:
        """Shape the rows, but for those that the window before had at the shared edge."""
        marks, spare = page.facts["marks"], page.facts["spare"]
        fresh = [place for place, mark in enumerate(marks) if mark not in self._before]
        self._before = set(marks)
        page.rows = [page.rows[place] for place in fresh]
        records = super().shape_page(page)
        for record, place in zip(records, fresh, strict=True):
            self._add(record, spare[place])
            self._hide(record)
        return records

    def _add(self, record: dict[str, Any], spare: Mapping[str, Any]) -> None:
        """Put values whose name a column has already into `_extra`."""
        for name, value in spare.items():
            self.conformer.undeclared[name] += 1
            if self.conformer.keeps_extra:
                extra = record.setdefault(EXTRA, {})
                extra[name] = [extra[name], value] if name in extra else value

    def _hide(self, record: dict[str, Any]) -> None:
        """Treat undeclared fields with personal data as declared ones are treated.

        The row's own value and the labels inside of what was kept as it came are such data, too.
        """
        extra = record.get(EXTRA)
        if self.tap.settings.pii == "keep" or not extra:
            return
        for name, value in extra.items():
            if name in _UNREAD or is_personal(name):
                extra[name] = self._hidden(value if isinstance(value, str) else content(value))
            else:
                extra[name] = self._unlabelled(value)

    def _unlabelled(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._unlabelled(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            name: self._hidden(part if isinstance(part, str) else content(part))
            if name == "label" and part is not None
            else self._unlabelled(part)
            for name, part in value.items()
        }

    @cached_property
    def _hidden(self) -> Coercion:
        settings = self.tap.settings
        text = {"type": ["string", "null"], "x-pii": True}
        return coercion(text, Rules(self.zone, settings.pii, settings.pii_salt.encode()))
