"""A place to deploy to, a tenant, and an order of it to activate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from app.core.db import Database
from app.core.ids import OPERATOR_ID, new_id
from app.domains.activation import service
from app.domains.activation.models import ServiceActivation

TERMS = service.Terms(
    customer_name="John Smith",
    customer_email="admin@example.com",
    currency="USD",
    amount=Decimal("348.00"),
    billing_cycle="monthly",
)


@pytest.fixture
def order_id() -> int:
    """An order's number that no other test uses; activations keep it by value."""
    return new_id().int >> 64 & 2**62 - 1


@pytest.fixture
def order(database: Database, order_id: int) -> Callable[..., Sequence[ServiceActivation]]:
    """A function that makes the activations of the order for these service codes."""

    def make(*codes: str) -> Sequence[ServiceActivation]:
        items = [service.OrderedService(service_code=code, service_name=code.title()) for code in codes]
        with database.transaction(OPERATOR_ID) as session:
            return service.create_activations(
                session,
                order_id=order_id,
                items=items,
                workflow=service.choose_workflow(session, template_id=None),
                terms=TERMS,
            )

    return make
