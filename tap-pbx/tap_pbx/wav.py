"""WAV files: whether one is complete, and what its header says."""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

__all__ = ["Wav", "is_riff", "read_wav"]

_HEADER = 12
_CHUNK = 8
_FORMAT = 16
_OF_FRAMES = frozenset({1, 3, 6, 7, 0xFFFE})
"""PCM, float, A-law, mu-law, extensible: the others (GSM, ADPCM) pack many frames into a block."""


class Wav(NamedTuple):
    """What a WAV header says.

    Attributes:
        duration_seconds: Frames divided by the sample rate; of packed samples, bytes divided by
            those of a second.
        sample_rate: Samples per second and channel.
        channels: Number of channels.
    """

    duration_seconds: float
    sample_rate: int
    channels: int


def is_riff(start: bytes) -> bool:
    """Tell whether bytes begin like a WAV file."""
    return start[:4] == b"RIFF" and start[8:_HEADER] == b"WAVE"


def read_wav(file: BinaryIO, size: int) -> Wav | None:
    """Read a WAV file's header and check that its lengths agree with the file's.

    Args:
        file: The file, seekable.
        size: Its length in bytes.

    Returns:
        What the header says; None where the file is no complete WAV.
    """
    file.seek(0)
    start = file.read(_HEADER)
    if len(start) < _HEADER or not is_riff(start):
        return None
    announced = int.from_bytes(start[4:8], "little") + _CHUNK
    if size not in {announced, announced + announced % 2}:
        return None
    return _read_chunks(file, size)


def _read_chunks(file: BinaryIO, size: int) -> Wav | None:
    """Walk the chunks: `fmt ` says what the samples are, `data` how many there are."""
    at, form = _HEADER, b""
    while at + _CHUNK <= size:
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(_CHUNK))
        if at + _CHUNK + length > size:
            return None
        if name == b"fmt ":
            form = file.read(min(length, _FORMAT))
        elif name == b"data":
            return _wav(form, length)
        at += _CHUNK + length + length % 2
    return None


def _wav(form: bytes, length: int) -> Wav | None:
    if len(form) < _FORMAT:
        return None
    kind, channels, rate, a_second, frame, _ = struct.unpack("<HHIIHH", form)
    if not (channels and rate and frame):
        return None
    is_packed = kind not in _OF_FRAMES and a_second
    return Wav(length / a_second if is_packed else length // frame / rate, rate, channels)
