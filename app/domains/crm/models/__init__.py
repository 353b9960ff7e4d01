"""Tables of leads, quotes and site surveys."""

from app.domains.crm.models.leads import Lead
from app.domains.crm.models.quotes import Quote, QuoteItem
from app.domains.crm.models.surveys import SiteSurvey

__all__ = ["Lead", "Quote", "QuoteItem", "SiteSurvey"]
