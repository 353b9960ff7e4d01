"""What a new installation begins with; may be run again: only what is missing is added, nothing edited is overwritten."""

from __future__ import annotations

from app.core.ids import OPERATOR_ID
from app.core.world import World
from app.domains.activation import service as activation
from app.domains.billing import service as billing
from app.domains.catalog import service as catalog
from app.domains.communications import service as communications
from app.domains.deployments import service as deployments
from app.domains.licensing import service as licensing
from app.domains.notifications import service as notifications
from app.domains.tenants import service as tenants
from app.domains.ticketing import service as ticketing
from app.domains.workflows import service as workflows


def seed(world: World) -> list[str]:
    """Operator, catalogue, packages, templates, mails, teams, activation workflow; then the built-in workflows.

    Returns the workflows that were installed or renewed, as `name version`.
    """
    with world.database.transaction(OPERATOR_ID) as session:
        tenants.seed(session, operator_name=world.settings.operator_name)
        catalog.seed(session)
        communications.seed(session)
        notifications.seed(session)
        deployments.seed(session)
        billing.seed(session)
        licensing.seed(session)
        ticketing.seed(session)
        activation.seed(session)
    with world.across.transaction() as session:
        return workflows.sync_builtins(session, operations=world.operations)
