"""Partners' licenses: how many there are, how many are left, and who has them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.core.ids import new_id
from app.domains.partners import service
from app.domains.partners.routes.access import OWN, is_staff, reached
from app.domains.partners.schemas import pools as schemas
from app.http.endpoint import Blueprint, Context, endpoint, page

pools = Blueprint("license_pools", __name__, description="Licenses that partners give out")

_ALLOCATION = (
    "id",
    "partner_id",
    "pool_id",
    "customer_id",
    "license_count",
    "status",
    "returned_at",
    "created_at",
)


@endpoint(
    pools,
    "GET",
    "/partners/<uuid:partner_id>/license-pools",
    permission=OWN,
    answer=schemas.PoolOut,
    paged=True,
)
def list_license_pools(ctx: Context, *, partner_id: UUID) -> Any:
    """A partner's pools, newest first."""
    return page(ctx, service.all_pools(ctx.session, partner_id=reached(ctx, partner_id).id))


@endpoint(
    pools,
    "PUT",
    "/partners/<uuid:partner_id>/license-pools",
    permission="partner.update",
    body=schemas.PoolIn,
    answer=schemas.PoolOut,
    errors=[404, 409],
)
def put_license_pool(ctx: Context, *, partner_id: UUID) -> Any:
    """Make a partner's pool of a template, or change how many licenses it has and what one is sold for."""
    fields = dict(ctx.body)
    template = fields.pop("license_template_id")
    return service.put_pool(ctx.session, partner_id=partner_id, template=template, fields=fields)


@endpoint(
    pools,
    "GET",
    "/partners/<uuid:partner_id>/license-pools/<uuid:license_pool_id>",
    permission=OWN,
    answer=schemas.PoolOut,
)
def show_license_pool(ctx: Context, *, partner_id: UUID, license_pool_id: UUID) -> Any:
    """One of a partner's pools."""
    return service.get_pool(ctx.session, partner_id=reached(ctx, partner_id).id, pool_id=license_pool_id)


@endpoint(
    pools,
    "GET",
    "/partners/<uuid:partner_id>/quota",
    permission=OWN,
    query=schemas.QuotaQuery,
    answer=schemas.QuotaOut,
)
def show_quota(ctx: Context, *, partner_id: UUID) -> Any:
    """Whether a partner has so many licenses left; nothing is taken."""
    return service.quota_of(
        ctx.session,
        partner=reached(ctx, partner_id),
        requested=ctx.query["requested"],
        template=ctx.query.get("license_template_id"),
    )


@endpoint(
    pools,
    "GET",
    "/partners/<uuid:partner_id>/allocations",
    permission=OWN,
    answer=schemas.AllocationOut,
    paged=True,
)
def list_allocations(ctx: Context, *, partner_id: UUID) -> Any:
    """What was given out of a partner's pools, newest first."""
    return page(ctx, service.all_allocations(ctx.session, partner_id=reached(ctx, partner_id).id))


@endpoint(
    pools,
    "POST",
    "/partners/<uuid:partner_id>/allocations",
    permission="license.allocate",
    body=schemas.AllocationIn,
    answer=schemas.AllocationDetail,
    status=201,
    idempotent=True,
    errors=[409],
)
def allocate_licenses(ctx: Context, *, partner_id: UUID) -> Any:
    """Issue licenses to a customer out of a partner's pool; who acts for the partner, to customers of its own only."""
    partner = reached(ctx, partner_id)
    # whether a call is a repeat, its Idempotency-Key says: without one, two calls are two allocations
    allocation = service.allocate_licenses(
        ctx.session,
        partner=partner.id,
        customer_id=ctx.body["customer_id"],
        license_count=ctx.body["license_count"],
        template=ctx.body.get("license_template_id"),
        key=f"request/{new_id()}",
        only_own=not is_staff(ctx),
    )
    ctx.headers["Location"] = f"/api/v1/partners/{partner.id}/allocations/{allocation.id}"
    return _detail(ctx, allocation)


@endpoint(
    pools,
    "GET",
    "/partners/<uuid:partner_id>/allocations/<uuid:allocation_id>",
    permission=OWN,
    answer=schemas.AllocationDetail,
)
def show_allocation(ctx: Context, *, partner_id: UUID, allocation_id: UUID) -> Any:
    """What was given out at once, with the licenses."""
    partner = reached(ctx, partner_id)
    return _detail(ctx, service.get_allocation(ctx.session, partner_id=partner.id, allocation_id=allocation_id))


@endpoint(
    pools,
    "POST",
    "/partners/<uuid:partner_id>/allocations/<uuid:allocation_id>/return",
    permission="license.allocate",
    answer=schemas.AllocationDetail,
    idempotent=True,
)
def return_allocation(ctx: Context, *, partner_id: UUID, allocation_id: UUID) -> Any:
    """Revoke the licenses of an allocation and put them back into the pool."""
    partner = reached(ctx, partner_id)
    there = service.get_allocation(ctx.session, partner_id=partner.id, allocation_id=allocation_id)
    return _detail(ctx, service.return_allocation(ctx.session, allocation_id=there.id))


def _detail(ctx: Context, allocation: service.LicenseAllocation) -> dict[str, Any]:
    shown = {name: getattr(allocation, name) for name in _ALLOCATION}
    return shown | {"licenses": service.licenses_of(ctx.session, allocation=allocation)}
