"""Tables of partners, who acts for them, and whom they brought."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id


class Partner(Owned, Timestamped, Base):
    """Somebody who sells to customers of their own. `email` is in lower case; `branding` is what its customers get to see."""

    __tablename__ = "partners"
    __table_args__ = (
        # a partner by its code
        UniqueConstraint("owner_id", "code"),
        CheckConstraint("status IN ('active', 'inactive')", name="status"),
        CheckConstraint("email = lower(email)", name="email_lower"),
        # the list, newest first, in keyset pages
        Index("ix_partners_list", "owner_id", "created_at", "id"),
        # the list by status
        Index("ix_partners_status", "owner_id", "status", "created_at", "id"),
        # the search by a part of code, name or address
        Index(
            "ix_partners_search",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="active", default="active")
    branding: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    search_text: Mapped[str] = mapped_column(
        Text, Computed("lower(code || ' ' || name || ' ' || email)", persisted=True), deferred=True
    )


class PartnerMember(Owned, Timestamped, Base):
    """A user acts for a partner."""

    __tablename__ = "partner_members"
    __table_args__ = (
        # who acts for a partner, newest first, in keyset pages
        Index("ix_partner_members_list", "partner_id", "created_at", "user_id"),
        # for whom a user acts
        Index("ix_partner_members_user_id", "user_id"),
    )

    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)


class PartnerCustomer(Owned, Timestamped, Base):
    """A partner brought a customer. `made_for` names what asked for it, so that asking again finds the customer."""

    __tablename__ = "partner_customers"
    __table_args__ = (
        # the customer that was made for the same before
        UniqueConstraint("owner_id", "made_for"),
        # whom a partner brought
        Index("ix_partner_customers_partner_id", "partner_id"),
    )

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    made_for: Mapped[str] = mapped_column(Text)
