"""Partners over HTTP: for staff, and for users who act for a partner of their own."""

from __future__ import annotations

from app.domains.partners.routes.commissions import commissions
from app.domains.partners.routes.partners import partners
from app.domains.partners.routes.pools import pools
from app.http.endpoint import Blueprint


def blueprints() -> list[Blueprint]:
    """The routes of this room."""
    return [partners, pools, commissions]
