"""Infinity's transport: credentials and versions, page sizes, lists by offset, the error table.

Facts of the vendor: https://kb.infinity.co/service/api/reports_v2_basics.html and
https://kb.infinity.co/service/api/v2.1_authorisation.html unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, Any

from tap_infinity.lines import Lines, no_row, told
from tap_infinity.page_limit import LimitTooHigh, PageLimit, is_of_limit
from tap_shared.auth import basic, header
from tap_shared.errors import CredentialsRefused, PleaseRetry, StreamFailed, StreamUnavailable
from tap_shared.http import Reply, Request, gateway_faults
from tap_shared.once import made_once
from tap_shared.page import Page
from tap_shared.pagination import OffsetPaginator, walk
from tap_shared.prefetch import Job

if TYPE_CHECKING:
    from tap_infinity.tap import TapInfinity

__all__ = ["InfinityClient", "Params"]

Params = tuple[tuple[str, str], ...]

_METRICS_LIMIT = 1_000
_OF_SIZE = frozenset({400, 413, 422})
_VOIDS, _FEWER_VOIDS = 3, 2
_MOST_REPEATS = 2


class InfinityClient:
    """One login's API.

    Attributes:
        rows: The page size of all that is paged.
        metrics: The page size of reports that cannot be paged, so that it must exceed their rows.

    Args:
        tap: The tap, for its settings.
    """

    def __init__(self, tap: TapInfinity) -> None:
        """Choose version and credentials; nothing is sent yet."""
        config = tap.config
        key = (config.get("api_key") or "").strip()
        self.version = config.get("api_version") or ("v2.1" if key else "v2")
        if key:
            credentials = header("Authorization", f"ApiKey {key}")
        else:
            credentials = basic(config["username"], config["password"])
        self._tap = tap
        self.transport = tap.transport(credentials, self._faults)
        self.rows = PageLimit(tap.settings.page_size, tap.logger)
        self.metrics = PageLimit(max(_METRICS_LIMIT, tap.settings.page_size), tap.logger)
        self._has_blanks = self._has_voids = False

    # Requests

    def request(self, path: str, params: Params, api: str = "reports") -> Request:
        """Give a request; array arguments are spelt with their brackets."""
        return Request(f"GET {path}", f"/{api}/{self.version}/{path}", params=params)

    def believe(self, *, is_blank: bool, times: int) -> None:
        """Check an answer without rows: what has not a blank line either may have lost its rows.

        Args:
            is_blank: Whether it is a blank line, as documented.
            times: How often this request has been answered so.

        Raises:
            PleaseRetry: It must come again to be believed.
        """
        self._has_blanks = self._has_blanks or is_blank
        enough = _FEWER_VOIDS if self._has_voids and not self._has_blanks else _VOIDS
        if is_blank or times >= min(enough, self.transport.limits.attempts):
            self._has_voids = self._has_voids or not is_blank
            return
        msg = "the answer is empty, and no blank line as answers without rows are"
        raise PleaseRetry(msg, after=None if self._has_blanks else 0)

    def read(self, request: Request, keys: Collection[str], *, is_paged: bool = True) -> Page:
        """Read a whole answer.

        Args:
            request: What to ask.
            keys: Columns of which every row has one at least.
            is_paged: Whether a further request would show that rows were cut off; where none
                follows, a last line without its line break must come twice to be believed.
        """
        unended: set[int] = set()
        parse = partial(_page, keys=keys, unended=None if is_paged else unended)
        times = count(1)

        def read(reply: Reply) -> Page:
            page = parse(reply)
            if not page.rows:
                self.believe(is_blank=page.facts["is_blank"], times=next(times))
            return page

        return self.transport.send(request, read)

    def offsets(
        self,
        path: str,
        params: Params,
        keys: Sequence[str],
        *,
        api: str = "reports",
        shape: Callable[[Page], Page] = lambda page: page,
    ) -> Job:
        """Give the job that reads a list by offset, to its end.

        Args:
            path: Path below the version.
            params: Query pairs, with a total order.
            keys: Columns that tell rows apart, for the guard against an offset not heeded.
            api: `reports` or `config`.
            shape: Finishes each page.
        """

        def fetch(offset: int) -> Page:
            return shape(self.rows.use(partial(page_at, offset)))

        def page_at(offset: int, limit: int) -> Page:
            paging = (("limit", str(limit)), ("offset", str(offset)))
            return self.read(self.request(path, (*params, *paging), api), keys)

        return walk(fetch, _HeededOffset(path, keys))

    @made_once
    def igrps(self) -> list[int]:
        """The installations: those that are set, else all that the login sees.

        Raises:
            StreamUnavailable: There is none.
        """
        if chosen := self._tap.config.get("igrp_ids"):
            return list(dict.fromkeys(map(int, chosen)))
        found: list[int] = []
        todo = [self.offsets("igrps", (("sort[]", "igrp-asc"),), ("igrp",))]
        while todo:
            step = todo.pop()()
            found += [_id(igrp) for igrp in step.page.column("igrp")] if step.page else []
            todo += [node for node in step.then if callable(node)]
        if not found:
            msg = "the login sees no installation; give its user access to one, or set igrp_ids."
            raise StreamUnavailable(msg)
        return list(dict.fromkeys(found))

    # Errors

    def _faults(self, reply: Reply) -> None:
        """Raise for every answer that is no success.

        Bodies of errors are JSON strings; only these, shortened, are passed on.
        """
        status = reply.status
        if status < HTTPStatus.MULTIPLE_CHOICES:
            return
        gateway_faults(reply)
        said = self._tap.redact(told(reply.body))
        quoted = f' ("{said}")' if said else ""
        if status == HTTPStatus.UNAUTHORIZED:
            raise CredentialsRefused(self._unauthorized(quoted))
        if status == HTTPStatus.FORBIDDEN:
            msg = f"the vendor refuses it to this login{quoted}: its user needs the permission."
            raise StreamUnavailable(msg)
        if status == HTTPStatus.NOT_FOUND:
            raise StreamUnavailable(self._not_found(quoted))
        if status in _OF_SIZE and is_of_limit(said):
            msg = f"the vendor refuses the page size{quoted}; set a smaller page_size."
            raise LimitTooHigh(msg)
        msg = f"the vendor refuses the request{quoted} (HTTP {status}{reply.reference})."
        raise StreamFailed(msg)

    def _unauthorized(self, quoted: str) -> str:
        has_key = bool((self._tap.config.get("api_key") or "").strip())
        usual = "v2.1" if has_key else "v2"
        wrong = "" if self.version == usual else f"; with this login api_version is {usual}"
        what = "api_key" if has_key else "username and password"
        return f"Infinity refuses the credentials{quoted}: check {what}{wrong}."

    def _not_found(self, quoted: str) -> str:
        hint = (
            ' If it exists, Infinity may serve it in version 2 only: try api_version "v2".'
            if self.version == "v2.1"
            else ""
        )
        return f"the vendor knows no such route or installation{quoted}.{hint}"


class _HeededOffset(OffsetPaginator):
    """Offsets, ended with an error where pages have only rows that were there before.

    One such page proves nothing: a row that arrives meanwhile moves the others on by a place.
    """

    def __init__(self, what: str, keys: Sequence[str]) -> None:
        super().__init__(0, what)
        self._keys = keys
        self._rows: set[tuple[str, ...]] = set()
        self._repeats = 0

    def get_next(self, response: Any) -> int | None:
        columns = [map(str, response.column(key)) for key in self._keys]
        known = len(self._rows)
        self._rows.update(zip(*columns, strict=True))
        self._repeats = self._repeats + 1 if len(self._rows) == known else 0
        if self._repeats >= _MOST_REPEATS:
            msg = (
                f"{self._what}: pages repeat rows of earlier ones, so the vendor did not heed"
                " the offset; nothing past it was read."
            )
            raise StreamFailed(msg)
        return super().get_next(response)


def _page(reply: Reply, keys: Collection[str], unended: set[int] | None) -> Page:
    """Read all rows of an answer.

    Args:
        reply: The answer.
        keys: Columns of which every row has one at least.
        unended: Sizes of answers that came without their last line break; None where they pass.

    Raises:
        PleaseRetry: It broke off, or holds something else than rows.
    """
    rows = []
    lines, size = Lines(reply.blocks()), 0
    while True:
        taken = lines.take()
        if taken.trouble is not None:
            raise taken.trouble
        rows += taken.rows
        size += taken.size
        if taken.is_last:
            break
    if not taken.is_terminated and unended is not None and size not in unended:
        unended.add(size)
        msg = "the answer's last line has no end"
        raise PleaseRetry(msg, after=0)
    for row in rows:
        if "igrp" not in row and "igrpId" in row:
            row["igrp"] = row.pop("igrpId")
        if all(row.get(key) is None for key in keys):
            raise no_row(row, keys)
    return Page(rows, size=size, facts={"is_blank": taken.is_blank})


def _id(value: Any) -> int:
    """Read an installation's id.

    Raises:
        StreamFailed: It is no whole number.
    """
    try:
        return int(value)
    except (TypeError, ValueError):
        msg = "the vendor lists an installation without a usable igrp; set igrp_ids."
        raise StreamFailed(msg) from None
