"""Streams beside the triggers: operators' states, the audit log, tracking numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import ClassVar

from tap_infinity.families import Context, InfinityStream, SiteList, igrp_of, stamped
from tap_infinity.triggers import DAY, day_windows, days
from tap_shared.errors import StreamUnavailable
from tap_shared.page import Page
from tap_shared.prefetch import Fence, Node, Step
from tap_shared.stream import WindowRead
from tap_shared.windows import Span, Window

__all__ = ["AuditLogStream", "NumberStream", "OperatorStateStream"]


class OperatorStateStream(InfinityStream):
    """Operators' states: no row id, so offsets inside closed days, totally ordered.

    https://kb.infinity.co/service/api/reports_v2_pbxTriggers.html
    """

    order: ClassVar[Sequence[str]] = ("triggerDatetime", "operatorRef", "operatorState")

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:
        """Read day by day."""
        igrp = igrp_of(context)
        order = tuple(("sort[]", f"{name}-asc") for name in self.order)
        path = f"igrps/{igrp}/pbxUserStateTriggers"
        shape = partial(stamped, igrp=igrp)
        for day in day_windows(span, DAY):
            yield self.tap.client.offsets(path, (*days(day), *order), self.order, shape=shape)
            yield Fence(WindowRead(Window(day.start, min(day.end, span.end))))


class AuditLogStream(InfinityStream):
    """The audit log: knows no dates, so it is filtered by the time of its rows.

    https://kb.infinity.co/service/api/reports_v2_audit.html
    """

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:
        """Read in the order of time, in which later entries come last and move no offset."""
        igrp = igrp_of(context)
        params = (
            ("filter[]", f"dt-ge-value-{span.start:%Y-%m-%d %H:%M:%S}"),
            ("sort[]", "dt-asc"),
            ("sort[]", "_id-asc"),
        )
        shape = partial(stamped, igrp=igrp)
        yield self.tap.client.offsets(f"igrps/{igrp}/audit", params, ("_id",), shape=shape)
        yield Fence(WindowRead(Window(span.start, span.end)))


class NumberStream(SiteList):
    """Tracking numbers, which the vendor lists by dial-in group.

    https://www.infinity.co/service/api/config_v2_numbers.html
    """

    def nodes(self, span: Span, context: Context | None) -> Iterable[Node]:
        """Read the dial-in groups, and behind each page of them the numbers of its groups."""
        igrp = igrp_of(context)
        self._refused: dict[str, StreamUnavailable] = {}
        order = (("sort[]", "dgrp-asc"),)
        groups = self.tap.client.offsets(f"igrps/{igrp}/dgrps", order, ("dgrp",))
        return [
            partial(self._groups, igrp, groups),
            Fence(WindowRead(Window(span.start, span.end))),
        ]

    def _groups(self, igrp: int, groups: Node) -> Step:
        """Read one page of groups, and lead to their numbers and the next page."""
        step = groups() if callable(groups) else Step()
        found = (step.page or Page([])).column("dgrp")
        numbers = [
            partial(self._of_group, dgrp, self._numbers(igrp, dgrp))
            for dgrp in dict.fromkeys(map(str, found))
        ]
        return Step(None, [*numbers, *(partial(self._groups, igrp, node) for node in step.then)])

    def _of_group(self, dgrp: str, node: Node) -> Step:
        """Read numbers of a group; one that is refused does not keep the others back."""
        try:
            step = node() if callable(node) else Step()
        except StreamUnavailable as err:
            self._refused[dgrp] = err
            return Step()
        return Step(step.page, [partial(self._of_group, dgrp, after) for after in step.then])

    def verify(self, read: WindowRead) -> Sequence[Node]:
        """Tell of groups that were refused, once the others are out.

        Raises:
            StreamUnavailable: There are some.
        """
        if self._refused:
            groups, err = ", ".join(self._refused), next(iter(self._refused.values()))
            raise StreamUnavailable(f"numbers of dial-in group {groups}: {err}")
        return super().verify(read)

    def _numbers(self, igrp: int, dgrp: str) -> Node:
        return self.tap.client.offsets(
            f"igrps/{igrp}/dgrps/{dgrp}/numbers",
            tuple(("sort[]", f"{name}-asc") for name in self.order),
            self.order,
            api=self.api,
            shape=partial(stamped, igrp=igrp),
        )
