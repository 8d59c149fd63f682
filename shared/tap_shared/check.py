"""`--test`: whether the settings, the network, the credentials and the permissions are good.

Each selected stream sends its first request for a recent span, with a small page; nothing is
emitted. The verdict is one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tap_shared.errors import RunFailed, StreamFailed, StreamUnavailable
from tap_shared.prefetch import Fence, Node
from tap_shared.windows import Span

if TYPE_CHECKING:
    from tap_shared.tap import ApiTap

__all__ = ["Findings", "check"]

_ATTEMPTS = 3
_ROWS = 10
_SPAN = timedelta(days=1)
_SKEW_SECONDS = 300


@dataclass
class Findings:
    """What a check found.

    Attributes:
        readable: Streams that were answered.
        refused: Stream -> why the vendor refuses it.
        failed: Stream -> what went wrong.
    """

    readable: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of streams that were asked."""
        return len(self.readable) + len(self.refused) + len(self.failed)


def check(tap: ApiTap) -> None:
    """Ask for a little of every selected stream and tell what came of it.

    Args:
        tap: The tap, made from its settings; nothing has been requested.

    Raises:
        SettingRefused: A setting is wrong.
        CredentialsRefused: The vendor refuses the login.
        LimitReached: The account's quota is used up.
        RunFailed: The vendor cannot be reached, or not every stream can be read.
    """
    settings = tap.settings
    vars(tap)["settings"] = replace(
        settings,
        page_size=min(settings.page_size, _ROWS),
        max_attempts=min(settings.max_attempts, _ATTEMPTS),
    )
    found = Findings()
    try:
        for stream in (one for one in tap.streams.values() if one.selected):
            _try(tap, stream, found)
            if found.failed and not any(transport.answers for transport in tap.transports):
                raise RunFailed(_unreachable(tap, *found.failed.values()))
    finally:
        tap.gate.stop()
    _warn_of_clock(tap)
    if sentence := _complaint(found, skips=settings.skip_unavailable):
        raise RunFailed(sentence)
    tap.logger.info("%s", _praise(found))


def _try(tap: ApiTap, stream: Any, found: Findings) -> None:
    """Send the first request of one stream."""
    try:
        partitions = stream.partitions
        context = partitions[0] if partitions else None
        if partitions != []:  # an account without sites, say, has nothing to ask for
            _first(stream.nodes(_recent(stream.span(context)), context))
    except StreamUnavailable as err:
        found.refused[stream.name] = str(err)
    except StreamFailed as err:
        found.failed[stream.name] = str(err)
    else:
        tap.logger.debug("Stream '%s' can be read.", stream.name)
        found.readable.append(stream.name)


def _recent(span: Span) -> Span:
    """Give the end of a span."""
    if span.end - span.start <= _SPAN:
        return span
    return replace(span, start=span.end - _SPAN)


def _first(nodes: Iterable[Node]) -> None:
    """Run the first job of a plan."""
    for node in nodes:
        if not isinstance(node, Fence):
            node()
            return


def _unreachable(tap: ApiTap, why: str) -> str:
    host = urlsplit(tap.settings.api_url).hostname
    return (
        f"{host} cannot be reached: {why.removesuffix(_LATER)} Check the network, the proxy and the"
        " api_url setting."
    )


_LATER = " Run again later; what was read is kept in the state."


def _complaint(found: Findings, *, skips: bool) -> str:
    """Say which streams cannot be read; nothing where all can, or are to be left out."""
    parts = []
    if found.refused and not skips:
        parts.append(
            f"the vendor refuses {_listed(found.refused)}: {_reasons(found.refused)} Deselect"
            f" {'it' if len(found.refused) == 1 else 'them'}, or set skip_unavailable."
        )
    if found.failed:
        parts.append(f"{_listed(found.failed)} failed: {_reasons(found.failed)}")
    if not parts:
        return ""
    good = f"The credentials are good, but of {found.count} streams " if found.readable else ""
    return good + " And ".join(parts)


def _listed(streams: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in streams)


def _reasons(streams: dict[str, str]) -> str:
    """Give each reason once."""
    return " ".join(dict.fromkeys(why.removesuffix(_LATER) for why in streams.values()))


def _praise(found: Findings) -> str:
    left_out = f" {_listed(found.refused)} will be left out." if found.refused else ""
    if not found.count:
        return "The settings are good; no stream is selected, so nothing was asked."
    return (
        f"The credentials are good; {len(found.readable)} of {found.count} streams can be read."
        + left_out
    )


def _warn_of_clock(tap: ApiTap) -> None:
    """Say where this machine's clock is wrong: each run reads up to what it takes for now."""
    skews = [transport.skew for transport in tap.transports if transport.skew is not None]
    skew = max(skews, key=abs, default=0.0)
    if abs(skew) > _SKEW_SECONDS:
        way = "behind" if skew > 0 else "ahead of"
        tap.logger.warning(
            "This machine's clock is %.0f minutes %s the vendor's; set it right.",
            abs(skew) / 60, way,
        )  # fmt: skip
