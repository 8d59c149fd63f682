"""Imitations of the vendors' APIs over real sockets, with seeded data and seeded faults."""

from __future__ import annotations

from contact_sandbox.faults import Faults
from contact_sandbox.request_log import LoggedRequest, RequestLog
from contact_sandbox.server import Server
from contact_sandbox.vendor import Reply, Request, Vendor

__all__ = ["Faults", "LoggedRequest", "Reply", "Request", "RequestLog", "Server", "Vendor"]
