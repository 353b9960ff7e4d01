"""What a site survey found."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.core.money import rounded
from app.domains.crm import service
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()


@OPERATIONS.operation("crm_service.get_site_survey")
def get_site_survey(
    call: Call, *, ticket_id: UUID | None = None, customer_id: UUID | None = None, survey_id: UUID | None = None
) -> dict[str, Any]:
    """The survey by its id, else the last one of the ticket or the customer.

    Fails for good when there is none, when it is not completed, and with the surveyor's reason when it is not feasible.
    """
    survey = service.feasible_survey(call.session, survey_id=survey_id, ticket_id=ticket_id, customer_id=customer_id)
    return {"survey_id": str(survey.id), "survey": _shown(survey)}


def _shown(survey: service.SiteSurvey) -> dict[str, Any]:
    coordinates = None
    if survey.latitude is not None and survey.longitude is not None:
        coordinates = {"latitude": str(survey.latitude), "longitude": str(survey.longitude)}
    cost = None
    if survey.estimated_cost is not None and survey.currency is not None:
        cost = str(rounded(survey.estimated_cost, survey.currency))
    return {
        "id": str(survey.id),
        "address": survey.address,
        "coordinates": coordinates,
        "serviceable": survey.is_feasible,
        "technology": survey.technology,
        "fiber_distance_m": None if survey.fiber_distance_m is None else float(survey.fiber_distance_m),
        "olt": survey.olt,
        "pop": survey.pop,
        "port": survey.port,
        "ont_type": survey.ont_type,
        "estimated_cost": cost,
        "currency": survey.currency,
        "notes": survey.notes,
    }
