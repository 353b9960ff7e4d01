"""The verbs of the crm room. None commits; all run as the session's owner unless they say otherwise."""

from app.domains.crm.models import Lead, Quote, QuoteItem, SiteSurvey
from app.domains.crm.rules.leads import Source, contact_name
from app.domains.crm.rules.leads import Status as LeadStatus
from app.domains.crm.rules.quotes import Kind
from app.domains.crm.rules.quotes import Status as QuoteStatus
from app.domains.crm.rules.surveys import Status as SurveyStatus
from app.domains.crm.service.answering import (
    accept_quote,
    reject_quote,
    undo_acceptance,
    undo_quote,
    withdraw_quote,
)
from app.domains.crm.service.converting import convert_lead, undo_conversion
from app.domains.crm.service.expiring import expire_if_over, expire_quotes
from app.domains.crm.service.leads import (
    contact_lead,
    create_lead,
    get_lead,
    list_leads,
    lock_lead,
    lose_lead,
    update_lead,
)
from app.domains.crm.service.links import accept_url, place_of, send_quote
from app.domains.crm.service.offering import generate_quote
from app.domains.crm.service.ordering import create_order_from_quote
from app.domains.crm.service.qualifying import qualify_lead, reopen_lead, undo_qualification
from app.domains.crm.service.quotes import get_quote, list_quotes, lock_quote, update_quote
from app.domains.crm.service.removing import remove_customer
from app.domains.crm.service.renewing import create_renewal_quote
from app.domains.crm.service.surveys import (
    cancel_survey,
    complete_survey,
    feasible_survey,
    get_survey,
    list_surveys,
    lock_survey,
    request_survey,
    update_survey,
)

__all__ = [
    "Kind",
    "Lead",
    "LeadStatus",
    "Quote",
    "QuoteItem",
    "QuoteStatus",
    "SiteSurvey",
    "Source",
    "SurveyStatus",
    "accept_quote",
    "accept_url",
    "cancel_survey",
    "complete_survey",
    "contact_lead",
    "contact_name",
    "convert_lead",
    "create_lead",
    "create_order_from_quote",
    "create_renewal_quote",
    "expire_if_over",
    "expire_quotes",
    "feasible_survey",
    "generate_quote",
    "get_lead",
    "get_quote",
    "get_survey",
    "list_leads",
    "list_quotes",
    "list_surveys",
    "lock_lead",
    "lock_quote",
    "lock_survey",
    "lose_lead",
    "place_of",
    "qualify_lead",
    "reject_quote",
    "remove_customer",
    "reopen_lead",
    "request_survey",
    "send_quote",
    "undo_acceptance",
    "undo_conversion",
    "undo_qualification",
    "undo_quote",
    "update_lead",
    "update_quote",
    "update_survey",
    "withdraw_quote",
]
