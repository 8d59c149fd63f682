"""Reads every page and looks at nothing: shows that the server is not what is measured.

The last line of its output is the number of rows that it asked for.
"""

from __future__ import annotations

import base64
import http.client
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

Asked = tuple[str, str, str | None]
_BUFFER = memoryview(bytearray(1 << 20))


def asked(options: dict[str, Any], first: int) -> Asked:
    """Give the request for the rows from `first` on; the server's own keys are known here."""
    size, begin, end = options["page_size"], options["first"], options["last"]
    shape = options["shape"]
    if shape == "callgear":
        params = {"date_from": begin, "date_till": end, "limit": size, "offset": first}
        return "POST", "/v2.0", json.dumps({"method": "get.calls_report", "params": params})
    if shape == "interactions":
        body = {"StartDateTime": begin, "EndDateTime": end, "Limit": size, "Offset": first}
        return "POST", "/reporting/api/v1/interaction/details", json.dumps(body)
    if shape == "pbx":
        query = {"fromDate": begin, "toDate": end, "page": first // size + 1}
        return "GET", f"/api/call_list.php?{urlencode(query)}", None
    if shape == "dixa":
        key = base64.b64encode(f"{first}:{options['rows']}".encode()).decode()
        query = {"fromDatetime": begin, "toDatetime": end, "pageLimit": size, "pageKey": key}
        return "GET", f"/v1/conversations/activitylog?{urlencode(query)}", None
    beyond = f"rowId-gt-value-{int(options['first_key']) + first - 1}"
    query = {"startDate": begin, "endDate": end, "limit": size, "filter[]": beyond}
    return "GET", f"/reports/v2.1/igrps/101/triggers/calls?{urlencode(query)}", None


def main(options: dict[str, Any]) -> None:
    """Ask for page after page."""
    connection = http.client.HTTPConnection(options["api_url"].removeprefix("http://"))
    for first in range(0, options["rows"], options["page_size"]):
        method, target, body = asked(options, first)
        connection.request(method, target, body)
        answer = connection.getresponse()
        while answer.readinto(_BUFFER):
            pass
    print(options["rows"])  # noqa: T201


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
