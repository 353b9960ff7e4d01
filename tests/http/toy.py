"""A small application over the real world: one endpoint for each thing that the edge does."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import marshmallow as ma
from flask import Flask
from sqlalchemy import insert, select, text

from app.core import audit
from app.core.audit import AuditEntry
from app.core.clock import now
from app.core.errors import Conflict, Invalid, NotFound, TooManyRequests, Unavailable
from app.core.events import OutboxEvent
from app.core.ids import OPERATOR_ID, new_id
from app.core.world import World
from app.http import api
from app.http.endpoint import PUBLIC, Blueprint, Context, PageQuery, endpoint, page
from app.http.fields import Money, Time
from app.http.sse import Pace, stream
from pipelines.errors import Fault


class Line(ma.Schema):
    code = ma.fields.String(required=True)
    quantity = ma.fields.Integer(load_default=1, validate=ma.validate.Range(min=1))


class NoteIn(ma.Schema):
    text = ma.fields.String(required=True)
    lines = ma.fields.List(ma.fields.Nested(Line))


class NoteOut(ma.Schema):
    id = ma.fields.Integer()
    action = ma.fields.String()
    at = Time()


class NoteQuery(PageQuery):
    action = ma.fields.String()


class Amount(ma.Schema):
    total_amount = Money()


class Anything(ma.Schema):
    class Meta:
        unknown = ma.INCLUDE


@dataclass
class Gate:
    """Lets a test hold a request open."""

    entered: threading.Event = field(default_factory=threading.Event)
    open: threading.Event = field(default_factory=threading.Event)


def blueprint(gate: Gate, state: dict[str, Any], pace: Pace) -> Blueprint:  # noqa: C901 - one endpoint after another
    blp = Blueprint("toys", __name__, description="Toys")

    @endpoint(blp, "POST", "/notes", permission=PUBLIC, body=NoteIn, answer=NoteOut, status=201, idempotent=True)
    def make_note(ctx: Context) -> Any:
        """Write a note."""
        if ctx.body["text"] == "refuse":
            raise Conflict("No.")
        audit.record(ctx.session, ctx.body["text"], "note")
        if ctx.body["text"] == "hold":
            gate.entered.set()
            gate.open.wait(10)
        ctx.headers["Location"] = "/somewhere"
        return _last(ctx)

    @endpoint(blp, "POST", "/things/<int:thing_id>/start", permission=PUBLIC, idempotent=True, status=202)
    def start(ctx: Context, *, thing_id: int) -> Any:
        ctx.answer_later(lambda: {"finished": thing_id})
        return {"started": thing_id}

    @endpoint(blp, "GET", "/notes", permission="note.read", query=NoteQuery, answer=NoteOut, paged=True)
    def list_notes(ctx: Context) -> Any:
        statement = select(AuditEntry).where(AuditEntry.object == "page")
        if action := ctx.query.get("action"):
            statement = statement.where(AuditEntry.action == action)
        return page(ctx, statement, by=(AuditEntry.at, AuditEntry.id))

    @endpoint(blp, "POST", "/failing/<how>", permission=PUBLIC)
    def fail(ctx: Context, *, how: str) -> Any:
        audit.record(ctx.session, "failing", how)
        ctx.session.flush()
        _fail(ctx, how)

    @endpoint(blp, "GET", "/me", permission=None, authenticated=True)
    def me(ctx: Context) -> Any:
        return {
            "user": ctx.principal.user_id,
            "owner": ctx.session.scalar(text("SELECT current_setting('app.owner_id')")),
            "email": ctx.principal.email,
        }

    @endpoint(blp, "PATCH", "/versioned", permission="note.update", body=Anything, errors=[412])
    def change(ctx: Context) -> Any:
        ctx.etag(7)
        ctx.etag(8)
        return dict(ctx.body)

    @endpoint(blp, "GET", "/versioned", permission=PUBLIC, answer=Amount)
    def show(ctx: Context) -> Any:
        ctx.etag(7)
        return {"total_amount": ctx.session.scalar(text("SELECT 348.00::numeric(12,2)"))}

    @endpoint(blp, "POST", "/login", permission=PUBLIC, body=Anything)
    def login(ctx: Context) -> Any:
        ctx.throttle_login(ctx.body["email"])
        raise NotFound("no")

    @endpoint(blp, "GET", "/events", permission=PUBLIC, media_type="text/event-stream")
    def events(ctx: Context) -> Any:
        return stream(
            ctx.world,
            "turnup:toy",
            lambda: dict(state) if state else None,
            done=lambda found: found.get("status") == "active",
            pace=pace,
        )

    @endpoint(blp, "GET", "/workflows", permission=PUBLIC)
    def workflows(ctx: Context) -> Any:
        return {"short": ctx.by_short_path}

    return blp


def toy_app(
    world: World, *, gate: Gate | None = None, state: dict[str, Any] | None = None, pace: Pace | None = None
) -> Flask:
    app = Flask("toy", static_folder=None)
    mounted = api.install(app, world, version="1")
    state = {} if state is None else state
    api.mount(app, mounted, [blueprint(gate or Gate(), state, pace or Pace(look=0.02, comment=0.1, life=5))])
    return app


def _last(ctx: Context) -> AuditEntry:
    ctx.session.flush()
    return ctx.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()


def _fail(ctx: Context, how: str) -> None:
    match how:
        case "missing":
            raise NotFound("There is no such thing.")
        case "invalid":
            raise Invalid("It is wrong.", faults=[Fault("/a/0", "must be less")])
        case "many":
            raise TooManyRequests("Too many.", retry_after=7)
        case "away":
            raise Unavailable("Away.")
        case "range":
            ctx.session.execute(text("SELECT 70000::smallint"))
        case "twice":
            made = new_id()
            for _ in range(2):
                ctx.session.execute(
                    insert(OutboxEvent).values(
                        id=made, type="t", subject="s", owner_id=OPERATOR_ID, at=now(ctx.session), data={}
                    )
                )
        case "lost":
            ctx.session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        case _:
            raise RuntimeError("secret detail")
