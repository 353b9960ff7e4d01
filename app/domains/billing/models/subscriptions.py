"""Tables of subscriptions and their renewals."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id
from app.domains.billing.models.plans import CURRENCY, CYCLES
from app.domains.billing.rules.subscription_states import Status

_STATES = ", ".join(repr(state.value) for state in Status)
_BY_THE_MONTH = "renews_automatically AND billing_cycle = 'monthly'"

TO_ANNOUNCE = (
    "status = 'active' AND notice_sent_for IS DISTINCT FROM current_period_end "
    f"AND NOT is_set_to_end AND NOT ({_BY_THE_MONTH})"
)
TO_EXPIRE = (
    "status IN ('active', 'expiring', 'past_due', 'suspended') "
    f"AND (status = 'suspended' OR is_set_to_end OR NOT ({_BY_THE_MONTH}))"
)
TO_RENEW = f"status IN ('active', 'expiring', 'past_due') AND {_BY_THE_MONTH} AND NOT is_set_to_end"
ON_TRIAL = "status = 'trialing'"
NOT_ENDED = "status NOT IN ('expired', 'cancelled')"
MADE_FOR = f"created_for IS NOT NULL AND {NOT_ENDED}"


class Subscription(Owned, Timestamped, Base):
    """What is paid for, period by period, by a customer or by the billing account of a tenant.

    `amount` is for one period and all of `quantity`, without tax; no period end: it runs until cancelled. A renewal that was
    paid ahead of time moves the period on at once: until it begins, the former one goes on (SubscriptionExtension).

    `time_zone`: periods begin at midnight there; null: they keep the time of day in UTC at which the service began.
    `trial_ends_at`: when the trial ends and the first period begins; null where there is none. `is_set_to_end`: cancelled
    for the end of the period. `notice_sent_for` is the period end that was announced, so each period is announced once.
    `renewal_quote_id`: whose payment is under way, so that it outlives its period by the days of grace.
    `created_for` names what asked for it, so that asking again finds it. Tenants and orders by value: books outlive them.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        CheckConstraint(f"status IN ({_STATES})", name="status"),
        CheckConstraint(CYCLES, name="billing_cycle"),
        CheckConstraint(CURRENCY, name="currency"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("quantity >= 1", name="quantity"),
        CheckConstraint("trial_days >= 0", name="trial_days"),
        CheckConstraint("anchor_day BETWEEN 1 AND 31", name="anchor_day"),
        CheckConstraint("current_period_end > current_period_start", name="period"),
        CheckConstraint("customer_id IS NOT NULL OR billing_account_id IS NOT NULL", name="payer"),
        CheckConstraint("status <> 'trialing' OR trial_ends_at IS NOT NULL", name="trial"),
        # what was made for the same before
        Index(
            "uq_subscriptions_created_for",
            "owner_id",
            "created_for",
            unique=True,
            postgresql_where=text(MADE_FOR),
        ),
        # the list, newest first, in keyset pages
        Index("ix_subscriptions_list", "owner_id", "created_at", "id"),
        # the list by status
        Index("ix_subscriptions_status", "owner_id", "status", "created_at", "id"),
        # the list by customer; what keeps a customer from being deleted
        Index("ix_subscriptions_customer_id", "customer_id", "created_at", "id"),
        # the list by plan; what keeps a plan from being deleted
        Index("ix_subscriptions_plan_id", "plan_id", "created_at", "id"),
        # the subscriptions of an account
        Index("ix_subscriptions_billing_account_id", "billing_account_id"),
        # the subscriptions of a tenant
        Index("ix_subscriptions_tenant_id", "tenant_id"),
        # beat: periods about to end that nobody was told of
        Index("ix_subscriptions_to_announce", "current_period_end", postgresql_where=text(TO_ANNOUNCE)),
        # beat: periods that have ended
        Index("ix_subscriptions_to_expire", "current_period_end", postgresql_where=text(TO_EXPIRE)),
        # beat: months that follow each other by themselves
        Index("ix_subscriptions_to_renew", "current_period_end", "id", postgresql_where=text(TO_RENEW)),
        # beat: trials that have ended
        Index("ix_subscriptions_on_trial", "trial_ends_at", "id", postgresql_where=text(ON_TRIAL)),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    billing_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("billing_accounts.id", ondelete="CASCADE"))
    tenant_id: Mapped[UUID | None] = mapped_column(Uuid)
    order_id: Mapped[int | None] = mapped_column(BigInteger)
    customer_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers.id"))
    plan_id: Mapped[UUID | None] = mapped_column(ForeignKey("plans.id"))
    quantity: Mapped[int] = mapped_column(server_default="1", default=1)
    service_codes: Mapped[list[str]] = mapped_column(server_default=text("'[]'"), default=list)
    status: Mapped[str] = mapped_column(Text, server_default="active", default="active")
    amount: Mapped[Decimal] = mapped_column(Numeric(18, 4))
    currency: Mapped[str] = mapped_column(Text)
    billing_cycle: Mapped[str] = mapped_column(Text)
    anchor_day: Mapped[int] = mapped_column(SmallInteger)
    time_zone: Mapped[str | None] = mapped_column(Text)
    current_period_start: Mapped[datetime]
    current_period_end: Mapped[datetime | None]
    trial_days: Mapped[int] = mapped_column(server_default="0", default=0)
    trial_ends_at: Mapped[datetime | None]
    renews_automatically: Mapped[bool] = mapped_column(server_default=false(), default=False)
    is_set_to_end: Mapped[bool] = mapped_column(server_default=false(), default=False)
    notice_sent_for: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    created_for: Mapped[str | None] = mapped_column(Text)
    renewal_quote_id: Mapped[UUID | None] = mapped_column(Uuid)


class SubscriptionExtension(Owned, Timestamped, Base):
    """A renewal that moved a subscription's period on, and what stood before: a quote does so once.

    `quote_id` by value. `extended_for` names what asked for it. `restored_at`: when it was undone.
    """

    __tablename__ = "subscription_extensions"
    __table_args__ = (
        # what a quote has moved
        UniqueConstraint("owner_id", "quote_id"),
        CheckConstraint("term_months >= 1", name="term_months"),
        CheckConstraint("period_end > period_start", name="period"),
        # the renewals of a subscription, newest first, in keyset pages
        Index("ix_subscription_extensions_subscription_id", "subscription_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    subscription_id: Mapped[UUID] = mapped_column(ForeignKey("subscriptions.id", ondelete="CASCADE"))
    quote_id: Mapped[UUID] = mapped_column(Uuid)
    term_months: Mapped[int]
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    former_period_start: Mapped[datetime]
    former_period_end: Mapped[datetime]
    former_status: Mapped[str] = mapped_column(Text)
    former_plan_id: Mapped[UUID | None] = mapped_column(Uuid)
    former_amount: Mapped[Decimal] = mapped_column(Numeric(18, 4))
    extended_for: Mapped[str | None] = mapped_column(Text)
    restored_at: Mapped[datetime | None]
