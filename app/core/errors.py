"""Business errors: code and HTTP status as data, rendered in one place (http.problems).

BusinessError
├── NotFound            404
├── Invalid             422, with faults by JSON pointer
├── Conflict            409
├── Forbidden           403
├── Unauthenticated     401
├── PreconditionFailed  412
├── TooManyRequests     429, with retry_after seconds
└── Unavailable         503 (transient)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pipelines.errors import Fault

__all__ = [
    "BusinessError",
    "Conflict",
    "Fault",
    "Forbidden",
    "Invalid",
    "NotFound",
    "PreconditionFailed",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
]


class BusinessError(Exception):
    """Something the caller may be told as it stands. `permanent`: a retry of a step cannot help."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "error"
    permanent: ClassVar[bool] = True

    def __init__(self, message: str, *, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.faults = tuple(faults)


class NotFound(BusinessError):
    """It does not exist, or belongs to somebody else."""

    status, code = 404, "not-found"


class Invalid(BusinessError):
    """The input is understood and wrong; `faults` names each place."""

    status, code = 422, "invalid"


class Conflict(BusinessError):
    """The present state does not allow it."""

    status, code = 409, "conflict"


class Forbidden(BusinessError):
    """The caller is known and may not."""

    status, code = 403, "forbidden"


class Unauthenticated(BusinessError):
    """The caller is not known."""

    status, code = 401, "unauthenticated"


class PreconditionFailed(BusinessError):
    """If-Match names another version."""

    status, code = 412, "precondition-failed"


class TooManyRequests(BusinessError):
    """The rate limit is reached."""

    status, code = 429, "too-many-requests"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(BusinessError):
    """Something we need is not there right now; later it may be."""

    status, code = 503, "unavailable"
    permanent = False
