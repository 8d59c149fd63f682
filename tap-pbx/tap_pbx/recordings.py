"""Recordings: what is known of each, and how its audio is fetched.

The path and the answer for a missing file are not public. A link is followed on the configured host
only, with the key put in anew; otherwise the recording is asked for by its file name.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from tap_pbx.archive import Archive, Audio, place_of
from tap_pbx.links import file_name_of, on_same_host
from tap_pbx.refusals import (
    DATABASE,
    NotThere,
    Refused,
    Unknown,
    plain_text,
    read_answer,
    says_gone,
)
from tap_shared.coerce import Rules, coercion
from tap_shared.errors import PleaseRetry, PleaseWait, StreamFailed, TapError
from tap_shared.http import Reply, Request

if TYPE_CHECKING:
    from tap_pbx.client import PbxClient

__all__ = ["Recordings", "has_recording"]

_DOUBTS = 4
"""Answers that are no audio before the vendor is believed: the same may be a passing fault."""

_DOUBT_SECONDS = 0.25

_LARGEST = 4 << 30
_truth = coercion({"type": "boolean"}, Rules())

Row = dict[str, Any]
MISSING, INVALID = "missing", "invalid"


def has_recording(call: Row) -> bool:
    """Tell whether a call is marked as recorded, or in doubt, or has a link."""
    try:
        marked = _truth(call.get("callRecorded"))
    except ValueError:
        marked = True
    return bool(marked or _link_of(call))


def _link_of(call: Row) -> str | None:
    return str(call.get("recordingUrl") or "").strip() or None


class Recordings:
    """Lists recordings and fetches their audio.

    Args:
        client: The container's API.
        path: The `recording_path` setting.
        archive: Where audio is stored; None stores none.
        attempts: The `max_attempts` setting.
        logger: Where errors that nobody documented are told.
    """

    def __init__(
        self,
        client: PbxClient,
        path: str,
        archive: Archive | None,
        attempts: int,
        logger: logging.Logger,
    ) -> None:
        """Prepare; nothing is sent."""
        self._logger = logger
        self._told: set[str] = set()
        self._client = client
        self._path = path
        self._archive = archive
        self._doubts = min(_DOUBTS, attempts)
        self._transport = client.media_transport(_LARGEST)

    @property
    def is_storing(self) -> bool:
        """Whether audio is fetched at all."""
        return self._archive is not None

    def listed(self, call: Row) -> Row:
        """Give the row of a recording that is not fetched."""
        link = _link_of(call)
        named = call.get("fileName")
        name = named if isinstance(named, str) and named else file_name_of(link or "")
        return {
            **{column: call.get(column) for column in ("container_id", "tenant_id", "callUuid")},
            "callDate": call.get("callDate"),
            "recording_url": link,
            "file_name": name,
            "status": "listed",
        }

    def fetch(self, call: Row) -> Row:
        """Fetch a recording, unless it is stored already, and give its row.

        Raises:
            TapError: The vendor refuses the credentials, or cannot be reached.
        """
        row = self.listed(call)
        day = str(call.get("callDate") or "")[:10]
        place = place_of(row["container_id"], row["tenant_id"], day, str(row["callUuid"]))
        archive = self._archive
        if archive is None:
            return row
        try:
            found: Audio | str = archive.stored(place) or self._fetched(row, place, archive)
        except TapError:
            raise
        except Exception as err:  # noqa: BLE001 - storages raise errors of their own kinds
            msg = f"recordings_dir cannot be used ({type(err).__name__}); check it and its rights."
            raise StreamFailed(msg) from None
        if isinstance(found, str):
            return {**row, "status": found}
        return {
            **row,
            "status": "stored",
            "stored_path": found.path,
            "bytes": found.size,
            "sha256": found.sha256,
            **found.wav._asdict(),
        }

    def _fetched(self, row: Row, place: str, archive: Archive) -> Audio | str:
        request = self._request(row)
        if request is None:
            return MISSING
        doubts = 0

        def parse(reply: Reply) -> Audio | str:
            nonlocal doubts
            got = archive.receive(place, reply.blocks())
            if isinstance(got, Audio):
                return got
            verdict = _verdict(got)
            doubts += 1
            if verdict is None and doubts < self._doubts:
                msg = "the answer is no complete WAV"
                raise PleaseRetry(msg, after=doubts * _DOUBT_SECONDS)
            return verdict or (INVALID if got else MISSING)

        try:
            return self._client.send(request, parse, self._transport)
        except NotThere:
            return MISSING
        except Refused as err:
            self._tell(err.said)
            return MISSING
        except Unknown as err:
            if says_gone(err.said):
                return MISSING
            raise

    def _tell(self, said: str) -> None:
        """Say once what the vendor says instead of giving a recording, where that is unclear."""
        if not says_gone(said) and said not in self._told:
            self._told.add(said)
            self._logger.warning(
                'The vendor answers requests for recordings with an error: "%s"; they count as'
                " missing. Where all of them are, check recording_path.",
                said,
            )

    def _request(self, row: Row) -> Request | None:
        """Give the request for the audio; None where nothing says which file it is."""
        link, tenant = row["recording_url"] or "", ("tenantID", row["tenant_id"])
        url = on_same_host(link, self._client.transport.url) if "/" in link else None
        if url:
            return self._by_link(url, tenant)
        if not row["file_name"]:
            return None
        return self._asking(self._path, (tenant, ("fileName", row["file_name"])))

    def _by_link(self, url: str, tenant: tuple[str, str]) -> Request:
        """Follow a link of the configured host; what it says itself is not said again."""
        parts = urlsplit(url)
        own = [
            pair for pair in parse_qsl(parts.query, keep_blank_values=True)
            if pair[0] not in {"auth", "containerID"}
        ]  # fmt: skip
        if tenant[0] not in dict(own):
            own.append(tenant)
        return self._asking(urlunsplit(parts._replace(query="")), tuple(own))

    def _asking(self, path: str, params: tuple[tuple[str, str], ...]) -> Request:
        return Request(
            "GET recording",
            path,
            params=self._client.access + params,
            headers={"Accept": "audio/*, */*;q=0.5"},
        )


def _verdict(body: bytes) -> str | None:
    """Read an answer that is no audio: `missing` where the vendor says so, None where unclear.

    Raises:
        TapError: It is an error.
    """
    try:
        read_answer(body)
    except PleaseRetry as err:
        if isinstance(err, PleaseWait) or str(err) == DATABASE:
            raise
        return MISSING if says_gone(plain_text(body)) else None
    return None
