"""Partners on the database: found, made, changed; who acts for them; what was agreed; their pools and customers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from app.core.audit import AuditEntry
from app.core.clock import now
from app.core.errors import Invalid, NotFound
from app.core.ids import new_id
from app.domains.customers import service as customers
from app.domains.customers.errors import CustomerExists
from app.domains.licensing import service as licensing
from app.domains.licensing.errors import LicenseTemplateNotFound
from app.domains.partners import service
from app.domains.partners.errors import (
    AgreementNotFound,
    AgreementsOverlap,
    LicensePoolBelowAllocated,
    LicensePoolExhausted,
    LicensePoolNotFound,
    PartnerCodeTaken,
    PartnerInactive,
    PartnerNotFound,
)
from tests.domains.partners.conftest import PARTNER
from tests.domains.tenants.accounts import make_account


def test_a_partner_is_found_by_id_or_code(trade):
    with trade.session() as session:
        for name in (trade.partner_id, str(trade.partner_id), "acme"):
            found = service.find_partner(session, partner=name)
            assert (found.id, found.email, found.status) == (trade.partner_id, "sales@acme.example.com", "active")
        for unknown in ("nobody", str(new_id())):
            with pytest.raises(PartnerNotFound, match=unknown):
                service.find_partner(session, partner=unknown)


def test_a_code_is_taken_once_and_the_transaction_goes_on(trade):
    with trade.session() as session:
        with pytest.raises(PartnerCodeTaken, match="acme"):
            service.create_partner(session, fields=PARTNER)
        other = service.create_partner(session, fields=PARTNER | {"code": "other"})
        with pytest.raises(PartnerCodeTaken):
            service.update_partner(session, partner_id=other.id, changes={"code": "acme"})
        assert service.get_partner(session, partner_id=other.id).code == "other"


def test_what_a_partner_cannot_be_is_named_all_at_once(trade):
    with trade.session() as session, pytest.raises(Invalid) as refused:
        service.create_partner(session, fields={"code": "No Code", "branding": {"primary_color": "red"}})
    assert [fault.pointer for fault in refused.value.faults] == ["/code", "/email", "/name", "/branding/primary_color"]


def test_changes_are_kept_and_audited(trade):
    with trade.session() as session:
        brand = {"company_name": "Acme", "support_email": "help@acme.example.com"}
        service.update_partner(session, partner_id=trade.partner_id, changes={"name": "Acme Ltd", "branding": brand})
    with trade.session() as session:
        partner = service.get_partner(session, partner_id=trade.partner_id)
        assert (partner.name, partner.code, partner.branding) == ("Acme Ltd", "acme", brand)
        acts = session.scalars(
            select(AuditEntry).where(AuditEntry.object == f"partner/{partner.id}").order_by(AuditEntry.id)
        ).all()
        assert [act.action for act in acts] == ["partner.created", "partner.updated"]
        assert (acts[1].before["name"], acts[1].after["name"]) == ("Acme Resale", "Acme Ltd")


def test_a_partner_that_is_not_active_gets_no_customers_and_no_licenses_until_it_is(trade):
    customer_id = trade.customer()
    with trade.session() as session:
        for _ in range(2):
            service.deactivate_partner(session, partner_id=trade.partner_id, reason="not paid")
    with pytest.raises(PartnerInactive, match="acme"):
        trade.customer()
    with pytest.raises(PartnerInactive, match="acme"):
        trade.allocate(customer_id)
    with trade.session() as session:
        service.activate_partner(session, partner_id=trade.partner_id)
    assert trade.allocate(customer_id).license_count == 1


def test_a_partner_stays_active_while_something_is_made_for_it(trade):
    with trade.session() as making, trade.session() as stopping:
        service.hold_active(making, partner=service.get_partner(making, partner_id=trade.partner_id))
        stopping.execute(text("SET LOCAL lock_timeout = '100ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            service.deactivate_partner(stopping, partner_id=trade.partner_id)
        stopping.rollback()


def test_who_acts_for_a_partner_reaches_that_one_only(world, trade):
    other = trade.new_partner("other")
    user_id = make_account(world, "partner", owner_id=trade.owner_id).user_id
    with trade.session() as session:
        for _ in range(2):
            assert service.add_member(session, partner_id=trade.partner_id, user_id=user_id).user_id == user_id
        assert service.partner_of(session, partner_id=trade.partner_id, user_id=user_id).code == "acme"
        for partner_id, who in ((other, user_id), (trade.partner_id, new_id()), (new_id(), user_id)):
            with pytest.raises(PartnerNotFound):
                service.partner_of(session, partner_id=partner_id, user_id=who)
        for _ in range(2):
            service.remove_member(session, partner_id=trade.partner_id, user_id=user_id)
        with pytest.raises(PartnerNotFound):
            service.partner_of(session, partner_id=trade.partner_id, user_id=user_id)


def test_a_user_of_somebody_else_acts_for_nobody_here(world, trade):
    stranger = make_account(world, "partner").user_id
    with trade.session() as session, pytest.raises(NotFound):
        service.add_member(session, partner_id=trade.partner_id, user_id=stranger)


def test_agreements_for_the_same_sales_do_not_overlap(trade):
    with trade.session() as session:
        today = now(session)
    later = today + timedelta(days=30)
    trade.agree(applies_to="first_sale", valid_until=later)
    trade.agree(applies_to="recurring")
    for applies_to in ("first_sale", "both"):
        with pytest.raises(AgreementsOverlap, match="end it first"):
            trade.agree(applies_to=applies_to)
    assert trade.agree(applies_to="first_sale", valid_from=later).valid_from == later
    with pytest.raises(AgreementsOverlap):
        trade.agree(applies_to="first_sale", valid_from=later - timedelta(seconds=1))


def test_of_two_who_agree_at_the_same_time_one_does(trade):
    def agree(_):
        try:
            return trade.agree()
        except AgreementsOverlap:
            return None

    with ThreadPoolExecutor(4) as pool:
        made = [each for each in pool.map(agree, range(4)) if each]
    assert (len(made), trade.count("partner_agreements")) == (1, 1)


def test_an_agreement_ends_once_and_another_may_begin(trade):
    agreement = trade.agree()
    with trade.session() as session:
        own = {"partner_id": trade.partner_id, "agreement_id": agreement.id}
        with pytest.raises(Invalid, match="from now on"):
            service.end_agreement(session, **own, at=now(session) - timedelta(days=1))
        ended = service.end_agreement(session, **own).valid_until
    with trade.session() as session:
        assert service.end_agreement(session, **own).valid_until == ended
        with pytest.raises(AgreementNotFound):
            service.end_agreement(session, partner_id=new_id(), agreement_id=agreement.id)
    assert trade.agree(rate=Decimal("12.5")).terms.rate == Decimal("12.5")


def test_tiers_are_kept_as_they_were_agreed(trade):
    tiers = (
        service.Tier(from_amount=Decimal(0), rate=Decimal(5)),
        service.Tier(from_amount=Decimal("1000.50"), rate=Decimal("7.25")),
    )
    agreement = trade.agree("tiered", tiers=tiers)
    with trade.session() as session:
        kept = service.get_agreement(session, partner_id=trade.partner_id, agreement_id=agreement.id)
        assert tuple(kept.terms.tiers) == tiers
        assert (kept.terms.rate, kept.terms.amount) == (None, None)


def test_a_pool_has_what_it_was_given_and_not_less_than_is_given_out(trade):
    trade.allocate(trade.customer(), 3)
    assert trade.put_pool(total=3, unit_price=Decimal("9.90"), currency="USD").available == 0
    with pytest.raises(LicensePoolBelowAllocated, match="3 licenses"):
        trade.put_pool(total=2)
    for wrong in (
        {"total": -1},
        {"total": 3, "unit_price": Decimal(1)},
        {"total": 3, "unit_price": Decimal("0.001"), "currency": "USD"},
    ):
        with pytest.raises(Invalid):
            trade.put_pool(**wrong)
    with pytest.raises(LicenseTemplateNotFound):
        trade.put_pool(template="unknown", total=3)


def test_the_database_itself_gives_out_nothing_that_is_not_there(trade):
    with pytest.raises(IntegrityError), trade.session() as session:
        session.execute(text("UPDATE license_pools SET allocated = total + 1"))
    with pytest.raises(IntegrityError), trade.session() as session:
        session.execute(text("UPDATE license_pools SET allocated = -1"))


def test_a_quota_counts_one_template_or_all_of_them(trade):
    with trade.session() as session:
        licensing.create_template(session, fields={"code": "edge", "name": "Edge", "products": ["edge"]})
    trade.put_pool(template="edge", total=5)
    trade.allocate(trade.customer(), 2, template="edge")
    of_all, of_one = trade.quota(requested=23), trade.quota(requested=4, template="edge")
    assert (of_all.total, of_all.allocated, of_all.sufficient) == (25, 2, True)
    assert (of_one.total, of_one.available, of_one.sufficient) == (5, 3, False)
    with pytest.raises(Invalid, match="At least one"):
        trade.quota(requested=0)


def test_where_too_few_are_left_the_numbers_are_told(trade):
    trade.allocate(trade.customer(), 18)
    with trade.session() as session:
        partner = service.get_partner(session, partner_id=trade.partner_id)
        with pytest.raises(LicensePoolExhausted, match="total 20, used 18, available 2, requested 3") as refused:
            service.require_quota(session, partner=partner, requested=3)
    told = refused.value
    assert (told.total, told.used, told.available, told.requested) == (20, 18, 2, 3)


def test_a_partner_without_a_pool_has_nothing_to_give(trade):
    other = trade.new_partner("other")
    with trade.session() as session:
        partner = service.get_partner(session, partner_id=other)
        assert service.quota_of(session, partner=partner, requested=1).available == 0
        with pytest.raises(LicensePoolNotFound, match="no licenses"):
            service.find_pool(session, partner=partner)
        with pytest.raises(LicensePoolNotFound, match="standard"):
            service.find_pool(session, partner=partner, template="standard")


def test_a_customer_of_a_partner_is_active_and_counted(trade):
    with trade.session() as session:
        data = {"first_name": "Ada", "last_name": "Lovelace", "email": "Ada@example.com", "tier": "gold"}
        made = service.create_customer(session, partner="acme", customer_data=data, key="a step")
        assert (made.name, made.email, made.status, made.tier) == ("Ada Lovelace", "ada@example.com", "active", "gold")
        assert made.partner_id == trade.partner_id
        again = service.create_customer(session, partner="acme", customer_data=data, key="a step")
        assert again.id == made.id
        partner = service.get_partner(session, partner_id=trade.partner_id)
        assert service.customer_count(session, partner=partner) == 1
        with pytest.raises(CustomerExists, match="of this partner already"):
            service.create_customer(session, partner="acme", customer_data=data, key="another step")


def test_an_address_is_a_customer_of_each_partner(trade):
    other = trade.new_partner("other")
    first, second = (trade.customer(email="a@example.com", partner_id=each) for each in (trade.partner_id, other))
    assert first != second


def test_of_two_at_once_with_one_address_one_becomes_a_customer(trade):
    def ask(_):
        try:
            return trade.customer(email="a@example.com")
        except CustomerExists:
            return None

    with ThreadPoolExecutor(8) as pool:
        made = [each for each in pool.map(ask, range(8)) if each]
    assert (len(made), trade.count("customers"), trade.count("partner_customers")) == (1, 1, 1)


def test_two_attempts_at_once_at_the_same_make_one_customer(trade):
    def attempt(_):
        data = {"name": "Ada", "email": "a@example.com"}
        with trade.session() as session:
            return service.create_customer(session, partner="acme", customer_data=data, key="a step").id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(attempt, range(8)))) == 1
    assert trade.count("customers") == 1


def test_who_left_comes_back_with_what_is_told_of_them_now(trade):
    customer_id = trade.customer(email="a@example.com", name="Ada")
    with trade.session() as session:
        customers.deactivate_customer(session, customer_id=customer_id)
        partner = service.get_partner(session, partner_id=trade.partner_id)
        assert service.customer_count(session, partner=partner) == 0
    assert trade.customer(email="A@example.com", name="Ada Lovelace") == customer_id
    with trade.session() as session:
        back = customers.get_customer(session, customer_id=customer_id)
        assert (back.name, back.status) == ("Ada Lovelace", "active")


def test_a_customer_that_is_deleted_is_not_the_partner_s_any_more(trade):
    customer_id = trade.customer()
    with trade.session() as session:
        assert customers.delete_customer(session, customer_id=customer_id) is customers.Removal.DELETED
    assert trade.count("partner_customers") == 0


def test_another_owner_sees_no_partner(database, trade):
    with database.transaction(new_id()) as session:
        with pytest.raises(PartnerNotFound):
            service.find_partner(session, partner="acme")
        with pytest.raises(PartnerNotFound):
            service.get_partner(session, partner_id=trade.partner_id)
