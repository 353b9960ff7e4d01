"""A seller with a template to issue from, and a customer."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from app.core.db import Database
from app.core.ids import new_id
from app.domains.customers import service as customers
from app.domains.licensing import service

NewCustomer = Callable[[], UUID]


@pytest.fixture
def seller(database: Database, owner: UUID) -> UUID:
    """An owner with the standard template."""
    with database.transaction(owner) as session:
        service.seed(session)
    return owner


@pytest.fixture
def new_customer(database: Database, owner: UUID) -> NewCustomer:
    """A function that makes a customer of the owner's; returns its id."""

    def make() -> UUID:
        new = customers.NewCustomer(email=f"{new_id().hex}@example.com", name="Example ISP")
        with database.transaction(owner) as session:
            return customers.create_customer(session, new=new).id

    return make


@pytest.fixture
def customer(new_customer: NewCustomer) -> UUID:
    """One of them."""
    return new_customer()
