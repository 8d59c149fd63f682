"""The catalogue: which records and metrics an organisation has, and what a filter can be.

`GET /v1/analytics/records`, `/metrics` and `/filter/{filterAttribute}`:
https://docs.dixa.io/openapi/dixa-api/v1/analytics. `catalogue.json` holds the ids that are public.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from singer_sdk.singerlib import Catalog as SingerCatalog

from tap_dixa.client import DixaClient, Rejected
from tap_dixa.paging import SMALL_PAGE, PageSize, Walk
from tap_shared.errors import CredentialsRefused, StreamFailed, StreamUnavailable, TapError

__all__ = ["Catalogue", "FilterValues", "filter_walk", "filters_of", "kinds_of", "measures_of"]

KINDS = ("records", "metrics")
_NO_RIGHT = (
    "Dixa refuses the catalogue of analytics (HTTP 403): the API token's user lacks the right. Have"
    " it given, or set static_catalogue."
)
_VALUES = "analytics_filter_values"  # of the attributes that both list

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Entries of both catalogues, in the vendor's order.

    Attributes:
        records: Record ids with their filters and fields.
        metrics: Metric ids with their filters and measures.
        is_live: Whether the vendor gave it: of published ids the filters are not all known.
        is_whole: Whether both were read.
        unread: Those that could not be read, and why.
    """

    records: Sequence[Entry]
    metrics: Sequence[Entry]
    is_live: bool = True
    is_whole: bool = True
    unread: Mapping[str, TapError] = field(default_factory=dict)

    @classmethod
    def static(cls) -> Catalogue:
        """Give the published ids."""
        text = files("tap_dixa").joinpath("catalogue.json").read_text("utf-8")
        known = json.loads(text)
        return cls(known["records"], known["metrics"], is_live=False)

    @classmethod
    def read(
        cls, client: DixaClient, warn: Callable[[str], None], kinds: Collection[str]
    ) -> Catalogue:
        """Ask the vendor, all pages.

        Args:
            client: The organisation's API.
            warn: Where a page size that is refused is told.
            kinds: Which of `records` and `metrics` are needed.

        Raises:
            CredentialsRefused: The token's user lacks the right.
            TapError: The vendor does not answer, or no request may be sent any more.
        """
        found: dict[str, Sequence[Entry]] = dict.fromkeys(KINDS, ())
        unread: dict[str, TapError] = {}
        for kind in kinds:
            try:
                found[kind] = _entries(client, kind, warn)
            except (StreamFailed, StreamUnavailable) as err:
                unread[kind] = err
        is_whole = len(kinds) == len(KINDS) and not unread
        return cls(found["records"], found["metrics"], is_whole=is_whole, unread=unread)

    @property
    def attributes(self) -> list[str]:
        """Every filter attribute that a record or metric lists."""
        listed = [name for entry in (*self.metrics, *self.records) for name in filters_of(entry)]
        return list(dict.fromkeys(listed))


def kinds_of(catalog: SingerCatalog | None) -> Collection[str]:
    """Give the catalogues that the streams selected in a Singer catalog are made after."""
    if not catalog:
        return KINDS
    entries = catalog.items()
    chosen = {n for n, each in entries if each.metadata.resolve_selection().get((), True)}
    if _VALUES in chosen:
        return KINDS
    return [kind for kind in KINDS if any(name.startswith(f"{kind[:-1]}_") for name in chosen)]


def _entries(client: DixaClient, kind: str, warn: Callable[[str], None]) -> list[Entry]:
    path = f"/analytics/{kind}"
    size = PageSize(client.most(SMALL_PAGE), warn)
    walk = Walk(partial(client.get, path), size, f"GET /v1{path}")
    try:
        rows = [row for page in walk.whole() for row in page.rows]
    except Rejected as refusal:
        if refusal.status != 403:
            raise
        raise CredentialsRefused(_NO_RIGHT) from None
    named = {row["id"]: row for row in reversed(rows) if isinstance(row.get("id"), str)}
    return list(reversed(named.values()))


def filters_of(entry: Entry) -> list[str]:
    """Give the filter attributes that a record or metric honours."""
    return _names(entry.get("filters"), "filterAttribute")


def measures_of(entry: Entry) -> list[str]:
    """Give the measures that a metric offers."""
    return _names(entry.get("aggregations"), "measure")


def _names(listed: Any, member: str) -> list[str]:
    rows: Iterable[Any] = listed if isinstance(listed, list) else ()
    found = [row.get(member) for row in rows if isinstance(row, dict)]
    return [name for name in found if isinstance(name, str) and name]


def filter_walk(client: DixaClient, attribute: str, warn: Callable[[str], None]) -> Walk:
    """Give the way through the values of a filter attribute."""
    path = f"/analytics/filter/{quote(attribute, safe='')}"
    size = PageSize(client.most(SMALL_PAGE), warn)
    return Walk(partial(client.get, path), size, f"GET /v1{path}")


class FilterValues:
    """The values of filter attributes, asked for once a run.

    Args:
        client: The organisation's API.
        warn: Where a page size that is refused is told.
    """

    def __init__(self, client: DixaClient, warn: Callable[[str], None]) -> None:
        """Begin with none known."""
        self._client = client
        self._warn = warn
        self._known: dict[str, dict[str, str | None]] = {}
        self._lock = threading.Lock()

    def of(self, attribute: str) -> Mapping[str, str | None]:
        """Give an attribute's values with their labels, spelt as the vendor spells them.

        Raises:
            Rejected: The vendor knows no such attribute.
            TapError: Whatever else the error table says.
        """
        with self._lock:
            if attribute not in self._known:
                pages = filter_walk(self._client, attribute, self._warn).whole()
                rows = [row for page in pages for row in page.rows]
                self._known[attribute] = {
                    str(row["value"]): row.get("label") for row in rows if row.get("value")
                }
            return self._known[attribute]
