"""What OpenAPI says of a route: derived from its declaration, so that it cannot say anything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import marshmallow as ma
from flask_smorest import Blueprint

from app.http.problems import MEDIA_TYPE, ProblemDocument
from app.http.routes import PUBLIC, Access, Route

BEARER = "bearer"

DESCRIPTION = """Orders go in, running services come out.

Errors are `application/problem+json` (RFC 9457). Lists are JSON arrays, paged by `limit` and `cursor`; the next page is in
`Link` and `X-Next-Cursor`. Unknown fields are refused. Where `Idempotency-Key` is taken, the same request sent again gets
the first answer, for 24 hours. `/api/v1/workflows...` and `/api/v1/auth/login` answer without `/api/v1` as well."""

_IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "The same request sent again under the same key gets the first answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "description": "The ETag that was read; refused when it was changed since.",
    "schema": {"type": "string"},
}
_PAGE_HEADERS = {
    "X-Next-Cursor": {"description": "Cursor of the next page; absent on the last.", "schema": {"type": "string"}},
    "Link": {"description": 'Address of the next page, rel="next".', "schema": {"type": "string"}},
}


def document(
    view: Callable[..., Any],
    *,
    route: Route,
    body: ma.Schema | None,
    query: ma.Schema | None,
    answer: ma.Schema | None,
    status: int,
    paged: bool,
    late: bool,
    errors: Sequence[int],
    media_type: str,
) -> Callable[..., Any]:
    """The view, with what the document is to say of it."""
    operation: dict[str, Any] = {"security": _security(route.needs), "responses": {}}
    if isinstance(route.needs, str):
        operation["x-permission"] = route.needs
    parameters: list[dict[str, Any]] = [{"in": "query", "schema": query}] if query else []
    if route.idempotent:
        parameters.append(_IDEMPOTENCY_KEY)
    if HTTPStatus.PRECONDITION_FAILED in errors:
        parameters.append(_IF_MATCH)
    if parameters:
        operation["parameters"] = parameters
    if body:
        required = any(field.required for field in body.fields.values())
        operation["requestBody"] = {"required": required, "content": {"application/json": {"schema": body}}}
    for success in {HTTPStatus.OK, status} if late else {status}:
        operation["responses"][str(int(success))] = _success(answer, success, paged=paged, media_type=media_type)
    for code in sorted({*_errors(route, has_body=body is not None, has_query=query is not None), *errors}):
        operation["responses"][str(code)] = {
            "description": HTTPStatus(code).phrase,
            "content": {MEDIA_TYPE: {"schema": ProblemDocument}},
        }
    documented: Callable[..., Any] = Blueprint.doc(**operation)(view)
    return documented


class SchemaNames:
    """What schemas are called in one document: by their class, with the room's name in front where two rooms chose the same."""

    def __init__(self) -> None:
        self._classes: dict[str, type[ma.Schema]] = {}

    def __call__(self, schema: ma.Schema | type[ma.Schema] | str) -> str | None:
        """A name, or None for a schema that was cut down for its place: it stands there without one."""
        if isinstance(schema, str):
            return schema
        if isinstance(schema, ma.Schema) and _cut_down(schema):
            return None
        cls = schema if isinstance(schema, type) else type(schema)
        name = cls.__name__
        if self._classes.setdefault(name, cls) is cls:
            return name
        # app.domains.billing.schemas, or a module in it
        room = cls.__module__.partition(".schemas")[0].rpartition(".")[2]
        return f"{room.title()}{name}"


def _cut_down(schema: ma.Schema) -> bool:
    return (
        schema.only is not None
        or bool(schema.partial)
        or set(schema.exclude) != set(schema.opts.exclude)
        or set(schema.load_only) != set(schema.opts.load_only)
        or set(schema.dump_only) != set(schema.opts.dump_only)
    )


def _security(needs: str | Access) -> list[dict[str, list[str]]]:
    return [] if needs is PUBLIC else [{BEARER: []}]


def _success(answer: ma.Schema | None, status: int, *, paged: bool, media_type: str) -> dict[str, Any]:
    response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if media_type != "application/json":
        response["content"] = {media_type: {"schema": {"type": "string"}}}
    elif paged:
        schema: dict[str, Any] = {"type": "array", "items": answer or {"type": "object"}}
        response["content"] = {media_type: {"schema": schema}}
        response["headers"] = _PAGE_HEADERS
    elif answer is not None:
        response["content"] = {media_type: {"schema": answer}}
    return response


def _errors(route: Route, *, has_body: bool, has_query: bool) -> set[int]:
    found = {429}
    if route.needs is not PUBLIC:
        found.add(401)
    if isinstance(route.needs, str):
        found.add(403)
    if "<" in route.path:
        found.add(404)
    if has_body:
        found |= {400, 413, 415, 422}
    if has_query:
        found.add(422)
    if route.idempotent:
        found |= {400, 409, 422}
    return found
