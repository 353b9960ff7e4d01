"""What workflows may call of the partners room, as partner_service, customer_service and license_service."""

from app.domains.partners.operations import commissions, customers, licenses
from pipelines.operations import Catalogue

OPERATIONS = Catalogue()
for _catalogue in (customers.OPERATIONS, licenses.OPERATIONS, commissions.OPERATIONS):
    OPERATIONS.include(_catalogue)

__all__ = ["OPERATIONS"]
