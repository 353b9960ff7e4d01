"""Site surveys: asked for, planned, and what the surveyor found."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from app.core.errors import NotFound
from app.core.ids import new_id
from app.domains.crm import service
from app.domains.crm.errors import (
    SurveyClosed,
    SurveyInvalid,
    SurveyNotCompleted,
    SurveyNotFeasible,
    SurveyNotFound,
)
from tests.domains.crm.conftest import ADDRESS, Desk, open_desk

FEASIBLE = {"is_feasible": True, "technology": "gpon", "fiber_distance_m": Decimal("120.5"), "olt": "olt-1"}
AT = datetime(2999, 1, 1, 9, tzinfo=UTC)


def asked(desk: Desk, **about: Any) -> service.SiteSurvey:
    fields = {"address": ADDRESS, **about.pop("fields", {})}
    with desk.session() as session:
        return service.request_survey(session, fields=fields, **(about or {"ticket_id": new_id()}))


def completed(desk: Desk, survey: service.SiteSurvey, **result: Any) -> service.SiteSurvey:
    with desk.session() as session:
        return service.complete_survey(session, survey_id=survey.id, result=result or FEASIBLE)


def test_a_survey_is_asked_for_planned_and_completed(desk: Desk) -> None:
    survey = asked(desk)
    assert (survey.status, survey.address) == ("requested", ADDRESS)
    with desk.session() as session:
        changes = {"scheduled_for": AT, "surveyor": "Grace", "latitude": Decimal("52.5"), "longitude": Decimal("13.4")}
        planned = service.update_survey(session, survey_id=survey.id, changes=changes)
        assert (planned.status, planned.surveyor) == ("scheduled", "Grace")
    found = completed(desk, survey)
    assert (found.status, found.is_feasible, found.technology, found.olt) == ("completed", True, "gpon", "olt-1")
    assert (found.latitude, found.surveyor) == (Decimal("52.5"), "Grace")
    actions = [entry.action for entry in desk.audit(f"site_survey/{survey.id}")]
    assert actions == ["site_survey.requested", "site_survey.updated", "site_survey.completed"]


def test_a_time_makes_it_scheduled_and_none_makes_it_requested(desk: Desk) -> None:
    survey = asked(desk, customer_id=desk.qualified().customer_id, fields={"scheduled_for": AT})
    assert survey.status == "scheduled"
    with desk.session() as session:
        assert (
            service.update_survey(session, survey_id=survey.id, changes={"scheduled_for": None}).status == "requested"
        )


def test_everything_wrong_is_told_at_once(desk: Desk) -> None:
    with pytest.raises(SurveyInvalid) as refused, desk.session() as session:
        service.request_survey(session, fields={"address": {"line1": "Hauptstr. 1"}, "latitude": Decimal(1)})
    assert {fault.pointer for fault in refused.value.faults} == {
        "/customer_id",
        "/address/city",
        "/address/country",
        "/longitude",
    }
    assert desk.count("site_surveys") == 0


def test_whom_it_is_about_has_to_be_there(desk: Desk, world: Any) -> None:
    theirs = open_desk(world).qualified()
    for about in ({"lead_id": theirs.id}, {"customer_id": theirs.customer_id}, {"lead_id": new_id()}):
        with pytest.raises(NotFound):
            asked(desk, **about)


def test_what_is_over_is_not_changed_any_more(desk: Desk) -> None:
    done, gone = completed(desk, asked(desk)), asked(desk)
    for _ in range(2):
        with desk.session() as session:
            assert service.cancel_survey(session, survey_id=gone.id, reason="moved").status == "cancelled"
    with pytest.raises(SurveyClosed, match="is completed"), desk.session() as session:
        service.cancel_survey(session, survey_id=done.id)
    for survey in (done, gone):
        with pytest.raises(SurveyClosed), desk.session() as session:
            service.update_survey(session, survey_id=survey.id, changes={"notes": "late"})
        with pytest.raises(SurveyClosed):
            completed(desk, survey)


def test_whoever_says_no_says_why(desk: Desk) -> None:
    survey = asked(desk)
    with pytest.raises(SurveyInvalid, match="why it cannot be done"):
        completed(desk, survey, is_feasible=False)
    assert completed(desk, survey, is_feasible=False, reason="No duct.").is_feasible is False


class TestFeasible:
    def test_it_is_found_by_its_id_by_its_ticket_and_by_its_customer(self, desk: Desk) -> None:
        lead = desk.lead()
        by_lead = completed(desk, asked(desk, lead_id=lead.id))
        with desk.session() as session:
            lead = service.qualify_lead(session, lead_id=lead.id, key="test")
        ticket_id = new_id()
        of_ticket = completed(desk, asked(desk, ticket_id=ticket_id))
        with desk.session() as session:
            assert service.feasible_survey(session, survey_id=by_lead.id).id == by_lead.id
            assert service.feasible_survey(session, ticket_id=ticket_id).id == of_ticket.id
            # what was surveyed for the lead holds for the customer
            assert service.feasible_survey(session, customer_id=lead.customer_id).id == by_lead.id
            found = service.feasible_survey(session, ticket_id=new_id(), customer_id=lead.customer_id)
            assert found.id == by_lead.id

    def test_the_last_one_that_was_not_cancelled_counts(self, desk: Desk) -> None:
        ticket_id = new_id()
        first = completed(desk, asked(desk, ticket_id=ticket_id))
        last = asked(desk, ticket_id=ticket_id)
        with pytest.raises(SurveyNotCompleted, match="is requested"), desk.session() as session:
            service.feasible_survey(session, ticket_id=ticket_id)
        with desk.session() as session:
            service.cancel_survey(session, survey_id=last.id)
            assert service.feasible_survey(session, ticket_id=ticket_id).id == first.id

    def test_the_surveyor_s_reason_is_told(self, desk: Desk) -> None:
        survey = completed(desk, asked(desk), is_feasible=False, reason="No duct.")
        with pytest.raises(SurveyNotFeasible, match="No duct") as refused, desk.session() as session:
            service.feasible_survey(session, survey_id=survey.id)
        assert refused.value.permanent

    def test_where_there_is_none_that_is_said(self, desk: Desk) -> None:
        ticket_id = new_id()
        with pytest.raises(SurveyNotFound, match=str(ticket_id)), desk.session() as session:
            service.feasible_survey(session, ticket_id=ticket_id)
        with pytest.raises(SurveyInvalid, match="Name the survey"), desk.session() as session:
            service.feasible_survey(session)


@pytest.mark.parametrize(
    "change",
    [
        "status = 'somewhere'",
        "status = 'completed'",
        "status = 'scheduled', scheduled_for = NULL",
        "is_feasible = false",
        "ticket_id = NULL",
        "latitude = 52",
        "estimated_cost = 5",
    ],
)
def test_the_database_refuses_what_no_survey_can_be(desk: Desk, change: str) -> None:
    survey = asked(desk)
    with pytest.raises(IntegrityError):
        desk.sql(f"UPDATE site_surveys SET {change} WHERE id = :id", id=survey.id)
