"""Reads HTTP/1.1 requests from a connection."""

from __future__ import annotations

from typing import BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit

from contact_sandbox.vendor import Headers, Request

_LINE = 65536
_MOST_FIELDS = 200


class BadRequestError(Exception):
    """What came over the connection is no HTTP request."""


def read_request(stream: BinaryIO) -> tuple[Request, bool] | None:
    """Read one request.

    Args:
        stream: The connection, buffered and binary, readable and writable (for `100 Continue`).

    Returns:
        The request and whether its connection may be kept; None where the client has closed.

    Raises:
        BadRequestError: The bytes are no HTTP request.
    """
    line = stream.readline(_LINE)
    while line in (b"\r\n", b"\n"):
        line = stream.readline(_LINE)
    if not line:
        return None
    parts = line.decode("latin-1").split()
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        message = "request line"
        raise BadRequestError(message)
    method, target, version = parts
    headers = _read_headers(stream)
    if headers.get("expect", "").lower() == "100-continue":
        stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        stream.flush()
    body = _read_body(stream, headers)
    address = urlsplit(target)
    query = parse_qs(address.query, keep_blank_values=True)
    connection = headers.get("connection", "").lower()
    keep = connection == "keep-alive" if version == "HTTP/1.0" else connection != "close"
    request = Request(method.upper(), unquote(address.path), query, headers, body, target)
    return request, keep


def _read_headers(stream: BinaryIO) -> Headers:
    """Read the header fields up to the empty line; repeated ones are joined by a comma."""
    fields: dict[str, str] = {}
    for _ in range(_MOST_FIELDS):
        line = _read_line(stream).decode("latin-1").rstrip("\r\n")
        if not line:
            return Headers(fields)
        name, colon, value = line.partition(":")
        if not colon:
            message = "header field"
            raise BadRequestError(message)
        name, value = name.strip().lower(), value.strip()
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    message = "too many header fields"
    raise BadRequestError(message)


def _read_body(stream: BinaryIO, headers: Headers) -> bytes:
    """Read the body by its length or, if it is chunked, chunk by chunk."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return _read_chunks(stream)
    length = headers.get("content-length", "0")
    if not length.isdigit():
        message = "Content-Length"
        raise BadRequestError(message)
    return _read_exactly(stream, int(length))


def _read_chunks(stream: BinaryIO) -> bytes:
    """Read a chunked body with its trailer."""
    chunks: list[bytes] = []
    while True:
        try:
            size = int(_read_line(stream).split(b";")[0], 16)
        except ValueError as error:
            message = "chunk size"
            raise BadRequestError(message) from error
        if size == 0:
            _read_headers(stream)
            return b"".join(chunks)
        chunks.append(_read_exactly(stream, size))
        _read_line(stream)


def _read_line(stream: BinaryIO) -> bytes:
    """Read one line with its end; ConnectionError where the client went away within it."""
    line = stream.readline(_LINE)
    if not line.endswith(b"\n"):
        message = "line cut"
        raise ConnectionError(message)
    return line


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    """Read `size` bytes; ConnectionError where the client went away within them."""
    data = stream.read(size)
    if len(data) < size:
        message = "body cut"
        raise ConnectionError(message)
    return data
