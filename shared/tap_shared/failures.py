"""What failed while the others ran on: told at once, and in one line at the end of the run."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from tap_shared.errors import StreamUnavailable, TapError, interruption

if TYPE_CHECKING:
    from tap_shared.stream import ApiStream
    from tap_shared.tap import ApiTap

__all__ = ["Failures", "by_reason", "labelled"]

_MOST = 5


def labelled(stream: str, partition: Mapping[str, Any] | None = None) -> str:
    """Name a stream, and its partition where it has some: `'calls' (igrp 101)`."""
    part = ", ".join(f"{name} {value}" for name, value in (partition or {}).items())
    return f"'{stream}' ({part})" if part else f"'{stream}'"


def by_reason(failures: Mapping[str, str]) -> str:
    """Give each reason once, behind all that it holds for; the rarest are only named.

    Args:
        failures: Label -> its reason, a sentence.
    """
    found: dict[str, list[str]] = {}
    for label, why in failures.items():
        found.setdefault(why, []).append(label)
    told = [f"{', '.join(labels)}: {why}" for why, labels in found.items()][:_MOST]
    rest = list(chain.from_iterable([*found.values()][_MOST:]))
    return " ".join([*told, *([f"Others too: {', '.join(rest)}."] if rest else [])])


class Failures:
    """The failures of a run.

    Args:
        tap: The tap that runs.
    """

    def __init__(self, tap: ApiTap) -> None:
        """Begin with none."""
        self._tap = tap
        self._reasons: dict[str, str] = {}

    def __len__(self) -> int:
        """Count the streams and partitions that failed."""
        return len(self._reasons)

    def note(self, stream: ApiStream, context: Mapping[str, Any] | None, err: Exception) -> None:
        """Say what failed and go on; or leave it out, where the vendor refuses it and that is set.

        Args:
            stream: The stream.
            context: Its partition, where only that failed.
            err: Why.

        Raises:
            Terminated: It failed because a signal arrived.
        """
        if (stop := interruption(err)) is not None:
            raise stop from None
        label = labelled(stream.name, context)
        err = err if isinstance(err, TapError) else self._unexpected(stream, err)
        said = str(err).removeprefix(f"Stream '{stream.name}': ")
        if isinstance(err, StreamUnavailable):
            if self._tap.settings.skip_unavailable:
                self._tap.progress.mark("left out")
                sentence = f"Stream {label}: {said} It is left out, as skip_unavailable is set."
                self._tap.logger.warning("%s", sentence)
                return
            said += " Deselect it, or set skip_unavailable."
        self._tap.progress.mark("failed")
        self._reasons[label] = said
        self._tap.logger.error("Stream %s: %s", label, said)

    def _unexpected(self, stream: ApiStream, err: Exception) -> TapError:
        """Give the sentence for an error that nobody foresaw."""
        self._tap.logger.debug("Unexpected error in '%s'.", stream.name, exc_info=err)
        name = f"{self._tap.name.replace('-', '_').upper()}_LOGLEVEL"
        return TapError(
            f"an unexpected {type(err).__name__} was met; run with {name}=DEBUG and report it."
        )

    def told(self, streams: int) -> str:
        """Give the run's last line.

        Args:
            streams: How many streams were asked for.
        """
        failed = len({label.partition(" ")[0] for label in self._reasons})
        return f"{failed} of {streams} streams failed. {by_reason(self._reasons)}"
