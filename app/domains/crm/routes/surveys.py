"""Site surveys by HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.crm import service
from app.domains.crm.routes.versions import version
from app.domains.crm.schemas import surveys as schemas
from app.domains.crm.schemas.shared import WhyIn
from app.http.endpoint import Blueprint, Context, endpoint, page

surveys = Blueprint("site-surveys", __name__, description="Whether and how a place can be served")

ABOUT = ("lead_id", "customer_id", "ticket_id")


@endpoint(
    surveys,
    "GET",
    "/site-surveys",
    permission="site_survey.read",
    query=schemas.SurveyQuery,
    answer=schemas.SurveyOut,
    paged=True,
)
def list_surveys(ctx: Context) -> Any:
    """Site surveys, newest first."""
    return page(ctx, service.list_surveys(**{name: ctx.query.get(name) for name in ("status", *ABOUT)}))


@endpoint(
    surveys,
    "POST",
    "/site-surveys",
    permission="site_survey.create",
    body=schemas.SurveyIn,
    answer=schemas.SurveyOut,
    status=201,
    idempotent=True,
    errors=[404],
)
def request_survey(ctx: Context) -> Any:
    """Ask for a place to be surveyed, for a lead, a customer or a ticket."""
    about = {name: ctx.body.get(name) for name in ABOUT}
    fields = {name: value for name, value in ctx.body.items() if name not in ABOUT}
    survey = service.request_survey(ctx.session, fields=fields, **about)
    ctx.headers["Location"] = f"/api/v1/site-surveys/{survey.id}"
    return _shown(ctx, survey)


@endpoint(surveys, "GET", "/site-surveys/<uuid:survey_id>", permission="site_survey.read", answer=schemas.SurveyOut)
def show_survey(ctx: Context, *, survey_id: UUID) -> Any:
    """One site survey."""
    return _shown(ctx, service.get_survey(ctx.session, survey_id=survey_id))


@endpoint(
    surveys,
    "PATCH",
    "/site-surveys/<uuid:survey_id>",
    permission="site_survey.update",
    body=schemas.SurveyChange,
    answer=schemas.SurveyOut,
    errors=[409, 412],
)
def update_survey(ctx: Context, *, survey_id: UUID) -> Any:
    """Plan a survey otherwise."""
    ctx.etag(version(service.lock_survey(ctx.session, survey_id=survey_id).updated_at))
    return _shown(ctx, service.update_survey(ctx.session, survey_id=survey_id, changes=ctx.body))


@endpoint(
    surveys,
    "POST",
    "/site-surveys/<uuid:survey_id>/complete",
    permission="site_survey.complete",
    body=schemas.SurveyResult,
    answer=schemas.SurveyOut,
    idempotent=True,
    errors=[409],
)
def complete_survey(ctx: Context, *, survey_id: UUID) -> Any:
    """Write down what the surveyor found."""
    return _shown(ctx, service.complete_survey(ctx.session, survey_id=survey_id, result=ctx.body))


@endpoint(
    surveys,
    "POST",
    "/site-surveys/<uuid:survey_id>/cancel",
    permission="site_survey.update",
    body=WhyIn,
    answer=schemas.SurveyOut,
    idempotent=True,
    errors=[409],
)
def cancel_survey(ctx: Context, *, survey_id: UUID) -> Any:
    """Nobody goes there."""
    return _shown(ctx, service.cancel_survey(ctx.session, survey_id=survey_id, reason=ctx.body["reason"]))


def _shown(ctx: Context, survey: service.SiteSurvey) -> service.SiteSurvey:
    ctx.etag(version(survey.updated_at))
    return survey
