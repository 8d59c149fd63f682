"""Emit, the other way: records into files, told by BATCH messages.

The files hold exactly the records that RECORD messages would carry: shaped, selected, masked and
mapped. A watermark moves only when every record before it stands in a finished file.
"""

from __future__ import annotations

import gzip
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig, SDKBatchMessage

from tap_shared.errors import SettingRefused, StreamFailed
from tap_shared.writer import encode_record

if TYPE_CHECKING:
    from singer_sdk.metrics import Counter

    from tap_shared.stream import ApiStream

__all__ = ["BatchFiles", "check_batch_config"]

_SETTING = "batch_config"
_SUFFIXES = {"gzip": ".json.gz", "none": ".json"}


def check_batch_config(config: Mapping[str, Any]) -> None:
    """Check the SDK's setting `batch_config`, before anything is requested.

    Raises:
        SettingRefused: It is incomplete, or asks for what cannot be done faithfully.
    """
    given = config.get(_SETTING)
    if not given:
        return
    encoding, storage = given.get("encoding") or {}, given.get("storage") or {}
    if encoding.get("format") == "parquet":
        raise SettingRefused(
            _SETTING,
            "asks for parquet, which has no type for objects of any shape, such as _extra; set"
            " encoding.format to jsonl.",
        )
    if encoding.get("format") != "jsonl":
        raise SettingRefused(_SETTING, "needs encoding.format, which can be jsonl.")
    if not storage.get("root"):
        raise SettingRefused(_SETTING, "needs storage.root: a folder, or a URL such as s3://name.")
    size = given.get("batch_size", 1)
    if not isinstance(size, int) or size < 1:
        raise SettingRefused(_SETTING, "needs a batch_size of at least 1, or none.")
    try:
        _ = _read(given).storage._root_path.fs  # noqa: SLF001 - the SDK makes it on first use
    except (ImportError, ValueError, TypeError):
        raise SettingRefused(
            _SETTING,
            "names a storage.root or params that cannot be opened; s3:// needs the package s3fs.",
        ) from None


def _read(given: Mapping[str, Any]) -> BatchConfig:
    return BatchConfig.from_dict(dict(given))


class BatchFiles:
    """The files of one stream.

    Args:
        stream: The stream whose records they hold.
        config: Where and how large they are.
        counter: Counts the files.
    """

    def __init__(self, stream: ApiStream, config: BatchConfig, counter: Counter) -> None:
        """Begin with nothing written."""
        self._stream = stream
        self._counter = counter
        self._compression = config.encoding.compression or "gzip"
        self._storage = config.storage
        self._size = config.batch_size
        self._sync = uuid4()
        self._files = 0
        self._waiting: list[Any] = []
        self._added = 0
        self._moves: deque[tuple[int, Callable[[], None]]] = deque()

    def add(self, records: Sequence[Any]) -> None:
        """Take records; write a file for as many as a batch holds.

        Raises:
            StreamFailed: A file cannot be written.
        """
        self._waiting += records
        self._added += len(records)
        while len(self._waiting) >= self._size:
            self._write(self._size)

    def reach(self, move: Callable[[], None]) -> None:
        """Move a watermark once all that was added so far is in files.

        Args:
            move: Moves it, and writes nothing.
        """
        self._moves.append((self._added, move))
        self._settle()

    def flush(self) -> None:
        """Write what is left.

        Raises:
            StreamFailed: A file cannot be written.
        """
        if self._waiting:
            self._write(len(self._waiting))
        self._settle()

    def _write(self, count: int) -> None:
        """Write the first records that wait: one file for each name they are emitted under."""
        records = self._waiting[:count]
        lines: dict[str, list[bytes]] = {}
        for alias, record in self._stream.emitted(records):
            lines.setdefault(alias, []).append(encode_record(record) + b"\n")
        try:
            urls = {alias: self._file(alias, found) for alias, found in lines.items()}
        except (OSError, ValueError, ImportError) as err:
            # Records and watermarks are given up together: the next run reads these again.
            self._waiting.clear()
            self._moves.clear()
            msg = (
                f"a batch file cannot be written ({type(err).__name__}); check the folder and the"
                " rights of batch_config's storage.root."
            )
            raise StreamFailed(msg) from None
        del self._waiting[:count]
        for alias, url in urls.items():
            self._tell(alias, url)
        self._settle()

    def _file(self, alias: str, lines: Iterable[bytes]) -> str:
        """Write one file; give its URL."""
        self._files += 1
        body = b"".join(lines)
        if self._compression == "gzip":
            body = gzip.compress(body, compresslevel=6, mtime=0)
        prefix = self._storage.prefix or ""
        stem = f"{prefix}{self._stream.tap_name}--{alias}-{self._sync}-{self._files}"
        name = stem + _SUFFIXES[self._compression]
        with self._storage.open(name, "wb") as file:
            file.write(body)
        return self._storage.get_url(name)

    def _tell(self, alias: str, url: str) -> None:
        self._counter.increment()
        encoding = BaseBatchFileEncoding("jsonl", self._compression)
        message = SDKBatchMessage(alias, encoding, [url], self._stream.version)
        self._stream.tap.message_writer.write_message(message)

    def _settle(self) -> None:
        """Move the watermarks that all records before them are in files."""
        done = self._added - len(self._waiting)
        moved = False
        while self._moves and self._moves[0][0] <= done:
            self._moves.popleft()[1]()
            moved = True
        if moved:
            self._stream.tap.state_writer.write_state(self._stream.tap_state)
