"""Small objects under one URL: a folder, S3, GCS or whatever fsspec reaches."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec

__all__ = ["Store"]


class Store:
    """Objects with atomic writes: a reader finds the whole object or none.

    An object store's put is atomic by itself. A folder gets a finished file under another name
    first, which is then renamed; or linked, where no other may be there.

    Args:
        url: A folder, or a URL such as `s3://bucket/prefix`.
    """

    def __init__(self, url: str) -> None:
        """Find the file system; nothing is read."""
        found: Any = fsspec.core.url_to_fs(url, use_listings_cache=False)
        self._files, self._root = found
        self._is_folder = "file" in self._files.protocol

    def names(self, folder: str) -> list[str]:
        """Give the names of a folder's objects, sorted; none where it does not exist."""
        try:
            paths: list[str] = self._files.ls(self._path(folder), detail=False, refresh=True)
        except FileNotFoundError:
            return []
        names = (PurePosixPath(path).name for path in paths)
        return sorted(name for name in names if not name.startswith("."))

    def read(self, name: str) -> bytes | None:
        """Give an object's bytes; None where there is none."""
        try:
            content: bytes = self._files.cat_file(self._path(name))
        except FileNotFoundError:
            return None
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write an object, over any that is there."""
        if not self._is_folder:
            self._files.pipe_file(self._path(name), content)
            return
        self._finished(name, content).replace(self._path(name))

    def create(self, name: str, content: bytes) -> bool:
        """Write an object unless one is there, so that of two writers one succeeds.

        Returns:
            Whether this writer did.
        """
        if not self._is_folder:
            try:
                self._files.pipe_file(self._path(name), content, mode="create")
            except FileExistsError:
                return False
            return True
        finished = self._finished(name, content)
        try:
            os.link(finished, self._path(name))
        except FileExistsError:
            return False
        finally:
            finished.unlink()
        return True

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _finished(self, name: str, content: bytes) -> Path:
        """Write to a hidden file beside the object."""
        path = Path(self._path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        hidden = path.with_name(f".{uuid.uuid4().hex}")
        with hidden.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return hidden
