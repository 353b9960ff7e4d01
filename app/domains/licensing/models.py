"""Tables of license templates, licenses and signing keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, Text, UniqueConstraint, Uuid, text, true
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id

IS_LIVE = "status IN ('active', 'suspended')"


class LicenseTemplate(Owned, Timestamped, Base):
    """A kind of license that is issued by its code. `term_months` null: without end, or as long as its subscription.

    Not active: nothing more is issued from it.
    """

    __tablename__ = "license_templates"
    __table_args__ = (
        # a template by its code
        UniqueConstraint("owner_id", "code"),
        CheckConstraint("seats >= 1", name="seats"),
        CheckConstraint("term_months >= 1", name="term_months"),
        # the list, newest first, in keyset pages
        Index("ix_license_templates_list", "owner_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    products: Mapped[list[str]]
    features: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    seats: Mapped[int] = mapped_column(server_default="1", default=1)
    term_months: Mapped[int | None]
    is_active: Mapped[bool] = mapped_column(server_default=true(), default=True)


class License(Owned, Timestamped, Base):
    """What a customer may use. Products, features and seats are its own: a template that changes later changes none.

    `token` is public by nature: it says what was issued, signed. `issued_for` names what asked for it, so that asking
    again finds it. `subscription_id` and `partner_id` by value: licenses outlive them. `expires_at` null: it never ends.
    """

    __tablename__ = "licenses"
    __table_args__ = (
        # a license by its key
        UniqueConstraint("license_key"),
        CheckConstraint("status IN ('active', 'suspended', 'revoked', 'expired')", name="status"),
        CheckConstraint("seats >= 1", name="seats"),
        CheckConstraint("expires_at > issued_at", name="expires_at"),
        CheckConstraint("(status = 'revoked') = (revoked_at IS NOT NULL)", name="revoked_at"),
        # what was issued for the same before
        Index("uq_licenses_issued_for", "owner_id", "issued_for", unique=True, postgresql_where=text(IS_LIVE)),
        # the list, newest first, in keyset pages
        Index("ix_licenses_list", "owner_id", "created_at", "id"),
        # the list by status
        Index("ix_licenses_status", "owner_id", "status", "created_at", "id"),
        # the list by customer; what keeps a customer from being deleted
        Index("ix_licenses_customer_id", "customer_id", "created_at", "id"),
        # the live licenses of a subscription
        Index("ix_licenses_subscription_id", "subscription_id", postgresql_where=text(IS_LIVE)),
        # what keeps a template from being deleted
        Index("ix_licenses_template_id", "template_id"),
        # beat: licenses that have ended
        Index("ix_licenses_to_expire", "expires_at", postgresql_where=text(IS_LIVE)),
        # the search by a part of the key
        Index(
            "ix_licenses_search",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    subscription_id: Mapped[UUID | None] = mapped_column(Uuid)
    template_id: Mapped[UUID | None] = mapped_column(ForeignKey("license_templates.id"))
    partner_id: Mapped[UUID | None] = mapped_column(Uuid)
    license_key: Mapped[str] = mapped_column(Text)
    token: Mapped[str] = mapped_column(Text)
    products: Mapped[list[str]]
    features: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    seats: Mapped[int]
    status: Mapped[str] = mapped_column(Text, server_default="active", default="active")
    issued_for: Mapped[str] = mapped_column(Text)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoke_reason: Mapped[str | None] = mapped_column(Text)
    search_text: Mapped[str] = mapped_column(Text, Computed("lower(license_key)", persisted=True), deferred=True)


class LicenseSigningKey(Owned, Timestamped, Base):
    """What an owner's licenses are signed with. `public_key` is the `x` of its JWK and stays published for good.

    `private_key` refers to the sealed key; a retired one has none left, so nothing is signed with it any more.
    """

    __tablename__ = "license_signing_keys"
    __table_args__ = (
        # a key by the name that tokens carry
        UniqueConstraint("kid"),
        CheckConstraint("(retired_at IS NULL) = (private_key IS NOT NULL)", name="private_key"),
        # an owner signs with one key
        Index("uq_license_signing_keys_current", "owner_id", unique=True, postgresql_where=text("retired_at IS NULL")),
        # an owner's keys, newest first
        Index("ix_license_signing_keys_list", "owner_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    kid: Mapped[str] = mapped_column(Text)
    public_key: Mapped[str] = mapped_column(Text)
    private_key: Mapped[str | None] = mapped_column(Text)
    retired_at: Mapped[datetime | None]
