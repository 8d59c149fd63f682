"""Recordings: their names, their links and their bytes, good and bad."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from contact_sandbox.pbx import php
from contact_sandbox.seeded import generator
from contact_sandbox.vendor import Reply

if TYPE_CHECKING:
    from contact_sandbox.pbx.data import Call

KINDS = (
    "query",  # link to the recording call, with the key in it
    "path",  # link that ends with the file name
    "unmarked",  # has a link though it is not marked as recorded
    "stereo",
    "mulaw",  # a WAV that is no plain PCM
    "chunks",  # a WAV with a further chunk before the audio
    "traversal",  # a file name that climbs out of its folder
    "foreign",  # a link to another host; the file itself is here
    "no-link",  # marked as recorded, no link, no file
    "missing",  # answered by 404
    "refused",  # answered by an error in a 200
    "empty",  # answered by nothing
    "truncated",  # a RIFF that ends early
    "html",  # a page instead of audio
)

GOOD = frozenset({"query", "path", "unmarked", "stereo", "mulaw", "chunks", "traversal", "foreign"})
_ABSENT = frozenset({"no-link", "missing", "refused", "empty"})
_PCM, _MULAW = 1, 7
REFUSAL = {"error": "The recording could not be found."}
PAGE = "<!DOCTYPE html><html><body><h1>Recording unavailable</h1></body></html>"


@dataclass(frozen=True)
class Audio:
    """A WAV file with the properties that its header states."""

    content: bytes
    sample_rate: int
    channels: int
    duration_seconds: float


def file_name(call: Call) -> str:
    """Return the name of the call's wav file, or "" where it has none."""
    if call.audio in ("", "no-link"):
        return ""
    name = f"{call.at:%Y%m%d-%H%M%S}-{call.number or 'unknown'}-{call.uuid[:8]}.wav"
    return f"../../../{name}" if call.audio == "traversal" else name


def link(call: Call, base: str, access: dict[str, str], foreign: str) -> str:
    """Return the call's `recordingUrl`.

    Args:
        call: The call.
        base: Scheme and host that serve the recordings.
        access: The parameters `auth`, `containerID` and `tenantID`, which leak into some links.
        foreign: Scheme and host that must never see the key.
    """
    name = file_name(call)
    if not name:
        return ""
    if call.audio == "foreign":
        return f"{foreign}/recordings/{access['containerID']}/{quote(name)}"
    if call.audio in ("path", "missing", "empty"):
        return f"{base}/recordings/{access['containerID']}/{access['tenantID']}/{quote(name)}"
    raw = call.style % 2 == 0
    pairs = {**access, "fileName": name}
    text = "&".join(
        f"{key}={value if raw and key == 'auth' else quote(value, safe='')}"
        for key, value in pairs.items()
    )
    return f"{base}/api/call_recording.php?{text}"


def find(calls: Iterable[Call], name: str) -> Call | None:
    """Return the call whose wav file has the name `name`."""
    return next((call for call in calls if call.audio and file_name(call) == name), None)


def audio(call: Call, seconds: float) -> Audio:
    """Return the call's recording, `seconds` or less of seeded noise."""
    rng = generator(0, "audio", call.tenant, call.uuid)
    channels = 2 if call.audio == "stereo" else 1
    rate = 16000 if call.audio == "stereo" else 8000
    coding, width = (_MULAW, 1) if call.audio == "mulaw" else (_PCM, 2)
    frames = int(rate * seconds * (0.5 + rng.random() / 2))
    samples = rng.randbytes(frames * channels * width)
    frame = channels * width
    form = struct.pack("<HHIIHH", coding, channels, rate, rate * frame, frame, width * 8)
    chunks = _chunk(b"fmt ", form + (b"\0\0" if coding == _MULAW else b""))
    if call.audio == "chunks":
        chunks += _chunk(b"LIST", b"INFOISFT\x07\0\0\0switch\0\0")
    chunks += _chunk(b"data", samples)
    return Audio(_chunk(b"RIFF", b"WAVE" + chunks), rate, channels, frames / rate)


def _chunk(name: bytes, content: bytes) -> bytes:
    """Return a RIFF chunk, padded to an even length."""
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def answer(call: Call | None, seconds: float, content_type: str) -> Reply:
    """Return the answer to a request for the call's recording; None: there is no such file."""
    if call is None or call.audio in ("missing", "no-link"):
        return Reply(404, PAGE, {"Content-Type": "text/html"})
    if call.audio == "refused":
        return php.reply(REFUSAL, content_type)
    if call.audio == "empty":
        return Reply(200, b"", {"Content-Type": "audio/x-wav"})
    if call.audio == "html":
        return Reply(200, PAGE, {"Content-Type": "text/html"})
    content = audio(call, seconds).content
    if call.audio == "truncated":
        content = content[: len(content) // 2]
    return Reply(200, content, {"Content-Type": "audio/x-wav"})


def truth(call: Call, seconds: float) -> dict[str, Any]:
    """Return what fetching the call's recording must come to, in the tap's column names."""
    if call.audio not in GOOD:
        status = "missing" if call.audio in _ABSENT else "invalid"
        return {"status": status, "bytes": None, "sha256": None, "duration_seconds": None,
                "sample_rate": None, "channels": None}  # fmt: skip
    found = audio(call, seconds)
    return {
        "status": "stored",
        "bytes": len(found.content),
        "sha256": hashlib.sha256(found.content).hexdigest(),
        "duration_seconds": found.duration_seconds,
        "sample_rate": found.sample_rate,
        "channels": found.channels,
    }
