"""Faults of a request as such, before any business is done."""

from __future__ import annotations

from app.core.errors import BusinessError


class BadRequest(BusinessError):
    """The request cannot be understood."""

    status, code = 400, "bad-request"


class TooLarge(BusinessError):
    """The body is larger than is taken."""

    status, code = 413, "too-large"


class NotJson(BusinessError):
    """The body is not said to be JSON."""

    status, code = 415, "unsupported-media-type"
