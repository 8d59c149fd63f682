"""Read ahead: requests run side by side, their pages come out in order.

Work is an ordered list of nodes. A job is one request; it gives a page and, where the page tells
that more is to be read, the jobs that follow it, which take their place right behind it. A fence is
a point between jobs that the reader reaches in order (the end of a window). The order of what comes
out is the order of the list, whatever finishes first, so it does not depend on the concurrency.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tap_shared.page import Page

__all__ = ["Fence", "Job", "Lead", "Node", "ReadAhead", "Step"]

_COMMON = 2 << 20
_SMALLEST = 4096  # bytes that a page of no rows takes all the same


@dataclass(slots=True)
class Step:
    """What a job gives.

    Attributes:
        page: The rows of its answer; None where it only leads to other jobs.
        then: Nodes that come right after it.
    """

    page: Page | None = None
    then: Sequence[Node] = ()


Job = Callable[[], Step]


@dataclass(frozen=True, slots=True)
class Fence:
    """A point that is reached when all before it has been emitted.

    Attributes:
        what: What ends here, for the reader (usually a window's record).
    """

    what: Any = None


@dataclass(frozen=True, slots=True)
class Lead:
    """A job that tells what comes after all that stands before it, as the first of a window does.

    It starts while the last jobs before it still wait, so that the line never runs dry; its page
    comes out in its place.

    Attributes:
        job: The job.
    """

    job: Job

    def __call__(self) -> Step:
        """Run the job."""
        return self.job()


Node = Job | Fence


@dataclass(eq=False, slots=True)
class _Entry:
    node: Node
    started: bool = False
    done: bool = False
    page: Page | None = None
    error: BaseException | None = None
    size: int = 0


@dataclass(slots=True)
class ReadAhead:
    """A bounded, ordered read-ahead over nodes.

    Args:
        width: Most jobs that run at once; if it is one, nothing is read ahead.
        buffer_bytes: Bytes of finished pages, not yet emitted, above which no further job starts
            (but for the one whose turn it is); 0 for a page of common size per job.
    """

    width: int
    buffer_bytes: int = 0
    _entries: deque[_Entry] = field(default_factory=deque)
    _change: threading.Condition = field(default_factory=threading.Condition)
    _source: Iterator[Node] = field(default_factory=lambda: iter(()))
    _running: int = 0
    _buffered: int = 0
    _waiting: int = 0
    _leads: deque[_Entry] = field(default_factory=deque)
    _closed: bool = False

    def begin(self, nodes: Iterable[Node]) -> None:
        """Start jobs before anybody reads; what goes wrong is told to the reader.

        Where only one may run at once, it waits for its turn.
        """
        self._source = iter(nodes)
        with self._change:
            self._start_more()

    def run(self, nodes: Iterable[Node] | None = None) -> Iterator[Page | Fence]:
        """Give pages and fences in order; an error comes out where its page would have been.

        Args:
            nodes: The work; None where it has begun.
        """
        if nodes is not None:
            self._source = iter(nodes)
        try:
            while (entry := self._head()) is not None:
                if isinstance(entry.node, Fence):
                    yield entry.node
                elif entry.page is not None:
                    yield entry.page
                    entry.page = None
        finally:
            self.close()

    def push(self, nodes: Sequence[Node]) -> None:
        """Put nodes before all that is still to come; for the reader, at a fence."""
        with self._change:
            self._entries.extendleft([self._entry(node) for node in reversed(nodes)])

    def close(self) -> None:
        """Start nothing more; what runs is left to end by itself."""
        with self._change:
            self._closed = True
            self._entries.clear()

    def _head(self) -> _Entry | None:
        """Wait for the next entry in order and take it off the list."""
        with self._change:
            while True:
                self._start_more()
                if not self._entries:
                    return None
                head = self._entries[0]
                if head.done or isinstance(head.node, Fence):
                    self._entries.popleft()
                    self._buffered -= head.size
                    if head.error is not None:
                        raise head.error
                    return head
                if self.width == 1:
                    break
                # Python only sees a signal between waits.
                self._change.wait(timeout=0.5)
        self._run_here(head)
        return self._head()

    def _run_here(self, entry: _Entry) -> None:
        """Run a job in the reader's own thread, whose processor then has its rows at hand."""
        with self._change:
            entry.started = True
            self._waiting -= 1
            self._running += 1
        self._work(entry)

    def _start_more(self) -> None:
        """Start jobs in order while there is room; draw from the source as long as there is.

        One at a time is run by the reader.
        """
        if self.width == 1:
            if not self._entries and not self._closed:
                self._draw()
            return
        position = 0
        while not self._closed:
            while position >= len(self._entries):
                if self._running >= self.width or not self._draw():
                    return
            entry = self._entries[position]
            if entry.error is not None:
                return  # the reader will end here: what comes after it is not asked for
            if not entry.started and not isinstance(entry.node, Fence):
                room = self.buffer_bytes or self.width * _COMMON
                has_room = self._buffered < room or position == 0
                if self._running >= self.width or not has_room:
                    return
                if self._start_lead():
                    continue
                self._start(entry)
            position += 1

    def _start_lead(self) -> bool:
        """Start the next lead, where few jobs before it still wait."""
        while self._leads and self._leads[0].started:
            self._leads.popleft()
        if not self._leads or self._waiting - len(self._leads) > self.width:
            return False
        self._start(self._leads.popleft())
        return True

    def _entry(self, node: Node) -> _Entry:
        """Make the entry of a node that is still to come."""
        entry = _Entry(node)
        self._waiting += not isinstance(node, Fence)
        if isinstance(node, Lead):
            self._leads.append(entry)
        return entry

    def _draw(self) -> bool:
        try:
            node = next(self._source, None)
        except Exception as err:  # noqa: BLE001 - a worker may draw: the reader must hear of it
            self._entries.append(_Entry(Fence(), done=True, error=err))
            self._source = iter(())
            return True
        if node is not None:
            self._entries.append(self._entry(node))
        return node is not None

    def _start(self, entry: _Entry) -> None:
        entry.started = True
        self._waiting -= 1
        # Daemon threads: a request that hangs must not keep a finished process alive.
        try:
            threading.Thread(target=self._work, args=(entry,), daemon=True).start()
        except RuntimeError as err:  # the system gives no more threads
            entry.error, entry.done = err, True
        else:
            self._running += 1

    def _work(self, entry: _Entry) -> None:
        page: Page | None = None
        then: Sequence[Node] = ()
        error: BaseException | None = None
        try:
            step = entry.node()  # type: ignore[operator]
            page, then = step.page, step.then
        except BaseException as err:  # noqa: BLE001 - handed to the reader, in order
            error = err
        with self._change:
            self._running -= 1
            entry.error, entry.page, entry.done = error, page, True
            if not self._closed:
                entry.size = 0 if page is None else max(page.size, _SMALLEST)
                self._buffered += entry.size
                self._place(entry, then)
                self._start_more()
            self._change.notify_all()

    def _place(self, entry: _Entry, then: Sequence[Node]) -> None:
        if then:
            at = self._entries.index(entry) + 1
            for offset, node in enumerate(then):
                self._entries.insert(at + offset, self._entry(node))
