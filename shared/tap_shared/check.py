"""`--test`: whether the settings, the network, the credentials and the permissions are good.

Each selected stream sends its first request for a recent span, with a small page, and each
partition is asked for at least once; nothing is emitted. The verdict is one line.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tap_shared.errors import RunFailed, StreamFailed, StreamUnavailable, TapError, Unreachable
from tap_shared.failures import by_reason, labelled
from tap_shared.prefetch import Fence, Node
from tap_shared.settings import Settings
from tap_shared.windows import Span

if TYPE_CHECKING:
    from tap_shared.tap import ApiTap

__all__ = ["Findings", "check", "limited"]

_ATTEMPTS = 3
_ROWS = 10
_SECONDS = 30
_SPAN = timedelta(days=1)
_SKEW_SECONDS = 300
_PARTITIONS = 25
_DEEPEST = 3
_STRANGE = 2  # streams that find nothing of the vendor before the rest need not be asked
_LATER = " Run again later; what was read is kept in the state."

Partition = Mapping[str, Any]


@dataclass
class Findings:
    """What a check found.

    Attributes:
        streams: Streams that were asked for.
        troubled: Those of them that cannot be read, or not in every partition.
        refused: Stream, quoted, with its partition where it has some -> why the vendor refuses it.
        failed: The same -> what went wrong.
        unasked: Partitions that nothing was asked of.
    """

    streams: set[str] = field(default_factory=set)
    troubled: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    unasked: int = 0


def limited(settings: Settings) -> Settings:
    """Give the settings of a check: a question soon gets an answer, or is given up."""
    return replace(
        settings,
        page_size=min(settings.page_size, _ROWS),
        max_attempts=min(settings.max_attempts, _ATTEMPTS),
        request_timeout=min(settings.request_timeout, _SECONDS),
    )


def check(tap: ApiTap) -> None:
    """Ask for a little of every selected stream and partition, and tell what came of it.

    Args:
        tap: The tap, made for a check.

    Raises:
        SettingRefused: A setting is wrong.
        CredentialsRefused: The vendor refuses the login.
        LimitReached: The account's quota is used up.
        RunFailed: The vendor cannot be reached, or not every stream can be read.
    """
    found = Findings()
    try:
        _ask(tap, found)
        if sentence := _complaint(tap, found):
            raise RunFailed(sentence)
    except TapError as err:
        err.args = (" ".join(filter(None, (str(err), _clock(tap)))),)
        raise
    finally:
        tap.gate.stop()
    wrong_clock = _clock(tap)
    level = logging.WARNING if wrong_clock else logging.INFO
    tap.logger.log(level, "%s", " ".join(filter(None, (_praise(tap, found), wrong_clock))))


# Asking


def _ask(tap: ApiTap, found: Findings) -> None:
    """Ask every stream for its first partition, then the other partitions once, in turns."""
    _ = tap.settings
    asked: list[Partition] = []
    others: list[list[tuple[Any, Partition]]] = []
    for stream in (one for one in tap.streams.values() if one.selected):
        partitions = _partitions(stream, found)
        if partitions:
            asked.append(partitions[0])
            others.append([(stream, one) for one in partitions[1:]])
        if partitions is not None:
            _try(tap, stream, partitions[0] if partitions else None, found)
        if len(found.failed) >= _STRANGE and not _is_known(tap):
            return
    for stream, partition in islice(_each_once(others, asked), _PARTITIONS):
        _try(tap, stream, partition, found)
    found.unasked = max(0, len([*_each_once(others, asked)]) - _PARTITIONS)


def _each_once(
    others: Iterable[list[tuple[Any, Partition]]], asked: Iterable[Partition]
) -> Iterator[tuple[Any, Partition]]:
    """Give each partition that was not asked for once, by another stream in turn."""
    seen = [*asked]
    for pair in chain.from_iterable(zip_longest(*others)):
        if pair is not None and pair[1] not in seen:
            seen.append(pair[1])
            yield pair


def _partitions(stream: Any, found: Findings) -> list[Any] | None:
    """List a stream's partitions, or nothing where it has none; None where none can be asked."""
    found.streams.add(stream.name)
    try:
        partitions = stream.partitions
    except (StreamUnavailable, StreamFailed) as err:
        _note(found, stream.name, labelled(stream.name), err)
        return None
    if partitions == []:  # an account without sites, say, has nothing to ask for
        return None
    return [*(partitions or ())]


def _try(tap: ApiTap, stream: Any, partition: Partition | None, found: Findings) -> None:
    """Send the first request of one stream."""
    label = labelled(stream.name, partition)
    try:
        _first(stream.nodes(_recent(stream.span(partition)), partition))
    except (StreamUnavailable, StreamFailed) as err:
        _note(found, stream.name, label, err)
    except Unreachable as err:
        if not _is_known(tap):
            raise
        _note(found, stream.name, label, err)  # one host of several
    else:
        tap.logger.debug("Stream %s can be read.", label)


def _note(found: Findings, stream: str, label: str, err: TapError) -> None:
    found.troubled.add(stream)
    kind = found.refused if isinstance(err, StreamUnavailable) else found.failed
    kind[label] = str(err).removesuffix(_LATER)


def _recent(span: Span) -> Span:
    """Give the end of a span."""
    if span.end - span.start <= _SPAN:
        return span
    return replace(span, start=span.end - _SPAN)


def _first(nodes: Iterable[Node], depth: int = _DEEPEST) -> None:
    """Run the first job of a plan, and the first of those that it only leads to."""
    job = next((node for node in nodes if not isinstance(node, Fence)), None)
    if job is not None and depth:
        step = job()
        if step.page is None:
            _first(step.then, depth - 1)


# Telling


def _is_known(tap: ApiTap) -> bool:
    """Tell whether anything came that only the vendor can have sent."""
    return any(transport.accepted for transport in tap.transports)


def _complaint(tap: ApiTap, found: Findings) -> str:
    """Say what cannot be read; nothing where all can, or is to be left out."""
    if found.failed and not _is_known(tap):
        return _strange(tap, found)
    parts = []
    if found.refused and not tap.settings.skip_unavailable:
        parts.append(
            f"these are refused: {by_reason(found.refused)} Deselect"
            f" {'it' if len(found.refused) == 1 else 'them'}, or set skip_unavailable."
        )
    if found.failed:
        parts.append(f"these failed: {by_reason(found.failed)}")
    if not parts:
        return ""
    if not _is_known(tap):
        return f"Nothing was answered as asked; check api_url, too: {' And '.join(parts)}"
    return f"The credentials are good, but of {len(found.streams)} streams {' And '.join(parts)}"


def _strange(tap: ApiTap, found: Findings) -> str:
    """Say that somebody else answers."""
    hosts = sorted({f"{urlsplit(made.url).hostname}" for made in tap.transports if made.answers})
    why = next(iter(found.failed.values()))
    return (
        f"{' and '.join(hosts)} answers, but not as the vendor does: {why} Check the setting"
        " api_url, and whether a proxy or a login page answers in the vendor's place."
    )


def _praise(tap: ApiTap, found: Findings) -> str:
    if not any(transport.answers for transport in tap.transports):
        return "The settings are good; no selected stream has anything to ask for."
    good, count = len(found.streams - found.troubled), len(found.streams)
    said = f"The credentials are good; {good} of {count} streams can be read."
    if found.refused:
        said += f" {', '.join(found.refused)} will be left out."
    if found.unasked:
        said += f" {found.unasked} partitions were not asked for."
    return said


def _clock(tap: ApiTap) -> str:
    """Say where this machine's clock is wrong: each run reads up to what it takes for now."""
    skews = [transport.skew for transport in tap.transports if transport.skew is not None]
    skew = max(skews, key=abs, default=0.0)
    if abs(skew) <= _SKEW_SECONDS:
        return ""
    way = "behind" if skew > 0 else "ahead of"
    return f"This machine's clock is {abs(skew) / 60:.0f} minutes {way} the vendor's; set it right."
