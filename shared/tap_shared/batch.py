"""Emit, the other way: records into files, told by BATCH messages.

The files hold exactly the records that RECORD messages would carry: shaped, selected, masked and
mapped. A watermark moves only when every record before it stands in a finished file.
"""

from __future__ import annotations

import gzip
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig, SDKBatchMessage

from tap_shared.conform import EXTRA
from tap_shared.errors import SettingRefused, StreamFailed
from tap_shared.sdk import VERIFIED, is_verified
from tap_shared.writer import encode_record

if TYPE_CHECKING:
    from singer_sdk.metrics import Counter

    from tap_shared.stream import ApiStream

__all__ = ["BatchFiles", "check_batch_config", "check_shapes", "storage_secrets"]

_SETTING = "batch_config"
_MOST_NAMED = 8


def check_batch_config(config: Mapping[str, Any]) -> None:
    """Check the SDK's setting `batch_config`, before anything is requested.

    Raises:
        SettingRefused: It is incomplete, or asks for what cannot be done faithfully.
    """
    given = config.get(_SETTING)
    if not given:
        return
    encoding, storage = given.get("encoding") or {}, given.get("storage") or {}
    if encoding.get("format") not in {"jsonl", "parquet"}:
        raise SettingRefused(_SETTING, "needs encoding.format: jsonl or parquet.")
    if encoding["format"] == "parquet" and find_spec("pyarrow") is None:
        raise SettingRefused(
            _SETTING,
            "asks for parquet, which needs the package pyarrow (contact-taps-shared[parquet]):"
            " install it beside the tap, or set encoding.format to jsonl.",
        )
    if not storage.get("root"):
        raise SettingRefused(_SETTING, "needs storage.root: a folder, or a URL such as s3://name.")
    size = given.get("batch_size", 1)
    if not isinstance(size, int) or size < 1:
        raise SettingRefused(_SETTING, "needs a batch_size of at least 1, or none.")
    if not is_verified():
        raise SettingRefused(_SETTING, f"is honoured with singer-sdk {VERIFIED} only.")
    try:
        _ = _read(given).storage._root_path.fs  # noqa: SLF001 - the SDK makes it on first use
    except (ImportError, ValueError, TypeError):
        raise SettingRefused(
            _SETTING,
            "names a storage.root or params that cannot be opened; s3:// needs the package s3fs"
            " (contact-taps-shared[s3]) beside the tap.",
        ) from None


def check_shapes(config: Mapping[str, Any], streams: Iterable[ApiStream]) -> None:
    """Check that all that the selected streams announce can be put into the files asked for.

    Raises:
        SettingRefused: Parquet is asked for, and a field may hold objects of any shape.
    """
    given = config.get(_SETTING)
    if not given or given["encoding"]["format"] != "parquet":
        return
    from tap_shared.parquet import shapeless  # noqa: PLC0415 - needs an extra

    found = [
        f"{alias}.{path}"
        for stream in streams
        for alias, schema in _announced(stream).items()
        for path in shapeless(schema)
    ]
    if found:
        more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
        raise SettingRefused(
            _SETTING,
            "asks for parquet, which has no type for objects of any shape:"
            f" {', '.join(found[:_MOST_NAMED])}{more}. Set flattening_enabled with a"
            " flattening_max_depth of 1 or more, which makes them JSON text, or deselect them"
            f" (undeclared_fields: drop does so with {EXTRA}); or set encoding.format to jsonl.",
        )


def storage_secrets(config: Mapping[str, Any]) -> Iterator[str]:
    """Give every text of batch_config's storage.params: keys of a storage are among them."""
    value: Any = config.get(_SETTING)
    for name in ("storage", "params"):
        value = value.get(name) if isinstance(value, dict) else None
    found = [value]
    while found:
        value = found.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            found += value.values()


def _announced(stream: ApiStream) -> dict[str, dict[str, Any]]:
    """Give the schema of each name that a stream's records are emitted under."""
    schemas = stream.announced()
    if stream.tap.settings.undeclared_fields == "drop":
        for schema in schemas.values():
            schema["properties"] = {k: v for k, v in schema["properties"].items() if k != EXTRA}
    return schemas


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
        is_parquet = config.encoding.format == "parquet"
        compression = config.encoding.compression or (None if is_parquet else "gzip")
        self._encoding = BaseBatchFileEncoding(config.encoding.format, compression)
        self._schemas = _announced(stream) if is_parquet else {}
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
            lines.setdefault(alias, []).append(encode_record(record))
        try:
            urls = {alias: self._file(alias, found) for alias, found in lines.items()}
        except Exception as err:
            # Records and watermarks are given up together: the next run reads these again.
            self._waiting.clear()
            self._moves.clear()
            if isinstance(err, StreamFailed):
                raise
            msg = (
                f"a batch file cannot be written ({type(err).__name__}); check the folder and the"
                " rights of batch_config's storage.root."
            )
            raise StreamFailed(msg) from None
        del self._waiting[:count]
        for alias, url in urls.items():
            self._tell(alias, url)
        self._settle()

    def _file(self, alias: str, lines: Sequence[bytes]) -> str:
        """Write one file; give its URL."""
        self._files += 1
        body, suffix = self._encoded(alias, lines)
        prefix = self._storage.prefix or ""
        name = f"{prefix}{self._stream.tap_name}--{alias}-{self._sync}-{self._files}{suffix}"
        with self._storage.open(name, "wb") as file:
            file.write(body)
        return self._storage.get_url(name)

    def _encoded(self, alias: str, lines: Sequence[bytes]) -> tuple[bytes, str]:
        """Give a file's content and the end of its name."""
        if self._encoding.format == "parquet":
            from tap_shared.parquet import parquet  # noqa: PLC0415 - needs an extra

            return parquet(self._schemas[alias], lines, self._encoding.compression), ".parquet"
        body = b"".join(line + b"\n" for line in lines)
        if self._encoding.compression == "none":
            return body, ".json"
        return gzip.compress(body, compresslevel=6, mtime=0), ".json.gz"

    def _tell(self, alias: str, url: str) -> None:
        self._counter.increment()
        message = SDKBatchMessage(alias, self._encoding, [url], self._stream.version)
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
