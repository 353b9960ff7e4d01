"""Tables of plans and their prices."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, Text, UniqueConstraint, Uuid, text, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id

CYCLES = "billing_cycle IN ('monthly', 'annual', 'one_time')"
CURRENCY = "currency ~ '^[A-Z]{3}$'"


class Plan(Owned, Timestamped, Base):
    """What can be subscribed to. Subscriptions keep what they were made with: a plan that changes later changes none.

    `currency` and `billing_cycle` are for whoever names none. `trial_days`: how long a new subscription costs nothing.
    `products` and `license_template_code` say what a license for it is issued for. Not active: nobody subscribes to it any
    more, and what is renewed goes on with its successor.
    """

    __tablename__ = "plans"
    __table_args__ = (
        # a plan by its code
        UniqueConstraint("owner_id", "code"),
        CheckConstraint(CURRENCY, name="currency"),
        CheckConstraint(CYCLES, name="billing_cycle"),
        CheckConstraint("trial_days >= 0", name="trial_days"),
        CheckConstraint("successor_id <> id", name="successor"),
        # the list, newest first, in keyset pages
        Index("ix_plans_list", "owner_id", "created_at", "id"),
        # what keeps a plan from being deleted
        Index("ix_plans_successor_id", "successor_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default="", default="")
    is_active: Mapped[bool] = mapped_column(server_default=true(), default=True)
    successor_id: Mapped[UUID | None] = mapped_column(ForeignKey("plans.id"))
    currency: Mapped[str] = mapped_column(Text)
    billing_cycle: Mapped[str] = mapped_column(Text)
    trial_days: Mapped[int] = mapped_column(server_default="0", default=0)
    renews_automatically: Mapped[bool] = mapped_column(server_default=true(), default=True)
    products: Mapped[list[str]] = mapped_column(server_default=text("'[]'"), default=list)
    license_template_code: Mapped[str | None] = mapped_column(Text)
    prices: Mapped[list[PlanPrice]] = relationship(
        cascade="all, delete-orphan",
        passive_deletes=True,
        lazy="selectin",
        order_by=lambda: (PlanPrice.currency, PlanPrice.billing_cycle),
    )


class PlanPrice(Owned, Timestamped, Base):
    """What one of a plan costs for one billing cycle, without tax."""

    __tablename__ = "plan_prices"
    __table_args__ = (
        # a plan's price; all prices of a plan
        UniqueConstraint("plan_id", "currency", "billing_cycle"),
        CheckConstraint(CURRENCY, name="currency"),
        CheckConstraint(CYCLES, name="billing_cycle"),
        CheckConstraint("amount >= 0", name="amount"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"))
    currency: Mapped[str] = mapped_column(Text)
    billing_cycle: Mapped[str] = mapped_column(Text)
    amount: Mapped[Decimal] = mapped_column(Numeric(18, 4))
