"""Recordings: what is known of each, and how its audio is fetched.

The path and the answer for a missing file are not public. A link is followed on the configured host
only, with the key put in anew; otherwise the recording is asked for by its file name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from tap_pbx.archive import Archive, Audio, place_of
from tap_pbx.client import NotThere, Refused, read_answer
from tap_pbx.links import file_name_of, on_same_host
from tap_shared.errors import PleaseRetry, StreamFailed
from tap_shared.http import Reply, Request

if TYPE_CHECKING:
    from tap_pbx.client import PbxClient

__all__ = ["Recordings"]

_DOUBTS = 4
"""Answers that are no audio before the vendor is believed: the same may be a passing fault."""

_DOUBT_SECONDS = 0.25

_LARGEST = 4 << 30
_GONE = re.compile(
    r"not? .*(found|exist|available|recording|file)|n't .*(found|exist|find)|no such"
    r"|missing|unavailable|unknown|invalid file|deleted|expired|purged|removed",
    re.IGNORECASE,
)

Row = dict[str, Any]
MISSING, INVALID = "missing", "invalid"


class Recordings:
    """Lists recordings and fetches their audio.

    Args:
        client: The container's API.
        path: The `recording_path` setting.
        archive: Where audio is stored; None stores none.
        attempts: The `max_attempts` setting.
    """

    def __init__(
        self, client: PbxClient, path: str, archive: Archive | None, attempts: int
    ) -> None:
        """Prepare; nothing is sent."""
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
        link = str(call.get("recordingUrl") or "") or None
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
        except OSError as err:
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
            return self._transport.send(request, parse)
        except NotThere:
            return MISSING

    def _request(self, row: Row) -> Request | None:
        """Give the request for the audio; None where nothing says which file it is."""
        url = on_same_host(row["recording_url"] or "", self._client.transport.url)
        if row["recording_url"] and url:
            return self._by_link(url)
        if not row["file_name"]:
            return None
        params = (("tenantID", row["tenant_id"]), ("fileName", row["file_name"]))
        return self._asking(self._path, params)

    def _by_link(self, url: str) -> Request:
        """Follow a link of the configured host; what it says itself is not said again."""
        parts = urlsplit(url)
        own = tuple(
            pair for pair in parse_qsl(parts.query, keep_blank_values=True)
            if pair[0] not in {"auth", "containerID"}
        )  # fmt: skip
        return self._asking(urlunsplit(parts._replace(query="")), own)

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
        TapError: It is an error of another kind.
    """
    try:
        read_answer(body)
    except Refused as err:
        if _GONE.search(err.said):
            return MISSING
        msg = f"{err} It is no answer to a request for a recording; check recording_path."
        raise StreamFailed(msg) from None
    except PleaseRetry as err:
        if "database" in str(err):
            raise
    return None
