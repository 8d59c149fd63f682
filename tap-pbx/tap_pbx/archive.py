"""The folder of recordings, on any storage that fsspec knows.

Paths are made of the container, the tenant, the day and the call's identifier, never of a name that
the server gave.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import fsspec

from tap_pbx.wav import Wav, is_riff, read_wav
from tap_shared.errors import SettingRefused

__all__ = ["Archive", "Audio", "place_of"]

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BLOCK = 1 << 20
_START = 12
_TEXT = 1 << 16


@dataclass(frozen=True)
class Audio:
    """A stored recording.

    Attributes:
        path: Where it is stored.
        size: Bytes.
        sha256: Hash of its bytes, in lower-case hexadecimal.
        wav: What its header says.
    """

    path: str
    size: int
    sha256: str
    wav: Wav


def place_of(container: str, tenant: str, day: str, call: str) -> str:
    """Give the path of a recording below the folder.

    Args:
        container: The container's number.
        tenant: The tenant's number.
        day: The call's date, or text that is none.
        call: The call's identifier; one that is no plain name is replaced by its hash.
    """
    parts = [container, tenant, day, call]
    return "/".join(part if _PLAIN.fullmatch(part) else _hashed(part) for part in parts) + ".wav"


def _hashed(part: str) -> str:
    return hashlib.sha256(part.encode("utf-8", "replace")).hexdigest()


class Archive:
    """Stores recordings and measures them.

    Args:
        folder: The `recordings_dir` setting: a local folder or an fsspec URL.

    Raises:
        SettingRefused: fsspec does not know the storage, or its library is not installed.
    """

    def __init__(self, folder: str) -> None:
        """Find the storage; nothing is written."""
        try:
            found: tuple[Any, str] = fsspec.core.url_to_fs(folder)
        except (ImportError, ValueError) as err:
            why = "names a storage that is unknown or whose library is not installed"
            raise SettingRefused("recordings_dir", f"{why} ({type(err).__name__}).") from None
        self._files, self._root = found[0], found[1].rstrip("/")

    def stored(self, place: str) -> Audio | None:
        """Give a recording that is stored already; None where none is, or it is damaged."""
        path = f"{self._root}/{place}"
        if not self._files.exists(path):
            return None
        with self._files.open(path, "rb") as file:
            digest, size = hashlib.sha256(), 0
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
            wav = read_wav(cast("BinaryIO", file), size)
        return Audio(self._shown(path), size, digest.hexdigest(), wav) if wav else None

    def receive(self, place: str, blocks: Iterable[bytes]) -> Audio | bytes:
        """Store a recording as its bytes come in.

        They go to a temporary name, and to their own only when they are known to be a whole WAV.

        Args:
            place: Its path below the folder.
            blocks: Its bytes.

        Returns:
            The recording; or the first bytes of what is no complete WAV, and nothing is stored.
        """
        source = iter(blocks)
        start = _beginning(source)
        if not is_riff(start):
            return start + b"".join(_first_of(source, _TEXT - len(start)))
        path = f"{self._root}/{place}"
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        unfinished = f"{path}.part"
        try:
            audio = self._measured(unfinished, path, start, source)
            if audio is not None:
                self._files.mv(unfinished, path)
        finally:
            if self._files.exists(unfinished):
                self._files.rm(unfinished)
        return start if audio is None else audio

    def _measured(
        self, unfinished: str, path: str, start: bytes, rest: Iterable[bytes]
    ) -> Audio | None:
        digest, size = hashlib.sha256(start), len(start)
        with self._files.open(unfinished, "wb") as file:
            file.write(start)
            for block in rest:
                file.write(block)
                digest.update(block)
                size += len(block)
        with self._files.open(unfinished, "rb") as file:
            wav = read_wav(cast("BinaryIO", file), size)
        return Audio(self._shown(path), size, digest.hexdigest(), wav) if wav else None

    def _shown(self, path: str) -> str:
        """Give a stored file's name for the record: a path, or a URL of other storage."""
        protocol = self._files.protocol
        is_local = "file" in ((protocol,) if isinstance(protocol, str) else protocol)
        return path if is_local else str(self._files.unstrip_protocol(path))


def _beginning(source: Iterator[bytes]) -> bytes:
    """Take blocks until a RIFF header must be there."""
    start = b""
    for block in source:
        start += block
        if len(start) >= _START:
            break
    return start


def _first_of(source: Iterator[bytes], most: int) -> Iterator[bytes]:
    """Take blocks up to so many bytes: enough for an error's text."""
    for block in source:
        yield block[: max(0, most)]
        most -= len(block)
        if most <= 0:
            return
