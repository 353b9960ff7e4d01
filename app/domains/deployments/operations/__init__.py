"""What workflows may call of the deployments room."""

from app.domains.deployments.operations import customer_tenants, provisioning, scheduling
from pipelines.operations import Catalogue

OPERATIONS = Catalogue()
for part in (provisioning, customer_tenants, scheduling):
    OPERATIONS.include(part.OPERATIONS)
