"""One verb over a search, by HTTP."""

from __future__ import annotations

from typing import Any

from app.core.errors import Forbidden
from app.domains.workflows import schemas, service
from app.domains.workflows.routes.parts import With, own_tenant, workflows
from app.http.endpoint import Context, PageQuery, endpoint, page


@endpoint(
    workflows,
    "POST",
    "/workflows/bulk",
    permission="workflow:execute",
    body=schemas.BulkIn,
    answer=schemas.BulkDetail,
    status=202,
    idempotent=True,
    late=True,
    errors=(403,),
)
def start_bulk(ctx: Context) -> Any:
    """Do a verb to every execution that a search finds: a canary first, at a rate, until too many fail again.

    With `preview` nothing is done, and the answer (200) says how many it would be about.
    """
    wanted = ctx.body
    _refuse_without_permission(ctx, wanted["verb"])
    if wanted["preview"]:
        found = service.preview_bulk(ctx.session, filters=wanted["filters"])
        preview = {"verb": wanted["verb"], "total": found.count, "sample": found.sample}
        ctx.answer_later(lambda: preview)
        return preview
    corrected = wanted["params"].get("context")
    own_tenant(ctx, corrected if isinstance(corrected, dict) else None)
    bulk = service.create_bulk(
        ctx.session,
        verb=wanted["verb"],
        filters=wanted["filters"],
        params=wanted["params"],
        reason=wanted["reason"],
        canary=wanted["canary"],
        rate=wanted["rate"],
        stop_at=wanted["stop_at"],
        created_by=ctx.actor,
        permissions=sorted(ctx.principal.permissions),
    )
    ctx.headers["Location"] = f"/api/v1/workflows/bulk/{bulk.id}"
    return _reported(ctx, bulk)


@endpoint(
    workflows,
    "GET",
    "/workflows/bulk",
    permission="workflow:view",
    query=PageQuery,
    answer=schemas.BulkOut,
    paged=True,
)
def list_bulks(ctx: Context) -> Any:
    """Bulk operations, newest first."""
    return page(ctx, service.list_bulks())


@endpoint(
    workflows,
    "GET",
    "/workflows/bulk/<int:bulk_id>",
    permission="workflow:view",
    answer=schemas.BulkDetail,
)
def show_bulk(ctx: Context, *, bulk_id: int) -> Any:
    """A bulk operation, and how many executions got past what had failed."""
    return _reported(ctx, service.get_bulk(ctx.session, bulk_id=bulk_id))


@endpoint(
    workflows,
    "POST",
    "/workflows/bulk/<int:bulk_id>/stop",
    permission="workflow:execute",
    body=schemas.Reason,
    answer=schemas.BulkDetail,
    idempotent=True,
    errors=(409,),
)
def stop_bulk(ctx: Context, *, bulk_id: int) -> Any:
    """Ask no more executions; those that were asked go on."""
    return _reported(ctx, service.stop_bulk(ctx.session, bulk_id=bulk_id, reason=ctx.body["reason"]))


@endpoint(
    workflows,
    "POST",
    "/workflows/bulk/<int:bulk_id>/resume",
    permission="workflow:execute",
    body=schemas.Reason,
    answer=schemas.BulkDetail,
    idempotent=True,
    errors=(409,),
)
def resume_bulk(ctx: Context, *, bulk_id: int) -> Any:
    """Go on with a stopped one, without canary and limit; needs the permission of its verb."""
    _refuse_without_permission(ctx, service.get_bulk(ctx.session, bulk_id=bulk_id).verb)
    return _reported(ctx, service.resume_bulk(ctx.session, bulk_id=bulk_id, reason=ctx.body["reason"]))


def _refuse_without_permission(ctx: Context, verb: str) -> None:
    needed = service.VERBS[verb].permission
    if not ctx.principal.may(needed):
        raise Forbidden(f"This needs the permission {needed}.")


def _reported(ctx: Context, bulk: service.BulkOperation) -> With:
    return With(bulk, report=service.bulk_report(ctx.session, bulk_id=bulk.id), sample=[])
