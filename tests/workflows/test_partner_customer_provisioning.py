"""A partner's customer: licensed out of the pool, deployed under the partner's brand, and a commission for it."""

from __future__ import annotations

from decimal import Decimal

from app.domains.partners import service as partners
from tests.workflows.cases import POOL, a_partner, a_wish_of_a_partner
from tests.workflows.office import Office

NAME = "partner_customer_provisioning"


def test_a_partners_customer_gets_licenses_and_a_tenant_under_the_brand(office: Office) -> None:
    context = a_wish_of_a_partner(office)
    execution = office.run_workflow(NAME, **context)
    assert execution.state == "completed", execution.error
    (customer,) = office.rows("SELECT id, email, partner_id, status FROM customers")
    assert (str(customer.partner_id), customer.status) == (context["partner_id"], "active")
    assert office.count("licenses", "customer_id = :id AND status = 'active'", id=customer.id) == 3
    (tenant,) = office.rows("SELECT name, branding FROM tenants WHERE id <> owner_id AND owner_id = :o", o=office.owner)
    assert tenant.branding["company_name"] == "Acme Net"
    (commission,) = office.rows("SELECT amount, currency, commission_type, status FROM commissions")
    # a tenth of three licenses at 12.50
    assert (commission.amount, commission.currency) == (Decimal("3.75"), "USD")
    assert (commission.commission_type, commission.status) == ("new_customer", "pending")
    assert len(office.mails("partner_customer_provisioned")) == 1
    assert left_in_pool(office) == POOL - 3


def test_a_commission_is_of_what_was_sold_where_that_is_said(office: Office) -> None:
    sold = {"base_amount": "1000.00", "currency": "USD"}
    execution = office.run_workflow(NAME, commission=sold, **a_wish_of_a_partner(office))
    assert execution.state == "completed", execution.error
    assert [row.amount for row in office.rows("SELECT amount FROM commissions")] == [Decimal("100.00")]


def test_a_pool_that_is_too_small_fails_with_the_numbers_and_nothing_is_made(office: Office) -> None:
    partner = a_partner(office, licenses=2)
    wish = a_wish_of_a_partner(office) | {"partner_id": partner.code}
    execution = office.run_workflow(NAME, **wish)
    assert (execution.state, execution.rollback) == ("failed", "none")
    assert execution.error is not None
    assert execution.error["step"] == "check_quota"
    assert all(number in execution.error["message"] for number in ("2", "3"))
    assert office.count("customers") == 0


def test_a_partner_asks_for_a_customer_by_its_event(office: Office) -> None:
    context = a_wish_of_a_partner(office)
    with office.session() as session:
        request = partners.CustomerRequest(
            customer_data=context["customer_data"], license_count=2, white_label_config=context["white_label_config"]
        )
        partner = partners.find_partner(session, partner=context["partner_id"])
        partners.request_customer(session, partner_id=partner.id, request=request)
    office.hand_on()
    (execution,) = office.executions(NAME)
    assert office.carried_out(execution.id).state == "completed"
    assert office.count("customers") == 1
    assert left_in_pool(office) == POOL - 2


def left_in_pool(office: Office) -> int:
    (pool,) = office.rows("SELECT total - allocated AS free FROM license_pools")
    return int(pool.free)


def test_of_fifty_at_once_on_a_pool_of_twenty_twenty_succeed_and_nothing_is_left_of_the_others(office: Office) -> None:
    """Step by step beside each other: all of them see twenty free licenses before any takes one."""
    partner = a_partner(office)
    running = [
        office.start_workflow(
            NAME,
            partner_id=partner.code,
            customer_data={"name": f"Customer {number}", "email": f"c{number}@example.com"},
            license_count=1,
        )
        for number in range(50)
    ]
    office.everything()
    ended = [office.look(execution_id) for execution_id in running]
    failed = [execution for execution in ended if execution.state == "failed"]
    assert (len(ended) - len(failed), len(failed)) == (20, 30)
    assert all(execution.state == "completed" for execution in ended if execution not in failed)
    assert {(execution.error or {})["step"] for execution in failed} == {"allocate_licenses"}
    assert {execution.rollback for execution in failed} == {"done"}
    assert all("20" in (execution.error or {})["message"] for execution in failed)
    assert left_in_pool(office) == 0
    assert office.count("customers") == 20
    assert office.count("licenses", "status = 'active'") == office.count("licenses") == 20
    assert office.count("tenants", "id <> :owner", owner=office.owner) == 20
    assert office.count("commissions", "status = 'pending'") == 20
