"""The trace a request belongs to: the caller's W3C `traceparent` where it sends one, else a fresh id."""

from __future__ import annotations

import re
import secrets

from flask import g, request

_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def trace_id() -> str:
    """32 hexadecimal digits, the same throughout a request."""
    if "trace_id" not in g:
        given = _TRACEPARENT.match(request.headers.get("traceparent", ""))
        g.trace_id = given[1] if given else secrets.token_hex(16)
    return str(g.trace_id)
