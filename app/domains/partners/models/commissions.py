"""Tables of agreements on commissions, and of what was earned under them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id
from app.domains.partners.rules.commissions import Terms, Tier

AMOUNT = Numeric(16, 3)
RATE = Numeric(7, 4)
CURRENCY = "currency ~ '^[A-Z]{3}$'"
STANDS = "status <> 'void'"


class PartnerAgreement(Owned, Timestamped, Base):
    """What sales of a kind earn a partner while it is in force; `valid_until` null: until it is ended.

    `rate` and the tiers' rates in percent. `sold_amount`: what was sold under it so far, as far as commissions stand for it.
    """

    __tablename__ = "partner_agreements"
    __table_args__ = (
        CheckConstraint("kind IN ('percentage', 'tiered', 'fixed')", name="kind"),
        CheckConstraint("applies_to IN ('first_sale', 'recurring', 'both')", name="applies_to"),
        CheckConstraint(CURRENCY, name="currency"),
        CheckConstraint("(kind = 'percentage') = (rate IS NOT NULL)", name="rate"),
        CheckConstraint("(kind = 'fixed') = (amount IS NOT NULL)", name="amount"),
        CheckConstraint("(kind = 'tiered') = (tiers IS NOT NULL)", name="tiers"),
        CheckConstraint("rate BETWEEN 0 AND 100", name="rate_range"),
        CheckConstraint("amount >= 0", name="amount_range"),
        CheckConstraint("valid_until > valid_from", name="valid_until"),
        CheckConstraint("sold_amount >= 0", name="sold_amount"),
        # a partner's agreements, newest first, in keyset pages; the one in force
        Index("ix_partner_agreements_list", "partner_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    kind: Mapped[str] = mapped_column(Text)
    rate: Mapped[Decimal | None] = mapped_column(RATE)
    amount: Mapped[Decimal | None] = mapped_column(AMOUNT)
    tiers: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    currency: Mapped[str] = mapped_column(Text)
    applies_to: Mapped[str] = mapped_column(Text, server_default="both", default="both")
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    sold_amount: Mapped[Decimal] = mapped_column(AMOUNT, server_default="0", default=Decimal(0))

    @property
    def terms(self) -> Terms:
        """What was agreed."""
        tiers = [
            Tier(from_amount=Decimal(tier["from_amount"]), rate=Decimal(tier["rate"])) for tier in self.tiers or ()
        ]
        return Terms(kind=self.kind, currency=self.currency, rate=self.rate, amount=self.amount, tiers=tiers)


class Commission(Owned, Timestamped, Base):
    """What a partner earned by one sale. Its source, a customer or an order, and the customer refer by value.

    `base_amount`: what was sold, null where that does not matter; `rate`: how much of it, in percent. `recorded_for` names what
    asked for it: only that undoes it.
    """

    __tablename__ = "commissions"
    __table_args__ = (
        CheckConstraint(
            "commission_type IN ('new_customer', 'first_sale', 'recurring', 'renewal')", name="commission_type"
        ),
        CheckConstraint("source_type IN ('customer', 'order')", name="source_type"),
        CheckConstraint("status IN ('pending', 'paid', 'void')", name="status"),
        CheckConstraint(CURRENCY, name="currency"),
        CheckConstraint("amount >= 0 AND base_amount >= 0", name="amount"),
        CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", name="paid_at"),
        CheckConstraint("(paid_at IS NULL) = (payment_reference IS NULL)", name="payment_reference"),
        CheckConstraint("(status = 'void') = (voided_at IS NOT NULL)", name="voided_at"),
        # a sale earns a partner one commission
        Index(
            "uq_commissions_source",
            "owner_id",
            "partner_id",
            "source_type",
            "source_id",
            unique=True,
            postgresql_where=text(STANDS),
        ),
        # a partner's commissions, newest first, in keyset pages
        Index("ix_commissions_list", "partner_id", "created_at", "id"),
        # the same by status
        Index("ix_commissions_status", "partner_id", "status", "created_at", "id"),
        # what was earned under an agreement
        Index("ix_commissions_agreement_id", "agreement_id"),
        # whether a partner earned by a customer before
        Index("ix_commissions_customer_id", "partner_id", "customer_id", postgresql_where=text(STANDS)),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    agreement_id: Mapped[UUID] = mapped_column(ForeignKey("partner_agreements.id"))
    commission_type: Mapped[str] = mapped_column(Text)
    source_type: Mapped[str] = mapped_column(Text)
    source_id: Mapped[str] = mapped_column(Text)
    customer_id: Mapped[UUID | None] = mapped_column(Uuid)
    base_amount: Mapped[Decimal | None] = mapped_column(AMOUNT)
    rate: Mapped[Decimal | None] = mapped_column(RATE)
    amount: Mapped[Decimal] = mapped_column(AMOUNT)
    currency: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="pending", default="pending")
    recorded_for: Mapped[str] = mapped_column(Text)
    paid_at: Mapped[datetime | None]
    payment_reference: Mapped[str | None] = mapped_column(Text)
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[str | None] = mapped_column(Text)

    @property
    def order_id(self) -> int | None:
        """The order that earned it."""
        return int(self.source_id) if self.source_type == "order" else None
