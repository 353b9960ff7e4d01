"""Plans and their prices: found by id or code, edited. Subscriptions keep what they were made with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.errors import ForeignKeyViolation, UniqueViolation
from sqlalchemy import Select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import Fault, Invalid
from app.core.ids import as_uuid, new_id
from app.domains.billing import queries
from app.domains.billing.errors import PlanCodeTaken, PlanInUse, PlanNotFound
from app.domains.billing.models import Plan, PlanPrice
from app.domains.billing.rules.plans import Price, plan_faults, price_in

_EDITABLE = (
    "code",
    "name",
    "description",
    "is_active",
    "successor_id",
    "currency",
    "billing_cycle",
    "trial_days",
    "renews_automatically",
    "products",
    "license_template_code",
)
_DEFAULTS: dict[str, Any] = {
    "description": "",
    "is_active": True,
    "trial_days": 0,
    "renews_automatically": True,
    "products": [],
}


def all_plans(*, is_active: bool | None = None) -> Select[Plan]:
    """Plans with their prices, to be paged."""
    return queries.all_plans(is_active=is_active)


def get_plan(session: Session, *, plan_id: UUID, locked: bool = False) -> Plan:
    """A plan, active or not. Raises PlanNotFound."""
    if plan := queries.plan(session, plan_id, locked=locked):
        return plan
    message = "There is no such plan."
    raise PlanNotFound(message)


def find_plan(session: Session, *, plan: UUID | str) -> Plan:
    """The plan of that id or code, active or not. Raises PlanNotFound, naming what was looked for."""
    plan_id = as_uuid(plan)
    found = queries.plan(session, plan_id) if plan_id else None
    found = found or queries.plan_by_code(session, str(plan))
    if found is None:
        message = f"There is no plan “{plan}”."
        raise PlanNotFound(message, faults=[Fault("/plan_id", message)])
    return found


def create_plan(session: Session, *, fields: Mapping[str, Any], prices: Sequence[Price]) -> Plan:
    """Make a plan of these fields and prices. Raises Invalid with all faults, PlanCodeTaken."""
    plan = Plan(id=new_id())
    _write(session, plan, _DEFAULTS | dict(fields), prices)
    audit.record(session, "plan.created", f"plan/{plan.id}", after=_picture(plan))
    return plan


def update_plan(session: Session, *, plan_id: UUID, fields: Mapping[str, Any], prices: Sequence[Price]) -> Plan:
    """Change what a plan is from now on; subscriptions stay as they are until they are renewed.

    Raises PlanNotFound, Invalid with all faults, PlanCodeTaken.
    """
    plan = get_plan(session, plan_id=plan_id, locked=True)
    before = _picture(plan)
    _write(session, plan, _fields(plan) | dict(fields), prices)
    session.refresh(plan)  # updated_at is the database's
    audit.record(session, "plan.updated", f"plan/{plan.id}", before=before, after=_picture(plan))
    return plan


def delete_plan(session: Session, *, plan_id: UUID) -> None:
    """Remove a plan that nobody subscribed to and that succeeds no other. Raises PlanNotFound, PlanInUse."""
    plan = get_plan(session, plan_id=plan_id, locked=True)
    before = _picture(plan)
    try:
        with session.begin_nested():
            session.delete(plan)
    except IntegrityError as error:
        if not isinstance(error.orig, ForeignKeyViolation):
            raise
        message = f"Something refers to the plan “{before['code']}”: make it inactive instead."
        raise PlanInUse(message) from error
    audit.record(session, "plan.deleted", f"plan/{plan_id}", before=before)


def price_of(plan: Plan, *, currency: str, billing_cycle: str) -> Decimal | None:
    """What one of a plan costs for a billing cycle; None where it is not sold so."""
    return price_in(_prices(plan), currency=currency, billing_cycle=billing_cycle)


def plan_on_sale(session: Session, *, plan: Plan) -> Plan | None:
    """The plan where it is sold, else the first of its successors that is; None where none is."""
    seen = {plan.id}
    while not plan.is_active:
        successor = queries.plan(session, plan.successor_id) if plan.successor_id else None
        if successor is None or successor.id in seen:
            return None
        seen.add(successor.id)
        plan = successor
    return plan


def _write(session: Session, plan: Plan, wanted: Mapping[str, Any], prices: Sequence[Price]) -> None:
    if unknown := sorted(wanted.keys() - set(_EDITABLE)):
        message = f"A plan has no {', '.join(unknown)}."
        raise Invalid(message, faults=[Fault(f"/{name}", "This field does not exist.") for name in unknown])
    found = [*plan_faults(wanted, prices), *_successor_faults(session, plan, wanted.get("successor_id"))]
    if found:
        message = "The plan is not valid."
        raise Invalid(message, faults=found)
    try:
        with session.begin_nested():
            for name in _EDITABLE:
                setattr(plan, name, wanted.get(name))
            _set_prices(plan, prices)
            session.add(plan)
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        message = f"There is a plan “{wanted['code']}” already."
        raise PlanCodeTaken(message, faults=[Fault("/code", message)]) from error


def _set_prices(plan: Plan, prices: Sequence[Price]) -> None:
    """A price that stays keeps its row: only what changed is written."""
    standing = {(price.currency, price.billing_cycle): price for price in plan.prices}
    wanted = []
    for price in prices:
        row = standing.get((price.currency, price.billing_cycle))
        if row is None:
            row = PlanPrice(currency=price.currency, billing_cycle=price.billing_cycle)
        row.amount = price.amount
        wanted.append(row)
    plan.prices = wanted


def _successor_faults(session: Session, plan: Plan, successor_id: UUID | None) -> list[Fault]:
    """A successor exists, and does not lead back: who renews would never arrive."""
    seen = {plan.id}
    next_id = successor_id
    while next_id is not None:
        if next_id in seen:
            return [Fault("/successor_id", "A plan is not its own successor, nor that of its successors.")]
        seen.add(next_id)
        successor = queries.plan(session, next_id)
        if successor is None:
            return [Fault("/successor_id", "There is no such plan.")]
        next_id = successor.successor_id
    return []


def _prices(plan: Plan) -> list[Price]:
    return [
        Price(currency=price.currency, billing_cycle=price.billing_cycle, amount=price.amount) for price in plan.prices
    ]


def _fields(plan: Plan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in _EDITABLE}


def _picture(plan: Plan) -> dict[str, Any]:
    """The plan as the audit log has it."""
    return _fields(plan) | {
        "successor_id": str(plan.successor_id) if plan.successor_id else None,
        "prices": [[each.currency, each.billing_cycle, str(each.amount)] for each in plan.prices],
    }
