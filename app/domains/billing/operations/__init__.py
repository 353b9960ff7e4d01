"""What workflows may call of the billing room, as billing_service."""

from app.domains.billing.operations import activating, payments, subscriptions
from pipelines.operations import Catalogue

OPERATIONS = Catalogue()
for part in (subscriptions, activating, payments):
    OPERATIONS.include(part.OPERATIONS)

__all__ = ["OPERATIONS"]
