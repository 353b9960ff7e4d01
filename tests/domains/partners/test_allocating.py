"""Licenses out of a pool and back: exactly right whoever takes how many at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from app.core.errors import Invalid, NotFound
from app.core.ids import new_id
from app.domains.customers import service as customers
from app.domains.licensing import service as licensing
from app.domains.licensing.errors import LicenseTemplateInUse
from app.domains.partners import service
from app.domains.partners.errors import (
    AllocatedToAnother,
    AllocationNotFound,
    CustomerOfAnotherPartner,
    LicensePoolExhausted,
)
from tests.domains.partners.conftest import POOL

LIVE = "licenses WHERE status = 'active'"


def licenses_of(trade, allocation):
    with trade.session() as session:
        return service.licenses_of(session, allocation=allocation)


def test_a_customer_gets_licenses_of_the_pool_s_template(trade):
    customer_id = trade.customer()
    allocation = trade.allocate(customer_id, 3)
    issued = licenses_of(trade, allocation)
    assert len({each.license_key for each in issued}) == 3
    assert {(each.customer_id, each.partner_id, each.status) for each in issued} == {
        (customer_id, trade.partner_id, "active")
    }
    assert {tuple(each.products) for each in issued} == {("isp-platform",)}
    assert (trade.quota().allocated, trade.quota().available) == (3, POOL - 3)


def test_asking_again_finds_the_allocation_until_it_is_returned(trade):
    customer_id = trade.customer()
    first = trade.allocate(customer_id, 2, key="a step")
    assert trade.allocate(customer_id, 2, key="a step").id == first.id
    assert trade.quota().allocated == 2
    for other in ({"license_count": 3}, {"customer_id": trade.customer()}):
        with pytest.raises(AllocatedToAnother):
            trade.allocate(**({"customer_id": customer_id, "license_count": 2} | other), key="a step")
    trade.give_back(first)
    assert trade.allocate(customer_id, 2, key="a step").id != first.id
    assert trade.quota().allocated == 2


def test_what_is_returned_is_revoked_and_in_the_pool_again_once(trade):
    allocation = trade.allocate(trade.customer(), 4)
    for _ in range(2):
        trade.give_back(allocation)
    assert trade.quota().allocated == 0
    assert {each.status for each in licenses_of(trade, allocation)} == {"revoked"}
    with trade.session() as session:
        assert service.find_allocation(session, allocation_id=allocation.id).status == "returned"
        with pytest.raises(AllocationNotFound):
            service.return_allocation(session, allocation_id=new_id())


def test_what_is_not_there_is_not_given_and_nothing_is_issued(trade):
    customer_id = trade.customer()
    trade.allocate(customer_id, POOL - 1)
    with pytest.raises(LicensePoolExhausted, match="total 20, used 19, available 1, requested 2"):
        trade.allocate(customer_id, 2)
    assert trade.allocate(customer_id, 1).license_count == 1
    assert trade.count(LIVE) == POOL


def test_fifty_at_once_on_twenty(crowd, trade):
    """Each in a transaction of its own on a connection of its own, all begun before the first takes anything."""
    customer_id, together = trade.customer(), Barrier(50)

    def take(number: int) -> LicensePoolExhausted | UUID:
        with crowd.transaction(trade.owner_id) as session:
            customers.get_customer(session, customer_id=customer_id)
            together.wait()
            try:
                return service.allocate_licenses(
                    session, partner="acme", customer_id=customer_id, license_count=1, key=f"step/{number}"
                ).id
            except LicensePoolExhausted as refused:
                return refused

    with ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(take, range(50)))
    refused = [each for each in outcomes if isinstance(each, LicensePoolExhausted)]
    assert len({each for each in outcomes if isinstance(each, UUID)}) == POOL
    assert {(each.total, each.used, each.available, each.requested) for each in refused} == {(POOL, POOL, 0, 1)}
    assert len(refused) == 50 - POOL
    assert trade.count(LIVE) == trade.count("license_allocations") == trade.quota().allocated == POOL


def test_taking_and_returning_at_once_keeps_the_pool_right(crowd, trade):
    customer_id = trade.customer()

    def act(number: int) -> Any:
        try:
            with crowd.transaction(trade.owner_id) as session:
                allocation = service.allocate_licenses(
                    session, partner="acme", customer_id=customer_id, license_count=1 + number % 4, key=f"step/{number}"
                )
        except LicensePoolExhausted:
            return
        if number % 2:
            for _ in range(2):
                with crowd.transaction(trade.owner_id) as session:
                    service.return_allocation(session, allocation_id=allocation.id)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(act, range(48)))
    assert 0 < trade.count(LIVE) == trade.quota().allocated <= POOL


def test_an_allocation_is_returned_once_by_many_at_once(crowd, trade):
    allocation = trade.allocate(trade.customer(), 5)

    def give_back(_: int) -> None:
        with crowd.transaction(trade.owner_id) as session:
            service.return_allocation(session, allocation_id=allocation.id)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(give_back, range(8)))
    assert trade.quota().allocated == 0


def test_the_same_at_once_is_allocated_once(crowd, trade):
    customer_id = trade.customer()

    def take(_: int) -> UUID:
        with crowd.transaction(trade.owner_id) as session:
            return service.allocate_licenses(
                session, partner="acme", customer_id=customer_id, license_count=2, key="a step"
            ).id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(take, range(8)))) == 1
    assert trade.count(LIVE) == trade.quota().allocated == 2


def test_of_several_pools_one_is_named(trade):
    customer_id = trade.customer()
    with trade.session() as session:
        edge = licensing.create_template(session, fields={"code": "edge", "name": "Edge", "products": ["edge"]})
    trade.put_pool(template="edge", total=1)
    with pytest.raises(Invalid, match="name license_template_id"):
        trade.allocate(customer_id)
    assert licenses_of(trade, trade.allocate(customer_id, template="edge"))[0].products == ["edge"]
    with pytest.raises(LicensePoolExhausted, match="total 1, used 1"):
        trade.allocate(customer_id, template=edge.id)
    assert trade.allocate(customer_id, template="standard").license_count == 1


def test_only_who_is_no_other_partner_s_customer_gets_licenses(trade):
    theirs = trade.customer(partner_id=trade.new_partner("other"))
    with pytest.raises(CustomerOfAnotherPartner, match="acme"):
        trade.allocate(theirs)
    with trade.session() as session:
        new = customers.NewCustomer(email="own@example.com", name="Nobody's")
        nobodys = customers.create_customer(session, new=new).id
    with pytest.raises(CustomerOfAnotherPartner):
        trade.allocate(nobodys, only_own=True)
    assert trade.allocate(nobodys).customer_id == nobodys
    with pytest.raises(NotFound):
        trade.allocate(new_id())


@pytest.mark.parametrize("license_count", [0, -1, 501])
def test_a_number_that_cannot_be_asked_for_is_refused(trade, license_count):
    with pytest.raises(Invalid, match="Between 1 and 500"):
        trade.allocate(trade.customer(), license_count)


def test_a_customer_with_licenses_of_a_partner_stays(trade):
    customer_id = trade.customer()
    trade.give_back(trade.allocate(customer_id))
    with trade.session() as session:
        assert customers.delete_customer(session, customer_id=customer_id) is customers.Removal.DEACTIVATED


def test_a_template_with_a_pool_is_not_deleted(trade):
    with trade.session() as session:
        template = licensing.find_template(session, template="standard")
        with pytest.raises(LicenseTemplateInUse):
            licensing.delete_template(session, template_id=template.id)


def test_the_same_is_never_allocated_twice_in_the_database_itself(trade):
    first = trade.allocate(trade.customer(), key="a step")
    with pytest.raises(IntegrityError), trade.session() as session:
        session.add(
            service.LicenseAllocation(
                partner_id=first.partner_id,
                pool_id=first.pool_id,
                customer_id=first.customer_id,
                license_count=1,
                allocated_for="a step",
            )
        )
        session.flush()
