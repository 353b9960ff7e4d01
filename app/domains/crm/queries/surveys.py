"""Reads of site surveys."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from app.domains.crm.models import Lead, SiteSurvey
from app.domains.crm.rules.surveys import Status


def survey(session: Session, survey_id: UUID, *, locked: bool = False) -> SiteSurvey | None:
    """The survey; locked: as it is now."""
    statement = select(SiteSurvey).where(SiteSurvey.id == survey_id)
    if locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def surveys(
    *,
    status: str | None = None,
    lead_id: UUID | None = None,
    customer_id: UUID | None = None,
    ticket_id: UUID | None = None,
) -> Select[SiteSurvey]:
    """Surveys by these filters, to be paged."""
    statement = select(SiteSurvey)
    if status is not None:
        statement = statement.where(SiteSurvey.status == status)
    if lead_id is not None:
        statement = statement.where(SiteSurvey.lead_id == lead_id)
    if customer_id is not None:
        statement = statement.where(SiteSurvey.customer_id == customer_id)
    if ticket_id is not None:
        statement = statement.where(SiteSurvey.ticket_id == ticket_id)
    return statement


def last_of_ticket(session: Session, ticket_id: UUID) -> SiteSurvey | None:
    """The last survey of a ticket that was not cancelled."""
    return _last(session, surveys(ticket_id=ticket_id))


def last_of_customer(session: Session, customer_id: UUID) -> SiteSurvey | None:
    """The last survey of a customer that was not cancelled; also one from when the customer was a lead."""
    leads = select(Lead.id).where(Lead.customer_id == customer_id)
    return _last(
        session,
        select(SiteSurvey).where(or_(SiteSurvey.customer_id == customer_id, SiteSurvey.lead_id.in_(leads))),
    )


def _last(session: Session, found: Select[SiteSurvey]) -> SiteSurvey | None:
    return session.scalar(
        found.where(SiteSurvey.status != Status.CANCELLED)
        .order_by(SiteSurvey.created_at.desc(), SiteSurvey.id.desc())
        .limit(1)
    )
