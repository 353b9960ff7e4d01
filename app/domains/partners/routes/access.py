"""Which partners a caller reaches: who may read them reaches all, everybody else those that they act for."""

from __future__ import annotations

from uuid import UUID

from app.domains.partners import service
from app.http.endpoint import Context

OWN = "partner.use"
"""The permission of users who act for partners."""
ALL = "partner.read"


def is_staff(ctx: Context) -> bool:
    """Whether the caller reaches all partners."""
    return ctx.principal.may(ALL)


def reached(ctx: Context, partner_id: UUID) -> service.Partner:
    """The partner, when the caller reaches it. Raises PartnerNotFound."""
    if is_staff(ctx):
        return service.get_partner(ctx.session, partner_id=partner_id)
    return service.partner_of(ctx.session, partner_id=partner_id, user_id=ctx.principal.user_id)
