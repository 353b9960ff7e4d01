"""Tables of what is to be paid, and for what."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id
from app.domains.billing.models.invoices import MONEY, one_of
from app.domains.billing.models.plans import CURRENCY
from app.domains.billing.rules.payable_states import SourceType, Status

TO_COLLECT = "status IN ('open', 'dunning') AND next_attempt_at IS NOT NULL"


class Payable(Owned, Timestamped, Base):
    """An amount that is to be paid once, whatever it is for: a quote and the order made from it are one payable.

    `next_attempt_at`: when it is collected, or decided on, by itself; null: it waits for somebody to pay it.
    `collecting_since`: when the first of the attempts was made that follow each other by themselves.
    """

    __tablename__ = "payables"
    __table_args__ = (
        CheckConstraint(one_of("status", Status), name="status"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint(CURRENCY, name="currency"),
        CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", name="paid_at"),
        # the list, newest first, in keyset pages
        Index("ix_payables_list", "owner_id", "created_at", "id"),
        # the list by status
        Index("ix_payables_status", "owner_id", "status", "created_at", "id"),
        # the list by customer; what keeps a customer from being deleted
        Index("ix_payables_customer_id", "customer_id", "created_at", "id"),
        # beat: what is to be collected now
        Index("ix_payables_to_collect", "next_attempt_at", postgresql_where=text(TO_COLLECT)),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    status: Mapped[str] = mapped_column(Text, default=Status.OPEN.value)
    amount: Mapped[Decimal] = mapped_column(MONEY)
    currency: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    customer_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers.id"))
    due_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    collecting_since: Mapped[datetime | None]
    sources: Mapped[list[PayableSource]] = relationship(
        lazy="selectin", order_by="PayableSource.id", viewonly=True, sync_backref=False
    )


class PayableSource(Owned, Timestamped, Base):
    """What a payable is for: a quote, an order, an invoice, by value. Each has one payable.

    The reference is checked at the commit, so that of two who put a payable for one source at once, the source decides.
    """

    __tablename__ = "payable_sources"
    __table_args__ = (
        # the payable of a source
        UniqueConstraint("owner_id", "source_type", "source_id"),
        CheckConstraint(one_of("source_type", SourceType), name="source_type"),
        # what a payable is for
        Index("ix_payable_sources_payable_id", "payable_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    source_type: Mapped[str] = mapped_column(Text)
    source_id: Mapped[str] = mapped_column(Text)
    payable_id: Mapped[UUID] = mapped_column(
        ForeignKey("payables.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED")
    )
