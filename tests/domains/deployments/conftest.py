"""A place to deploy to, a tenant to deploy for, and customers who get one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from app.core.db import Database
from app.core.ids import OPERATOR_ID, new_id
from app.domains.customers import service as customers
from app.domains.deployments import service

NewCustomer = Callable[..., UUID]


@pytest.fixture
def local_template(database: Database) -> UUID:
    """The seeded template of the local provisioner."""
    with database.transaction(OPERATOR_ID) as session:
        return service.choose_template(session, package_code="starter").id


@pytest.fixture
def seller(database: Database, owner: UUID) -> UUID:
    """An owner with the seeded templates."""
    with database.transaction(owner) as session:
        service.seed(session)
    return owner


@pytest.fixture
def new_customer(database: Database, owner: UUID) -> NewCustomer:
    """A function that makes a customer of the owner's; returns its id."""

    def make(**fields: Any) -> UUID:
        unique = new_id().hex
        new = customers.NewCustomer(**{"email": f"{unique}@example.com", "name": f"Company {unique[-12:]}", **fields})
        with database.transaction(owner) as session:
            return customers.create_customer(session, new=new).id

    return make


@pytest.fixture
def customer(new_customer: NewCustomer) -> UUID:
    """One of them."""
    return new_customer()
