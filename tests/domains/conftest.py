"""A place to deploy to, and a tenant to deploy for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.core.db import Database
from app.core.ids import OPERATOR_ID, new_id
from app.core.settings import Settings
from app.domains.tenants import service as tenants
from app.domains.tenants.models import Tenant
from tests.places import Place, place


@pytest.fixture(scope="session")
def there(bare_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Endpoints and provisioners of this test process."""
    with place(bare_settings, tmp_path_factory.mktemp("place")) as found:
        yield found


@pytest.fixture
def tenant(database: Database) -> Tenant:
    """A tenant of the operator."""
    slug = f"t{new_id().hex[-12:]}"
    with database.transaction(OPERATOR_ID) as session:
        return tenants.create_tenant(session, name=f"Tenant {slug}", slug=slug)
