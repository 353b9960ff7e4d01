"""Everything that goes wrong is told as RFC 9457 `application/problem+json`; what nobody foresaw is logged and told as 500.

Of an unforeseen error the caller learns the trace id only.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import marshmallow as ma
from flask import Flask, Response, request
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from app.core.errors import (
    BusinessError,
    Conflict,
    Fault,
    Invalid,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from app.core.log import about
from app.http.trace import trace_id
from app.http.wire import dumps

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2

# SQLSTATEs that pass: connection (08), resources (53), intervention (57), deadlock and serialisation (40), lock not had
_PASSING_CLASSES = ("08", "53", "57", "40")
_LOCK_NOT_AVAILABLE = "55P03"
_UNIQUE_VIOLATION = "23505"
_OUT_OF_RANGE = "22003"
_LARGEST_INTEGER = 2**31 - 1

_SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not know that method.",
    413: "The body is larger than 1 MiB.",
    500: "Something went wrong on our side; the trace id tells us what.",
}


class ProblemDocument(ma.Schema):
    """An error, as RFC 9457 has it."""

    class FaultAt(ma.Schema):
        """One wrong place."""

        pointer = ma.fields.String(metadata={"description": "JSON pointer to the wrong place"})
        message = ma.fields.String()

    type = ma.fields.String(required=True, metadata={"description": "`urn:turnup:problem:` and the code"})
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String()
    code = ma.fields.String(required=True)
    trace_id = ma.fields.String(required=True)
    errors = ma.fields.List(ma.fields.Nested(FaultAt))


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    faults: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer that tells an error."""
    document: dict[str, Any] = {
        "type": f"urn:turnup:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "trace_id": trace_id(),
    }
    if faults:
        document["errors"] = [{"pointer": fault.pointer, "message": fault.message} for fault in faults]
    answer = Response(dumps(document), status=status, content_type=MEDIA_TYPE)
    answer.headers.extend(headers or {})
    answer.headers["Cache-Control"] = "no-store"
    return answer


def register(app: Flask) -> None:
    """Answer every error of this application with a problem document."""
    app.register_error_handler(Exception, _answer)


def invalid(error: ma.ValidationError) -> Invalid:
    """Marshmallow's findings as faults by JSON pointer."""
    faults = tuple(_faults(error.messages, ""))
    return Invalid("The input is not valid.", faults=faults)


def _faults(messages: Any, pointer: str) -> Iterator[Fault]:
    if isinstance(messages, Mapping):
        for key, value in messages.items():
            here = pointer if key == "_schema" else f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
            yield from _faults(value, here)
    elif isinstance(messages, (list, tuple)):
        for message in messages:
            yield from _faults(message, pointer)
    else:
        yield Fault(pointer, str(messages))


def _answer(error: Exception) -> Response | RequestRedirect:
    if isinstance(error, RequestRedirect):
        return error
    if isinstance(error, HTTPException):
        return _http(error)
    business = error if isinstance(error, BusinessError) else _translated(error)
    if business is not None:
        return problem(
            business.status, business.code, business.message, faults=business.faults, headers=_headers(business)
        )
    with about(trace_id=trace_id()):
        log.error("unexpected error", exc_info=error)
    return problem(500, "internal", _SENTENCES[500])


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    name = HTTPStatus(status).phrase.lower().replace(" ", "-")
    headers = {key: value for key, value in error.get_headers() if key.lower() in {"allow", "retry-after"}}
    return problem(status, name, _SENTENCES.get(status) or error.description or error.name, headers=headers)


def _headers(error: BusinessError) -> dict[str, str]:
    match error:
        case TooManyRequests():
            return {"Retry-After": str(error.retry_after)}
        case Unauthenticated():
            presented = ', error="invalid_token"' if "Authorization" in request.headers else ""
            return {"WWW-Authenticate": f'Bearer realm="turnup"{presented}'}
        case Unavailable():
            return {"Retry-After": str(RETRY_SECONDS)}
        case _:
            return {}


def _translated(error: Exception) -> BusinessError | None:
    """What the database refused, where that is the caller's matter or passes by itself."""
    match error:
        case StaleDataError():
            return Conflict("Somebody else changed this at the same moment; read it again.")
        case PoolExhausted():
            return Unavailable("Too much is going on right now; try again.")
        case IntegrityError() if _sqlstate(error) == _UNIQUE_VIOLATION:
            return Conflict("Something with the same name or number exists already.")
        case DataError():
            return _out_of_range(error)
        case DBAPIError() if error.connection_invalidated or _passes(error):
            log.warning("the database is not available", exc_info=error)
            return Unavailable("The database is not available right now; try again.")
    return None


def _out_of_range(error: DataError) -> BusinessError:
    """A value that cannot be stored; where a number in the address is one, no row has it."""
    named = (request.view_args or {}).values()
    if _sqlstate(error) == _OUT_OF_RANGE and any(isinstance(each, int) and each > _LARGEST_INTEGER for each in named):
        return NotFound(_SENTENCES[404])
    return Invalid("A value is out of the range that can be stored.")


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _passes(error: DBAPIError) -> bool:
    sqlstate = _sqlstate(error)
    if sqlstate is None:
        # psycopg tells a failed or lost connection without a SQLSTATE
        return type(error.orig).__name__ == "OperationalError"
    return sqlstate == _LOCK_NOT_AVAILABLE or sqlstate.startswith(_PASSING_CLASSES)
