"""What tables, events and the gateway say of each contract, beside what was expected."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from soak.contracts import CURRENCIES, ZONE, Contract
from soak.expected import Expected
from soak.seller import SIGN_UP, Seller

_SUBSCRIPTIONS = text(
    """
    SELECT e.id AS execution, s.id, s.status FROM workflow_executions e
    JOIN workflow_steps w ON w.execution_id = e.id AND w.step_name = 'create_subscription'
    JOIN subscriptions s ON s.id = (w.output_data ->> 'subscription_id')::uuid
    WHERE e.workflow_name = :workflow
    """
)
_INVOICES = text(
    "SELECT subscription_id, period_start, total_amount, currency FROM invoices WHERE kind = 'invoice' AND status <> 'void'"
)
_PAYMENTS = text(
    """
    SELECT y.customer_id, p.amount, p.currency, p.captured_at IS NOT NULL AS is_captured FROM payments p
    JOIN payables y ON y.id = p.payable_id WHERE p.status = 'succeeded'
    """
)
_EVENTS = text(
    """
    SELECT type, data ->> 'subscription_id' AS subscription, data ->> 'current_period_end' AS period_end, count(*) AS told
    FROM outbox WHERE type IN ('subscription.expiring_soon', 'subscription.extended') GROUP BY 1, 2, 3
    """
)


@dataclass
class Found:
    """What there is of one contract, in the words of `Expected`."""

    invoices: list[tuple[date, int]]
    paid: list[int]
    notices: int
    extensions: int
    status: str
    doubled: list[str]


def differences(seller: Seller, expected: dict[int, Expected]) -> Iterator[str]:
    """Everything in which what is there differs from what was expected, as sentences."""
    with seller.world.database.transaction(seller.owner_id) as session:
        found = _found(session, seller)
    for contract in seller.contracts:
        yield from _of_one(contract, expected[contract.number], found.get(contract.number))


def taken(seller: Seller) -> Counter[str]:
    """What the tables say was paid, by currency in the smallest unit."""
    sums: Counter[str] = Counter()
    with seller.world.database.transaction(seller.owner_id) as session:
        for row in session.execute(_PAYMENTS):
            sums[row.currency] += units(row.amount, row.currency)
    return sums


def taken_at_gateway(var_dir: Path) -> Counter[str]:
    """What the sandbox's own books say was captured, by currency in the smallest unit."""
    sums: Counter[str] = Counter()
    with closing(sqlite3.connect(var_dir / "payments" / "sandbox.sqlite3")) as books:
        for amount, currency in books.execute("SELECT amount, currency FROM payments WHERE status = 'succeeded'"):
            sums[currency] += units(Decimal(amount), currency)
    return sums


def units(amount: Decimal, currency: str) -> int:
    """An amount in the smallest unit. Raises ValueError for one that is finer."""
    scaled = amount.scaleb(CURRENCIES[currency])
    if scaled != int(scaled):
        message = f"{amount} {currency} is finer than the currency"
        raise ValueError(message)
    return int(scaled)


def _found(session: Session, seller: Seller) -> dict[int, Found]:
    number_of = {customer.execution_id: number for number, customer in seller.customers.items()}
    subscriptions = {
        row.id: (number_of[row.execution], row.status) for row in session.execute(_SUBSCRIPTIONS, {"workflow": SIGN_UP})
    }
    by_customer = {customer.customer_id: number for number, customer in seller.customers.items()}
    found = {number: Found([], [], 0, 0, status, []) for number, status in subscriptions.values()}
    zone = ZoneInfo(ZONE)
    for row in session.execute(_INVOICES):
        number, _ = subscriptions[row.subscription_id]
        day = row.period_start.astimezone(zone).date()
        found[number].invoices.append((day, units(row.total_amount, row.currency)))
    for row in session.execute(_PAYMENTS):
        found[by_customer[row.customer_id]].paid.append(units(row.amount, row.currency))
    for row in session.execute(_EVENTS):
        _count(found[subscriptions[UUID(row.subscription)][0]], row)
    return found


def _count(found: Found, row: Any) -> None:
    if row.type == "subscription.expiring_soon":
        found.notices += row.told
    else:
        found.extensions += row.told
    if row.told > 1:
        found.doubled.append(f"{row.told} times {row.type} for {row.period_end}")


def _of_one(contract: Contract, wanted: Expected, found: Found | None) -> Iterator[str]:
    who = f"contract {contract.number} ({contract.plan_code} from {contract.first_day}, {contract.trouble or 'no trouble'})"
    if found is None:
        yield f"{who}: there is no subscription"
        return
    invoices: dict[date, list[int]] = defaultdict(list)
    for day, amount in found.invoices:
        invoices[day].append(amount)
    for day in sorted(invoices.keys() | wanted.invoices.keys()):
        owed = [wanted.invoices[day]] if day in wanted.invoices else []
        if invoices.get(day, []) != owed:
            yield f"{who}: invoices from {day} are {invoices.get(day, [])}, not {owed}"
    if sorted(found.paid) != sorted(wanted.paid):
        yield f"{who}: paid {sum(found.paid)} in {len(found.paid)}, not {sum(wanted.paid)} in {len(wanted.paid)}"
    for what in ("notices", "extensions", "status"):
        if getattr(found, what) != getattr(wanted, what):
            yield f"{who}: {what} {getattr(found, what)}, not {getattr(wanted, what)}"
    yield from (f"{who}: {sentence}" for sentence in found.doubled)
