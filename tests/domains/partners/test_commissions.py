"""Commissions on the database: one for a sale, paid once, void for good."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.clock import now
from app.core.errors import Invalid, NotFound
from app.core.ids import new_id
from app.domains.partners import service
from app.domains.partners.errors import (
    BaseAmountMissing,
    CommissionNotDue,
    CommissionNotFound,
    CommissionStateForbids,
    CustomerOfAnotherPartner,
)

HUNDRED = Decimal(100)
TIERS = (
    service.Tier(from_amount=Decimal(0), rate=Decimal(5)),
    service.Tier(from_amount=Decimal(1000), rate=Decimal(10)),
)


def pay(trade, commission, reference="SEPA 1"):
    with trade.session() as session:
        return service.pay_commission(session, commission_id=commission.id, reference=reference)


def void(trade, commission, reason="undone"):
    with trade.session() as session:
        return service.void_commission(session, commission_id=commission.id, reason=reason)


def test_a_new_customer_earns_a_part_of_what_was_sold(trade):
    agreement = trade.agree(rate=Decimal("12.5"))
    customer_id = trade.customer()
    earned = trade.record(customer_id=customer_id, base_amount=HUNDRED, commission_type="new_customer")
    assert (earned.amount, earned.rate, earned.currency, earned.status) == (
        Decimal("12.5"),
        Decimal("12.5"),
        "USD",
        "pending",
    )
    assert trade.sold_amount(agreement) == HUNDRED
    ((told, data),) = trade.events(f"commission/{earned.id}")
    assert told == "partner.commission_recorded"
    assert data == {
        "commission_id": str(earned.id),
        "partner_id": str(trade.partner_id),
        "customer_id": str(customer_id),
        "order_id": None,
        "commission_type": "new_customer",
        "amount": "12.50",
        "currency": "USD",
        "rate": "12.5000",
        "status": "pending",
    }


def test_a_sale_earns_one_commission_whoever_asks(trade):
    agreement = trade.agree()
    customer_id = trade.customer()
    first = trade.record(customer_id=customer_id, base_amount=HUNDRED)
    second = trade.record(customer_id=customer_id, base_amount=Decimal(900), commission_type="recurring")
    assert (second.id, second.amount) == (first.id, Decimal(10))
    assert trade.record(order_id=42, base_amount=HUNDRED).id != first.id
    assert (trade.count("commissions"), trade.sold_amount(agreement)) == (2, Decimal(200))


def test_each_partner_earns_its_own(trade):
    trade.agree()
    first = trade.record(order_id=42, base_amount=HUNDRED)
    other = trade.new_partner("other")
    with trade.session() as session:
        terms = service.Terms(kind="fixed", currency="EUR", amount=Decimal(7))
        service.create_agreement(session, partner_id=other, terms=terms)
        second = service.record_commission(session, partner="other", sale=service.Sale(order_id=42), key="a step")
        assert (second.id != first.id, second.amount, second.currency, second.rate) == (True, Decimal(7), "EUR", None)


def test_many_at_once_record_one(crowd, trade):
    agreement = trade.agree()

    def record(number):
        sale = service.Sale(order_id=42, base_amount=HUNDRED)
        with crowd.transaction(trade.owner_id) as session:
            return service.record_commission(session, partner="acme", sale=sale, key=f"step/{number}").id

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(record, range(16)))) == 1
    assert (trade.count("commissions"), trade.sold_amount(agreement)) == (1, HUNDRED)
    assert trade.count("outbox WHERE type = 'partner.commission_recorded'") == 1


def test_many_sales_at_once_go_through_the_tiers_together(crowd, trade):
    agreement = trade.agree("tiered", tiers=TIERS)

    def record(number):
        sale = service.Sale(order_id=number, base_amount=HUNDRED)
        with crowd.transaction(trade.owner_id) as session:
            return service.record_commission(session, partner="acme", sale=sale, key=f"step/{number}").amount

    with ThreadPoolExecutor(16) as pool:
        amounts = list(pool.map(record, range(1, 21)))
    assert sorted(amounts) == [Decimal(5)] * 10 + [Decimal(10)] * 10
    assert trade.sold_amount(agreement) == Decimal(2000)


def test_what_became_void_is_not_sold(trade):
    agreement = trade.agree("tiered", tiers=TIERS)
    large = trade.record(order_id=1, base_amount=Decimal(1000))
    void(trade, large)
    assert trade.sold_amount(agreement) == 0
    assert trade.record(order_id=2, base_amount=HUNDRED).amount == Decimal(5)


def test_without_an_agreement_for_such_sales_nothing_is_due(trade):
    customer_id = trade.customer()
    nothing = trade.record(customer_id=customer_id, base_amount=HUNDRED)
    assert isinstance(nothing, service.NotDue)
    assert "acme" in nothing.reason
    trade.agree(applies_to="recurring")
    assert isinstance(trade.record(customer_id=customer_id, base_amount=HUNDRED), service.NotDue)
    assert trade.record(order_id=1, base_amount=HUNDRED, commission_type="renewal").status == "pending"
    with trade.session() as session, pytest.raises(CommissionNotDue, match="new_customer"):
        service.require_commission(session, partner="acme", sale=service.Sale(customer_id=customer_id), key="a step")


def test_an_agreement_counts_while_it_is_in_force(trade):
    with trade.session() as session:
        today = now(session)
    trade.agree(valid_from=today - timedelta(days=60), valid_until=today - timedelta(days=30))
    trade.agree(valid_from=today + timedelta(days=30))
    assert isinstance(trade.record(order_id=1, base_amount=HUNDRED), service.NotDue)
    trade.agree(rate=Decimal(7), valid_from=today - timedelta(days=30), valid_until=today + timedelta(days=30))
    assert trade.record(order_id=1, base_amount=HUNDRED).amount == Decimal(7)


def test_the_first_sale_to_a_customer_and_the_next_ones_are_told_apart(trade):
    trade.agree(applies_to="first_sale", rate=Decimal(20))
    trade.agree(applies_to="recurring", rate=Decimal(5))
    customer_id = trade.customer()
    first, second = (trade.record(customer_id=customer_id, order_id=n, base_amount=HUNDRED) for n in (1, 2))
    assert (first.commission_type, first.amount) == ("new_customer", Decimal(20))
    assert (second.commission_type, second.amount) == ("recurring", Decimal(5))
    void(trade, first)
    void(trade, second)
    assert trade.record(customer_id=customer_id, order_id=3, base_amount=HUNDRED).amount == Decimal(20)


def test_of_many_sales_to_a_customer_at_once_one_is_the_first(crowd, trade):
    trade.agree(applies_to="first_sale", rate=Decimal(20))
    trade.agree(applies_to="recurring", rate=Decimal(5))
    customer_id = trade.customer()

    def record(number):
        sale = service.Sale(customer_id=customer_id, order_id=number, base_amount=HUNDRED)
        with crowd.transaction(trade.owner_id) as session:
            return service.record_commission(session, partner="acme", sale=sale, key=f"step/{number}").commission_type

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(record, range(1, 9))) == ["new_customer"] + ["recurring"] * 7


def test_where_nobody_says_what_was_sold_it_is_the_price_of_the_customer_s_licenses(trade):
    trade.agree()
    customer_id = trade.customer()
    trade.allocate(customer_id, 3)
    with pytest.raises(BaseAmountMissing, match="base_amount"):
        trade.record(customer_id=customer_id)
    trade.put_pool(total=20, unit_price=Decimal("9.99"), currency="EUR")
    with pytest.raises(BaseAmountMissing):
        trade.record(customer_id=customer_id)
    trade.put_pool(total=20, unit_price=Decimal("9.99"), currency="USD")
    trade.give_back(trade.allocate(customer_id, 5))
    earned = trade.record(customer_id=customer_id)
    assert (earned.base_amount, earned.amount) == (Decimal("29.97"), Decimal("3.00"))


def test_an_order_s_amount_is_told_or_does_not_matter(trade):
    agreement = trade.agree()
    with pytest.raises(BaseAmountMissing):
        trade.record(order_id=1)
    with trade.session() as session:
        service.end_agreement(session, partner_id=trade.partner_id, agreement_id=agreement.id)
    trade.agree("fixed", amount=Decimal(25))
    earned = trade.record(order_id=1)
    assert (earned.amount, earned.base_amount, earned.rate) == (Decimal(25), None, None)


@pytest.mark.parametrize(
    ("sale", "pointer"),
    [
        ({}, "/customer_id"),
        ({"order_id": 0}, "/order_id"),
        ({"order_id": 1, "commission_type": "percentage"}, "/commission_type"),
        ({"order_id": 1, "base_amount": Decimal(-1)}, "/base_amount"),
        ({"order_id": 1, "base_amount": Decimal("0.001")}, "/base_amount"),
        ({"order_id": 1, "base_amount": HUNDRED, "currency": "EUR"}, "/currency"),
    ],
)
def test_what_is_wrong_with_a_sale_is_named(trade, sale, pointer):
    trade.agree()
    with pytest.raises(Invalid) as refused:
        trade.record(**sale)
    assert [fault.pointer for fault in refused.value.faults] == [pointer]


def test_nothing_is_earned_by_strangers_and_by_another_partner_s_customers(trade):
    trade.agree()
    with pytest.raises(NotFound):
        trade.record(customer_id=new_id(), base_amount=HUNDRED)
    with pytest.raises(CustomerOfAnotherPartner):
        trade.record(customer_id=trade.customer(partner_id=trade.new_partner("other")), base_amount=HUNDRED)


def test_a_commission_is_paid_once(trade):
    trade.agree()
    earned = trade.record(order_id=1, base_amount=HUNDRED)
    paid = pay(trade, earned)
    assert (paid.status, paid.payment_reference) == ("paid", "SEPA 1")
    assert pay(trade, earned).paid_at == paid.paid_at
    with pytest.raises(CommissionStateForbids, match="SEPA 1"):
        pay(trade, earned, "SEPA 2")
    with pytest.raises(CommissionStateForbids, match="cannot become void"):
        void(trade, earned)
    assert trade.record(order_id=1, base_amount=HUNDRED).id == earned.id
    assert [told for told, _ in trade.events(f"commission/{earned.id}")] == [
        "partner.commission_recorded",
        "partner.commission_paid",
    ]


def test_of_many_payments_at_once_one_is_noted(crowd, trade):
    trade.agree()
    earned = trade.record(order_id=1, base_amount=HUNDRED)

    def attempt(number):
        try:
            with crowd.transaction(trade.owner_id) as session:
                return service.pay_commission(session, commission_id=earned.id, reference=f"SEPA {number}")
        except CommissionStateForbids:
            return None

    with ThreadPoolExecutor(8) as pool:
        paid = [each for each in pool.map(attempt, range(8)) if each]
    assert len(paid) == 1
    assert trade.count("outbox WHERE type = 'partner.commission_paid'") == 1


def test_a_commission_is_paid_or_void_and_never_both(crowd, trade):
    agreement = trade.agree()
    earned = [trade.record(order_id=number, base_amount=HUNDRED) for number in range(1, 9)]

    def act(number):
        commission = earned[number // 2]
        try:
            with crowd.transaction(trade.owner_id) as session:
                if number % 2:
                    service.pay_commission(session, commission_id=commission.id, reference="SEPA 1")
                else:
                    service.void_commission(session, commission_id=commission.id, reason="undone")
        except CommissionStateForbids:
            return 0
        return 1

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(act, range(16))) == 8
    paid, voided = (trade.count(f"commissions WHERE status = '{status}'") for status in ("paid", "void"))
    assert paid + voided == 8
    assert trade.sold_amount(agreement) == HUNDRED * paid


def test_a_void_commission_stays_void_and_the_sale_may_earn_anew(trade):
    trade.agree()
    earned = trade.record(order_id=1, base_amount=HUNDRED)
    for reason in ("undone", "again"):
        gone = void(trade, earned, reason)
        assert (gone.status, gone.void_reason) == ("void", "undone")
    with pytest.raises(CommissionStateForbids, match="void"):
        pay(trade, earned)
    told, data = trade.events(f"commission/{earned.id}")[-1]
    assert (told, data["status"], data["reason"]) == ("partner.commission_voided", "void", "undone")
    again = trade.record(order_id=1, base_amount=HUNDRED)
    assert (again.id != earned.id, again.status) == (True, "pending")


def test_recording_and_undoing_at_once_leaves_what_stands(crowd, trade):
    agreement = trade.agree()

    def act(number):
        sale = service.Sale(order_id=42, base_amount=HUNDRED)
        with crowd.transaction(trade.owner_id) as session:
            commission = service.record_commission(session, partner="acme", sale=sale, key=f"step/{number}")
        if number % 2:
            with crowd.transaction(trade.owner_id) as session:
                service.void_commission(session, commission_id=commission.id, reason="undone")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(act, range(48)))
    standing = trade.count("commissions WHERE status <> 'void'")
    assert standing in {0, 1}
    assert trade.sold_amount(agreement) == HUNDRED * standing


def test_the_database_itself_keeps_one_standing_commission_for_a_sale(trade):
    trade.agree()
    trade.record(order_id=1, base_amount=HUNDRED)
    second = trade.record(order_id=2, base_amount=HUNDRED)
    with pytest.raises(IntegrityError), trade.session() as session:
        session.execute(text("UPDATE commissions SET source_id = '1' WHERE id = :id"), {"id": second.id})


def test_a_commission_of_nobody_is_not_found(trade):
    for verb in (pay, void):
        with pytest.raises(CommissionNotFound):
            verb(trade, service.Commission(id=new_id()))
