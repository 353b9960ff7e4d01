"""A partner with a pool of licenses, and what a test does with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.events import OutboxEvent
from app.core.ids import new_id
from app.core.settings import Settings
from app.core.world import World
from app.domains.licensing import service as licensing
from app.domains.partners import service

PARTNER = {"code": "acme", "name": "Acme Resale", "email": "Sales@Acme.example.com"}
POOL = 20
STANDARD = "standard"


@dataclass(frozen=True)
class Trade:
    """A partner of an owner of its own, with licenses from the standard template."""

    database: Database
    owner_id: UUID
    partner_id: UUID

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.database.transaction(self.owner_id) as session:
            yield session

    def new_partner(self, code: str) -> UUID:
        with self.session() as session:
            return service.create_partner(session, fields=PARTNER | {"code": code}).id

    def customer(self, *, partner_id: UUID | None = None, **data: Any) -> UUID:
        wanted = {"name": "Ada Lovelace", "email": f"{new_id().hex}@example.com", **data}
        with self.session() as session:
            return service.create_customer(
                session, partner=partner_id or self.partner_id, customer_data=wanted, key=f"test/{new_id()}"
            ).id

    def put_pool(self, *, template: str = STANDARD, **fields: Any) -> service.LicensePool:
        with self.session() as session:
            return service.put_pool(session, partner_id=self.partner_id, template=template, fields=fields)

    def allocate(self, customer_id: UUID, license_count: int = 1, **params: Any) -> service.LicenseAllocation:
        wanted = {"partner": self.partner_id, "key": f"test/{new_id()}", **params}
        with self.session() as session:
            return service.allocate_licenses(session, customer_id=customer_id, license_count=license_count, **wanted)

    def give_back(self, allocation: service.LicenseAllocation) -> None:
        with self.session() as session:
            service.return_allocation(session, allocation_id=allocation.id)

    def quota(self, **params: Any) -> service.Quota:
        with self.session() as session:
            partner = service.get_partner(session, partner_id=self.partner_id)
            return service.quota_of(session, partner=partner, **({"requested": 1} | params))

    def agree(self, kind: str = "percentage", *, currency: str = "USD", **more: Any) -> service.PartnerAgreement:
        terms = {name: more.pop(name) for name in ("rate", "amount", "tiers") if name in more}
        if kind == "percentage":
            terms.setdefault("rate", Decimal(10))
        with self.session() as session:
            return service.create_agreement(
                session,
                partner_id=self.partner_id,
                terms=service.Terms(kind=kind, currency=currency, **terms),
                **more,
            )

    def record(self, *, key: str | None = None, **sale: Any) -> service.Commission | service.NotDue:
        with self.session() as session:
            return service.record_commission(
                session, partner=self.partner_id, sale=service.Sale(**sale), key=key or f"test/{new_id()}"
            )

    def sold_amount(self, agreement: service.PartnerAgreement) -> Decimal:
        with self.session() as session:
            return service.get_agreement(session, partner_id=self.partner_id, agreement_id=agreement.id).sold_amount

    def events(self, subject: str) -> list[tuple[str, dict[str, Any]]]:
        with self.session() as session:
            rows = session.scalars(
                select(OutboxEvent).where(OutboxEvent.subject == subject).order_by(OutboxEvent.position)
            )
            return [(row.type, row.data) for row in rows]

    def count(self, what: str) -> int:
        with self.session() as session:
            return int(session.execute(text(f"SELECT count(*) FROM {what}")).scalar_one())


@pytest.fixture
def trade(database: Database, owner: UUID) -> Trade:
    """A partner with twenty licenses."""
    with database.transaction(owner) as session:
        licensing.seed(session)
        partner_id = service.create_partner(session, fields=PARTNER).id
    trade = Trade(database, owner, partner_id)
    trade.put_pool(total=POOL)
    return trade


@pytest.fixture(scope="session")
def crowd(settings: Settings, world: World) -> Iterator[Database]:
    """Transactions of as many callers at once as there are licenses, and more."""
    database = Database(settings.database_url, pool_size=50, test_clock=True, prepare=True, ports=world.ports)
    yield database
    database.dispose()


@pytest.fixture
def headers(token_for: Callable[..., str], owner: UUID) -> Callable[..., dict[str, str]]:
    """Headers of somebody of that owner with these permissions."""

    def of(*permissions: str, **more: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {token_for(*permissions, owner_id=owner, **more)}"}

    return of
