"""Events by HTTP: which there are, and raising one from outside."""

from __future__ import annotations

from typing import Any

from app.core import event_types
from app.core.errors import NotFound
from app.core.events import canonical
from app.domains.workflows import schemas, service
from app.domains.workflows.routes.parts import events
from app.http.endpoint import PUBLIC, Context, endpoint


@endpoint(events, "GET", "/events/types", permission=PUBLIC, answer=schemas.EventTypeOut(many=True))
def list_event_types(ctx: Context) -> Any:  # noqa: ARG001 - a view takes it
    """Every type of event that Turnup raises, with the JSON Schema of its data.

    The schema's required properties are there in any case; events of Turnup's own have all of them, null where there is none.
    """
    return event_types.listed()


@endpoint(
    events, "GET", "/events/types/<string:event_type>", permission=PUBLIC, answer=schemas.EventTypeOut, errors=[404]
)
def show_event_type(ctx: Context, *, event_type: str) -> Any:  # noqa: ARG001 - a view takes it
    """One type of event; a leading `crm.` or `billing.` names the same type."""
    if found := event_types.find(canonical(event_type)):
        return found
    message = f"There is no event type {event_type}."
    raise NotFound(message)


@endpoint(
    events,
    "POST",
    "/events",
    permission="event.publish",
    body=schemas.EventIn,
    answer=schemas.EventOut,
    status=202,
    idempotent=True,
    errors=[404, 409],
)
def publish_event(ctx: Context) -> Any:
    """Raise an event from outside: it starts workflows, wakes those that wait for it, and is published as any other.

    The data of a type of Turnup's own are checked against its schema. A type of your own begins with a word of your own and
    has the data that you like. The event's `id` is made here; the one that the source gave makes it one event, however often
    it is sent.
    """
    tenant, own = ctx.body.get("tenantid"), ctx.principal.owner_id
    if tenant not in (None, own):
        message = f"Tenant '{tenant}' not found"
        raise NotFound(message)
    return service.raise_event(
        ctx.session,
        event_type=ctx.body["type"],
        data=ctx.body["data"],
        source=ctx.body["source"],
        subject=ctx.body.get("subject"),
        event_id=ctx.body.get("id"),
    )
