"""What workflows may call of the crm room, as crm_service, customer_service and sales_service."""

from app.domains.crm.operations import customers, leads, orders, quotes, surveys
from pipelines.operations import Catalogue

OPERATIONS = Catalogue()
for _catalogue in (leads.OPERATIONS, customers.OPERATIONS, quotes.OPERATIONS, surveys.OPERATIONS, orders.OPERATIONS):
    OPERATIONS.include(_catalogue)

__all__ = ["OPERATIONS"]
