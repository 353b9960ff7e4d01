"""Plans on the database: sold by id or code, in each of their prices, and succeeded by others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from app.core.errors import Invalid
from app.core.ids import new_id
from app.domains.billing import service
from app.domains.billing.errors import PlanCodeTaken, PlanInUse, PlanNotFound
from app.domains.billing.models import Plan
from app.domains.billing.service.plans import plan_on_sale
from tests.domains.billing.conftest import USD_ANNUAL, USD_MONTHLY

EUR_MONTHLY = service.Price(currency="EUR", billing_cycle="monthly", amount=Decimal("28.00"))


def prices_of(plan):
    return {(price.currency, price.billing_cycle): price.amount for price in plan.prices}


def fields_of(plan, **changes):
    names = ("code", "name", "description", "is_active", "successor_id", "currency", "billing_cycle", "trial_days")
    return {name: getattr(plan, name) for name in names} | changes


def test_a_plan_is_found_by_its_id_and_by_its_code(database, owner, sell):
    plan = sell()
    with database.transaction(owner) as session:
        assert {service.find_plan(session, plan=name).id for name in (plan.id, str(plan.id), plan.code)} == {plan.id}
        with pytest.raises(PlanNotFound, match="“none”") as missing:
            service.find_plan(session, plan="none")
        assert [fault.pointer for fault in missing.value.faults] == ["/plan_id"]


def test_another_owner_has_other_plans(database, sell):
    plan = sell()
    with database.transaction(new_id()) as session, pytest.raises(PlanNotFound):
        service.find_plan(session, plan=plan.code)


def test_a_price_that_stays_keeps_its_row_and_others_come_and_go(database, owner, sell):
    plan = sell()
    kept = {price.billing_cycle: price.id for price in plan.prices}["monthly"]
    dearer = service.Price(currency="USD", billing_cycle="monthly", amount=Decimal("35.00"))
    with database.transaction(owner) as session:
        service.update_plan(session, plan_id=plan.id, fields=fields_of(plan), prices=[dearer, EUR_MONTHLY])
    with database.transaction(owner) as session:
        changed = service.get_plan(session, plan_id=plan.id)
        assert prices_of(changed) == {("USD", "monthly"): Decimal("35.00"), ("EUR", "monthly"): Decimal("28.00")}
        assert next(price.id for price in changed.prices if price.currency == "USD") == kept
        assert service.price_of(changed, currency="USD", billing_cycle="annual") is None


def test_what_a_plan_cannot_be_is_named_all_at_once(database, owner):
    wrong = {"code": "Not A Code", "name": "X", "currency": "USD", "billing_cycle": "monthly", "trial_days": -1}
    cheap = service.Price(currency="USD", billing_cycle="monthly", amount=Decimal("0.001"))
    with database.transaction(owner) as session:
        with pytest.raises(Invalid) as refused:
            service.create_plan(session, fields=wrong, prices=[cheap])
        assert [fault.pointer for fault in refused.value.faults] == ["/code", "/trial_days", "/prices/0/amount"]
        with pytest.raises(Invalid, match="owner_id"):
            service.create_plan(session, fields=wrong | {"owner_id": str(owner)}, prices=[USD_MONTHLY])


@pytest.mark.parametrize(
    ("fields", "prices", "pointer"),
    [
        ({"currency": "EUR"}, [USD_MONTHLY], "/prices"),
        ({}, [], "/prices"),
        ({}, [USD_MONTHLY, USD_MONTHLY], "/prices"),
        ({"products": ["a", "a"]}, [USD_MONTHLY], "/products"),
        ({"products": ["a", "B C"]}, [USD_MONTHLY], "/products/1"),
        ({"successor_id": new_id()}, [USD_MONTHLY], "/successor_id"),
    ],
)
def test_a_plan_that_could_not_be_sold_is_refused(sell, fields, prices, pointer):
    with pytest.raises(Invalid) as refused:
        sell(prices=tuple(prices), **fields)
    assert [fault.pointer for fault in refused.value.faults] == [pointer]


def test_a_code_is_taken_once_and_the_transaction_goes_on(database, owner, sell):
    taken = sell()
    same = {"code": taken.code, "name": "Other", "currency": "USD", "billing_cycle": "monthly"}
    with database.transaction(owner) as session:
        with pytest.raises(PlanCodeTaken):
            service.create_plan(session, fields=same, prices=[USD_MONTHLY])
        assert service.find_plan(session, plan=taken.code).id == taken.id


def test_a_plan_is_deleted_while_nobody_subscribed_to_it(database, owner, sell, subscribe):
    unused, used = sell(), sell()
    subscribe(plan=used.id)
    with database.transaction(owner) as session:
        service.delete_plan(session, plan_id=unused.id)
        with pytest.raises(PlanInUse, match="inactive"):
            service.delete_plan(session, plan_id=used.id)
    with database.transaction(owner) as session:
        assert session.get(Plan, unused.id) is None
        assert len(service.get_plan(session, plan_id=used.id).prices) == 2


def test_what_is_not_sold_any_more_is_succeeded_by_what_is(database, owner, sell):
    newest = sell()
    older = sell(is_active=False, successor_id=newest.id)
    oldest = sell(is_active=False, successor_id=older.id)
    alone = sell(is_active=False)
    with database.transaction(owner) as session:
        found = [plan_on_sale(session, plan=plan) for plan in (newest, older, oldest, alone)]
    assert [each and each.id for each in found] == [newest.id, newest.id, newest.id, None]


def test_successors_do_not_lead_back(database, owner, sell):
    newer = sell()
    older = sell(successor_id=newer.id)
    with database.transaction(owner) as session:
        with pytest.raises(Invalid) as refused:
            service.update_plan(
                session, plan_id=newer.id, fields=fields_of(newer, successor_id=older.id), prices=[USD_MONTHLY]
            )
        assert [fault.pointer for fault in refused.value.faults] == ["/successor_id"]
        with pytest.raises(Invalid):
            service.update_plan(
                session, plan_id=older.id, fields=fields_of(older, successor_id=older.id), prices=[USD_ANNUAL]
            )


def test_seeding_twice_at_once_makes_one_plan_and_overwrites_nothing(database, owner):
    def seed(_):
        with database.transaction(owner) as session:
            service.seed(session)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(seed, range(2)))
    with database.transaction(owner) as session:
        plan = service.find_plan(session, plan="standard")
        assert set(prices_of(plan)) == {("USD", "monthly"), ("USD", "annual")}
        service.update_plan(session, plan_id=plan.id, fields=fields_of(plan, name="Ours"), prices=[USD_MONTHLY])
    seed(None)
    with database.transaction(owner) as session:
        plan = service.find_plan(session, plan="standard")
        assert (plan.name, len(plan.prices)) == ("Ours", 1)
