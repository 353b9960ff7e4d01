"""A place to deploy to, and a tenant to deploy for."""

from __future__ import annotations

from uuid import UUID

import pytest

from app.core.db import Database
from app.core.ids import OPERATOR_ID
from app.domains.deployments import service


@pytest.fixture
def local_template(database: Database) -> UUID:
    """The seeded template of the local provisioner."""
    with database.transaction(OPERATOR_ID) as session:
        return service.choose_template(session, package_code="starter").id
