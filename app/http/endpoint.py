"""`endpoint`: how a room declares a route.

    @endpoint(blp, "POST", "/orders", permission="order.create", body=OrderCreate, answer=OrderOut, status=201,
              idempotent=True)
    def create_order(ctx: Context) -> Any: ...

    @endpoint(blp, "GET", "/orders", permission="order.read", query=OrderFilter, answer=OrderOut, paged=True)
    def list_orders(ctx: Context) -> Any:
        return page(ctx, service.orders(...))

A request is one transaction as the principal's owner: it commits when the view has returned and its answer is serialised,
before the answer leaves, and rolls back on any error. The view's docstring is the operation's text in OpenAPI.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from flask import Response, request
from flask_smorest import Blueprint

from app.core.errors import BusinessError
from app.core.log import about
from app.http import reading
from app.http.context import Context
from app.http.edge import Edge, edge
from app.http.idempotency import HEADER, Answer, Claim
from app.http.openapi import document
from app.http.pages import Page, PageQuery, page
from app.http.routes import AUTHENTICATED, PUBLIC, Access, Route, declare
from app.http.trace import trace_id
from app.http.wire import dumps

__all__ = ["PUBLIC", "Blueprint", "Context", "Page", "PageQuery", "endpoint", "page"]

log = logging.getLogger(__name__)

WITH_BODY = {"POST", "PUT", "PATCH"}
SchemaLike = ma.Schema | type[ma.Schema]
View = Callable[..., Any]


def endpoint(
    blueprint: Blueprint,
    method: str,
    path: str,
    *,
    permission: str | Access | None,
    authenticated: bool = False,
    body: SchemaLike | None = None,
    query: SchemaLike | None = None,
    answer: SchemaLike | None = None,
    status: int = 200,
    idempotent: bool = False,
    paged: bool = False,
    late: bool = False,
    errors: Sequence[int] = (),
    media_type: str = "application/json",
) -> Callable[[View], View]:
    """Register a view of `(ctx, **path parameters)`.

    `permission`: its name, PUBLIC, or None with `authenticated=True` for any signed-in user. The view returns what `answer`
    dumps (a Page for `paged`), None for no body, or a Response of its own. `idempotent`: Idempotency-Key is honoured.
    `late`: the view may answer 200 instead, by `answer_later`. `errors`: statuses to document besides those that follow from the rest. Unknown fields of body and query are refused
    unless the schema itself includes them.
    """
    if permission is None and not authenticated:
        raise ValueError(f"{method} {path}: say which permission it needs, PUBLIC, or authenticated=True")
    needs = AUTHENTICATED if permission is None else permission
    if paged and query is None:
        query = PageQuery
    handler = _Handler(
        route=Route(method, path, needs, idempotent),
        body=_instance(body),
        query=_instance(query),
        answer=_instance(answer),
        status=status,
    )

    def register(view: View) -> View:
        @functools.wraps(view)
        def answered(**arguments: Any) -> Response:
            return handler(view, arguments)

        declare(answered, handler.route)
        blueprint.add_url_rule(
            path,
            endpoint=view.__name__,
            view_func=document(
                answered,
                route=handler.route,
                body=handler.body,
                query=handler.query,
                answer=handler.answer,
                status=status,
                paged=paged,
                late=late,
                errors=errors,
                media_type=media_type,
            ),
            methods=[method],
        )
        return view

    return register


def _instance(schema: SchemaLike | None) -> ma.Schema | None:
    return schema() if isinstance(schema, type) else schema


@dataclass(frozen=True, slots=True)
class _Handler:
    """What happens between the server and a view."""

    route: Route
    body: ma.Schema | None
    query: ma.Schema | None
    answer: ma.Schema | None
    status: int

    def __call__(self, view: View, arguments: dict[str, Any]) -> Response:
        begun, status = time.monotonic(), 0
        with about(trace_id=trace_id()):
            try:
                response = self._respond(edge(), view, arguments)
                status = response.status_code
            except BusinessError as error:
                status = error.status
                raise
            else:
                return response
            finally:
                # the path's pattern, never the path: it may hold an order number, which opens the order's status
                took = time.monotonic() - begun
                log.info("%s %s -> %s in %.3f s", request.method, request.url_rule, status or "error", took)

    def _respond(self, parts: Edge, view: View, arguments: dict[str, Any]) -> Response:
        reading.refuse_large_body()
        caller = reading.caller(parts.tokens, self.route.needs)
        if caller is None:
            limits = parts.limits.public(request.remote_addr or "unknown")
        else:
            limits = parts.limits.signed_in(caller)
        query = reading.query(self.query)
        takes_body = self.body is not None or self.route.method in WITH_BODY
        body = reading.body(self.body) if takes_body else {}
        with ExitStack() as stack:
            ctx = Context(edge=parts, caller=caller, stack=stack, body=body, query=query)
            response = self._in_transaction(ctx, view, arguments)
        if ctx.late_answer is not None and (late := ctx.late_answer()) is not None:
            response = self._response(Answer(200, ctx.headers, self._dumped(ctx, late)))
        response.headers.extend(limits)
        return response

    def _in_transaction(self, ctx: Context, view: View, arguments: dict[str, Any]) -> Response:
        claim = self._claim(ctx)
        if claim and (earlier := claim.earlier_answer(ctx.session)):
            repeated = self._response(earlier)
            repeated.headers["Idempotency-Replayed"] = "true"
            return repeated
        result = view(ctx, **arguments)
        if isinstance(result, Response):
            result.headers.extend(ctx.headers)
            return result
        answer = Answer(self.status, ctx.headers, self._dumped(ctx, result))
        if claim:
            claim.keep(ctx.session, answer)
        return self._response(answer)

    def _claim(self, ctx: Context) -> Claim | None:
        key = request.headers.get(HEADER)
        if not self.route.idempotent or key is None:
            return None
        path = request.path if request.path.startswith("/api/") else f"/api/v1{request.path}"
        return Claim.of(
            principal=ctx.actor,
            route=f"{request.method} {path}",
            key=key,
            body=request.get_json(silent=True) or {},
            secret=ctx.world.settings.secret_key,
        )

    def _dumped(self, ctx: Context, result: Any) -> str:
        if result is None:
            return ""
        if isinstance(result, Page):
            ctx.headers.update(result.headers())
            items = list(result.items)
            return dumps(self.answer.dump(items, many=True) if self.answer else items)
        return dumps(self.answer.dump(result) if self.answer else result)

    def _response(self, answer: Answer) -> Response:
        response = Response(answer.body, status=answer.status, headers=answer.headers)
        if answer.body:
            response.content_type = "application/json"
        else:
            response.headers.pop("Content-Type", None)
        if request.method in {"GET", "HEAD"}:
            response.make_conditional(request)
        return response
