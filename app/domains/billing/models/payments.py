"""Tables of payments, refunds, payment methods, and of what gateways told us."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, Uuid, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id
from app.domains.billing.models.invoices import MONEY, one_of
from app.domains.billing.models.plans import CURRENCY
from app.domains.billing.rules.payment_states import MethodStatus, RefundStatus, Status

IS_CAPTURED = "status IN ('succeeded', 'partially_refunded')"
IS_PENDING = "status = 'pending'"


class PaymentMethod(Owned, Timestamped, Base):
    """How a customer pays: what the gateway calls it, never a card's number. One of a customer's is the default.

    `refused`: it was declined for good and is not charged again.
    """

    __tablename__ = "payment_methods"
    __table_args__ = (
        CheckConstraint(one_of("status", MethodStatus), name="status"),
        CheckConstraint("NOT is_default OR status = 'active'", name="default"),
        # a customer's method by what the gateway calls it
        Index(
            "uq_payment_methods_reference",
            "customer_id",
            "gateway",
            "reference",
            unique=True,
            postgresql_where=text("status <> 'removed'"),
        ),
        # what a customer pays by where nothing else is said
        Index("uq_payment_methods_default", "customer_id", unique=True, postgresql_where=text("is_default")),
        # a customer's methods, newest first, in keyset pages
        Index("ix_payment_methods_list", "owner_id", "customer_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    gateway: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    customer_reference: Mapped[str | None] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text, server_default="", default="")
    status: Mapped[str] = mapped_column(Text, server_default="active", default="active")
    is_default: Mapped[bool] = mapped_column(server_default=false(), default=False)
    refused_reason: Mapped[str | None] = mapped_column(Text)


class Payment(Owned, Timestamped, Base):
    """One attempt to collect a payable.

    Everything that the gateway is asked is in the row before it is asked, and `asked_at` (the database's time) says that it
    may have been: whoever goes on asks for what became of `idempotency_key` first. Of one payable at most one payment is
    pending, and at most one is captured. `requested_by` names what wanted it, a step of an execution, say. `look_at`: when it
    is asked what became of it if nobody does before.
    """

    __tablename__ = "payments"
    __table_args__ = (
        # the key that the gateway knows it by
        UniqueConstraint("idempotency_key"),
        CheckConstraint(one_of("status", Status), name="status"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("refunded_amount BETWEEN 0 AND amount", name="refunded_amount"),
        CheckConstraint(CURRENCY, name="currency"),
        CheckConstraint("(status = 'failed') = (failed_at IS NOT NULL)", name="failed_at"),
        CheckConstraint(
            "captured_at IS NOT NULL OR status NOT IN ('succeeded', 'partially_refunded', 'refunded')",
            name="captured_at",
        ),
        # a payable is paid once
        Index("uq_payments_captured", "payable_id", unique=True, postgresql_where=text(IS_CAPTURED)),
        # and asked for once at a time
        Index("uq_payments_pending", "payable_id", unique=True, postgresql_where=text(IS_PENDING)),
        # a payment by what the gateway calls it
        Index("uq_payments_reference", "gateway", "reference", unique=True),
        # the list, newest first, in keyset pages
        Index("ix_payments_list", "owner_id", "created_at", "id"),
        # the list by status
        Index("ix_payments_status", "owner_id", "status", "created_at", "id"),
        # the attempts at a payable
        Index("ix_payments_payable_id", "payable_id", "created_at", "id"),
        # what a step wanted, when it is undone
        Index("ix_payments_requested_by", "owner_id", "requested_by"),
        # what was charged by a method, when that is deleted
        Index("ix_payments_method_id", "method_id"),
        # beat: what nobody has told us the end of
        Index("ix_payments_to_look_at", "look_at", postgresql_where=text(IS_PENDING)),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    payable_id: Mapped[UUID] = mapped_column(ForeignKey("payables.id"))
    status: Mapped[str] = mapped_column(Text, server_default="pending", default="pending")
    amount: Mapped[Decimal] = mapped_column(MONEY)
    refunded_amount: Mapped[Decimal] = mapped_column(MONEY, server_default="0", default=Decimal(0))
    currency: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    gateway: Mapped[str] = mapped_column(Text)
    payment_method: Mapped[str] = mapped_column(Text)
    method_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment_methods.id", ondelete="SET NULL"))
    customer_reference: Mapped[str | None] = mapped_column(Text)
    is_off_session: Mapped[bool] = mapped_column(server_default=false(), default=False)
    idempotency_key: Mapped[str] = mapped_column(Text)
    requested_by: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime | None]
    look_at: Mapped[datetime]
    reference: Mapped[str | None] = mapped_column(Text)
    is_awaiting_customer: Mapped[bool] = mapped_column(server_default=false(), default=False)
    captured_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    failure_code: Mapped[str | None] = mapped_column(Text)
    failure_reason: Mapped[str | None] = mapped_column(Text)
    is_hard_decline: Mapped[bool] = mapped_column(server_default=false(), default=False)


class Refund(Owned, Timestamped, Base):
    """Money given back of a payment: written before the gateway is asked; `pending` until it says how it went."""

    __tablename__ = "refunds"
    __table_args__ = (
        # the key that the gateway knows it by
        UniqueConstraint("idempotency_key"),
        # what wanted it gets one
        UniqueConstraint("payment_id", "requested_by"),
        CheckConstraint(one_of("status", RefundStatus), name="status"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(CURRENCY, name="currency"),
        # the refunds of a payment, newest first
        Index("ix_refunds_list", "payment_id", "created_at", "id"),
        # beat: what nobody has told us the end of
        Index("ix_refunds_to_look_at", "look_at", postgresql_where=text(IS_PENDING)),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"))
    status: Mapped[str] = mapped_column(Text, server_default="pending", default="pending")
    amount: Mapped[Decimal] = mapped_column(MONEY)
    currency: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text, server_default="", default="")
    idempotency_key: Mapped[str] = mapped_column(Text)
    requested_by: Mapped[str] = mapped_column(Text)
    look_at: Mapped[datetime]
    reference: Mapped[str | None] = mapped_column(Text)
    failure_reason: Mapped[str | None] = mapped_column(Text)


class ReceivedEvent(Owned, Timestamped, Base):
    """A message of a gateway about one of our payments; the same one may come twice and counts once."""

    __tablename__ = "gateway_events"
    __table_args__ = (
        # one that came before
        UniqueConstraint("gateway", "event_id"),
        # what was told of a payment
        Index("ix_gateway_events_payment_id", "payment_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    gateway: Mapped[str] = mapped_column(Text)
    event_id: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"))
    occurred_at: Mapped[datetime]
