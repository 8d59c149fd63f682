"""The floor: requests and msgspec, no Singer logic."""

from __future__ import annotations

import argparse
import json
import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any

import msgspec
import requests

Result = dict[str, Any]


def fetch(options: argparse.Namespace, session: requests.Session, offset: int) -> Result:
    """Read one page."""
    params = {
        "date_from": options.first, "date_till": options.last,
        "limit": options.page_size, "offset": offset,
    }  # fmt: skip
    body = {"jsonrpc": "2.0", "id": 1, "method": "get.calls_report", "params": params}
    answer = session.post(options.url + "/v2.0", data=json.dumps(body), timeout=60)
    result: Result = msgspec.json.decode(answer.content)["result"]
    return result


def main(options: argparse.Namespace) -> None:
    """Read all pages and write a line a record."""
    encode, write = msgspec.json.Encoder().encode_lines, sys.stdout.buffer.write
    read = partial(fetch, options, requests.Session())
    page = read(0)
    write(encode(page["data"]))
    offsets = iter(range(options.page_size, page["metadata"]["total_items"], options.page_size))
    if options.in_flight == 1:
        for offset in offsets:
            write(encode(read(offset)["data"]))
        return
    with ThreadPoolExecutor(options.in_flight) as pool:
        ahead: deque[Future[Result]] = deque()
        ahead.extend(pool.submit(read, offset) for offset in islice(offsets, options.in_flight))
        while ahead:
            page = ahead.popleft().result()
            ahead.extend(pool.submit(read, offset) for offset in islice(offsets, 1))
            write(encode(page["data"]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("url", "first", "last"):
        parser.add_argument(name)
    parser.add_argument("page_size", type=int)
    parser.add_argument("in_flight", type=int)
    main(parser.parse_args())
