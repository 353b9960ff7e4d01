"""The plan that a new installation begins with."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.db import OWNER
from app.core.ids import new_id
from app.domains.billing.models import Plan, PlanPrice

STANDARD = "standard"
STANDARD_PRODUCTS = ("isp-platform",)
STANDARD_LICENSE_TEMPLATE = "standard"
CURRENCY = "USD"
PRICES = {"monthly": Decimal("348.00"), "annual": Decimal("4176.00")}
"""What the package of subscriber management and invoicing costs, for a month and for a year."""


def seed(session: Session) -> None:
    """Insert the standard plan with its prices where the session's owner has none of its code."""
    owner_id = session.info[OWNER]
    plan_id = session.scalar(
        insert(Plan)
        .values(
            id=new_id(),
            owner_id=owner_id,
            code=STANDARD,
            name="Standard",
            currency=CURRENCY,
            billing_cycle="monthly",
            products=list(STANDARD_PRODUCTS),
            license_template_code=STANDARD_LICENSE_TEMPLATE,
        )
        .on_conflict_do_nothing(index_elements=["owner_id", "code"])
        .returning(Plan.id)
    )
    if plan_id is not None:
        session.add_all(
            PlanPrice(plan_id=plan_id, currency=CURRENCY, billing_cycle=cycle, amount=amount)
            for cycle, amount in PRICES.items()
        )
        session.flush()
