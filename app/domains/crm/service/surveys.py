"""Site surveys: asked for, planned, and what the surveyor found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.errors import Fault
from app.core.ids import new_id
from app.domains.crm.errors import (
    SurveyClosed,
    SurveyInvalid,
    SurveyNotCompleted,
    SurveyNotFeasible,
    SurveyNotFound,
)
from app.domains.crm.models import SiteSurvey
from app.domains.crm.queries import surveys as queries
from app.domains.crm.rules.surveys import FOUND, OPEN, PLANNED, Status, planned_faults, result_faults
from app.domains.crm.service.leads import get_lead
from app.domains.crm.service.stating import picture_of_survey, subject
from app.domains.customers import service as customers


def request_survey(
    session: Session,
    *,
    fields: Mapping[str, Any],
    lead_id: UUID | None = None,
    customer_id: UUID | None = None,
    ticket_id: UUID | None = None,
) -> SiteSurvey:
    """Ask for a place to be surveyed, for a lead, a customer or a ticket (by value).

    A lead's survey is its customer's, too, where it has one. `scheduled_for` among the fields: it is scheduled. Raises
    SurveyInvalid with every fault at once, NotFound for the lead or customer.
    """
    _refuse([Fault(f"/{name}", "This cannot be set.") for name in sorted(fields.keys() - PLANNED)])
    about = (lead_id, customer_id, ticket_id)
    nobody = [] if any(about) else [Fault("/customer_id", "A survey is for a lead, a customer or a ticket.")]
    _refuse([*nobody, *planned_faults(fields)])
    if customer_id is not None:
        customers.get_customer(session, customer_id=customer_id)
    if lead_id is not None:
        customer_id = customer_id or get_lead(session, lead_id=lead_id).customer_id
    survey = SiteSurvey(
        id=new_id(), created_at=now(session), lead_id=lead_id, customer_id=customer_id, ticket_id=ticket_id
    )
    _plan(survey, fields)
    session.add(survey)
    session.flush()
    audit.record(session, "site_survey.requested", subject(survey), after=picture_of_survey(survey))
    return survey


def get_survey(session: Session, *, survey_id: UUID) -> SiteSurvey:
    """A survey in any status. Raises SurveyNotFound."""
    if survey := queries.survey(session, survey_id):
        return survey
    message = "There is no such site survey."
    raise SurveyNotFound(message)


def lock_survey(session: Session, *, survey_id: UUID) -> SiteSurvey:
    """The survey as it is now, locked until the transaction ends. Raises SurveyNotFound."""
    if survey := queries.survey(session, survey_id, locked=True):
        return survey
    message = "There is no such site survey."
    raise SurveyNotFound(message)


def list_surveys(
    *,
    status: str | None = None,
    lead_id: UUID | None = None,
    customer_id: UUID | None = None,
    ticket_id: UUID | None = None,
) -> Select[SiteSurvey]:
    """A statement for a page of surveys."""
    return queries.surveys(status=status, lead_id=lead_id, customer_id=customer_id, ticket_id=ticket_id)


def update_survey(session: Session, *, survey_id: UUID, changes: Mapping[str, Any]) -> SiteSurvey:
    """Plan a survey otherwise; a time makes it scheduled, none makes it requested.

    Raises SurveyNotFound, SurveyClosed, SurveyInvalid with every fault at once.
    """
    survey = _open(session, survey_id)
    _refuse([Fault(f"/{name}", "This cannot be changed.") for name in sorted(changes.keys() - PLANNED)])
    _refuse(planned_faults({name: getattr(survey, name) for name in PLANNED} | dict(changes)))
    before = picture_of_survey(survey)
    _plan(survey, changes)
    return _changed(session, survey, "site_survey.updated", before)


def complete_survey(session: Session, *, survey_id: UUID, result: Mapping[str, Any]) -> SiteSurvey:
    """Write down what the surveyor found. Whoever finds it not feasible says why.

    Raises SurveyNotFound, SurveyClosed, SurveyInvalid with every fault at once.
    """
    survey = _open(session, survey_id)
    _refuse([Fault(f"/{name}", "This cannot be set.") for name in sorted(result.keys() - FOUND)])
    _refuse(result_faults({name: getattr(survey, name) for name in FOUND} | dict(result)))
    before = picture_of_survey(survey)
    for name, value in result.items():
        setattr(survey, name, value)
    survey.status, survey.completed_at = Status.COMPLETED.value, now(session)
    return _changed(session, survey, "site_survey.completed", before)


def cancel_survey(session: Session, *, survey_id: UUID, reason: str | None = None) -> SiteSurvey:
    """Nobody goes there; one that is cancelled stays so. Raises SurveyNotFound, SurveyClosed when it is completed."""
    survey = lock_survey(session, survey_id=survey_id)
    if survey.status == Status.CANCELLED:
        return survey
    if survey.status == Status.COMPLETED:
        raise SurveyClosed(survey.status)
    before = picture_of_survey(survey)
    survey.status = Status.CANCELLED.value
    return _changed(session, survey, "site_survey.cancelled", before, reason=reason)


def feasible_survey(
    session: Session,
    *,
    survey_id: UUID | None = None,
    ticket_id: UUID | None = None,
    customer_id: UUID | None = None,
) -> SiteSurvey:
    """The survey by its id, else the last one of the ticket, else of the customer: completed, and feasible.

    Raises SurveyNotFound, SurveyNotCompleted, SurveyNotFeasible with the surveyor's reason.
    """
    survey = _sought(session, survey_id, ticket_id, customer_id)
    if survey.status != Status.COMPLETED:
        raise SurveyNotCompleted(survey.status)
    if not survey.is_feasible:
        assert survey.reason is not None
        raise SurveyNotFeasible(survey.reason)
    return survey


def _sought(session: Session, survey_id: UUID | None, ticket_id: UUID | None, customer_id: UUID | None) -> SiteSurvey:
    if survey_id is not None:
        return get_survey(session, survey_id=survey_id)
    if ticket_id is None and customer_id is None:
        message = "Name the survey, the ticket or the customer."
        raise SurveyInvalid(message, faults=[Fault("/survey_id", message)])
    if ticket_id is not None and (found := queries.last_of_ticket(session, ticket_id)):
        return found
    if customer_id is not None and (found := queries.last_of_customer(session, customer_id)):
        return found
    message = f"There is no site survey of {f'ticket {ticket_id}' if ticket_id else f'customer {customer_id}'}."
    raise SurveyNotFound(message)


def _open(session: Session, survey_id: UUID) -> SiteSurvey:
    survey = lock_survey(session, survey_id=survey_id)
    if survey.status not in OPEN:
        raise SurveyClosed(survey.status)
    return survey


def _plan(survey: SiteSurvey, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(survey, name, value)
    survey.status = (Status.REQUESTED if survey.scheduled_for is None else Status.SCHEDULED).value


def _changed(
    session: Session, survey: SiteSurvey, action: str, before: dict[str, Any], *, reason: str | None = None
) -> SiteSurvey:
    session.flush()
    session.refresh(survey, ["updated_at"])
    after = picture_of_survey(survey)
    audit.record(session, action, subject(survey), before=before, after=after, reason=reason)
    return survey


def _refuse(found: Sequence[Fault]) -> None:
    if found:
        sentences = dict.fromkeys(fault.message.rstrip(".") + "." for fault in found)
        raise SurveyInvalid(" ".join(sentences), faults=found)
