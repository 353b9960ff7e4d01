"""Reads of leads."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from app.core.lists import containing
from app.domains.crm.models import Lead


def lead(session: Session, lead_id: UUID, *, locked: bool = False) -> Lead | None:
    """The lead; locked: as it is now."""
    statement = select(Lead).where(Lead.id == lead_id)
    if locked:
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalar(statement)


def leads(
    session: Session,
    *,
    q: str | None = None,
    status: str | None = None,
    source: str | None = None,
    email: str | None = None,
    customer_id: UUID | None = None,
) -> Select[Lead]:
    """Leads by these filters, to be paged. `q`: part of address, name, company or telephone number."""
    statement = select(Lead)
    if status is not None:
        statement = statement.where(Lead.status == status)
    if source is not None:
        statement = statement.where(Lead.source == source)
    if email is not None:
        statement = statement.where(Lead.email == email)
    if customer_id is not None:
        statement = statement.where(Lead.customer_id == customer_id)
    if q is not None:
        statement = statement.where(containing(session, Lead.id, Lead.search_text, q))
    return statement


def has_lead(session: Session, *, customer_id: UUID) -> bool:
    """Whether a lead refers to that customer."""
    return bool(session.scalar(select(exists().where(Lead.customer_id == customer_id))))
