"""What workflows call, and their undo: twice is the same as once."""

from __future__ import annotations

from contextlib import ExitStack
from decimal import Decimal
from uuid import UUID

import pytest

from app.core.errors import BusinessError
from app.core.ids import new_id
from app.domains.customers import service as customers
from app.domains.partners import service
from app.domains.partners.errors import CommissionStateForbids, LicensePoolExhausted, PartnerInactive
from app.domains.partners.operations import OPERATIONS
from pipelines.errors import StepFailed
from tests.calls import DirectCall, perform

QUOTA = "partner_service.check_license_quota"
CREATE = "customer_service.create_partner_customer"
ALLOCATE = "license_service.allocate_from_partner"
RECORD = "partner_service.record_commission"


def call(trade, name, *, key="key", **params):
    """The step of that key; returns its output and its effects."""
    operation = OPERATIONS[name]
    with ExitStack() as stack:
        step = DirectCall(trade.database, trade.owner_id, idempotency_key=key, _stack=stack)
        return operation.function(step, **operation.bind(params)), step.effects


def undo(trade, name, effect):
    return perform(OPERATIONS[OPERATIONS[name].undone_by], trade.database, trade.owner_id, **effect.undo).output


def test_a_quota_is_told_with_the_partner_and_takes_nothing(trade):
    output, effects = call(trade, QUOTA, partner_id="acme", requested=20)
    assert output["quota"] == {"total": 20, "allocated": 0, "available": 20, "requested": 20, "sufficient": True}
    assert output["partner_id"] == output["partner"]["id"] == str(trade.partner_id)
    assert (output["partner"]["email"], output["partner"]["branding"]) == ("sales@acme.example.com", {})
    assert (effects, trade.quota().allocated) == ([], 0)


def test_a_quota_that_is_short_fails_for_good_with_the_numbers(trade):
    trade.allocate(trade.customer(), 18)
    with pytest.raises(LicensePoolExhausted, match="total 20, used 18, available 2, requested 3") as refused:
        call(trade, QUOTA, partner_id=str(trade.partner_id), requested=3)
    assert refused.value.permanent


def test_a_partner_that_is_not_active_has_no_quota(trade):
    with trade.session() as session:
        service.deactivate_partner(session, partner_id=trade.partner_id)
    with pytest.raises(PartnerInactive):
        call(trade, QUOTA, partner_id="acme", requested=1)


def test_a_customer_is_made_once_by_a_step_and_its_effect_names_it(trade):
    data = {"name": "Ada", "email": "a@example.com", "phone": "+49 30 1234567"}
    (output, (effect,)), again = (call(trade, CREATE, partner_id="acme", customer_data=data) for _ in range(2))
    assert again == (output, [effect])
    shown = output["customer"]
    assert output["customer_id"] == shown["id"] == effect.reference == effect.undo["customer_id"]
    assert (shown["name"], shown["email"], shown["phone"], shown["status"]) == (
        "Ada",
        "a@example.com",
        "+49301234567",
        "active",
    )
    assert shown["customer_number"].startswith("CUS-")
    assert OPERATIONS[CREATE].undone_by == "customer_service.delete_customer"


def test_licenses_are_allocated_once_by_a_step_and_its_undo_returns_them(trade):
    params = {"partner_id": "acme", "customer_id": str(trade.customer()), "license_count": 2}
    (output, (effect,)), again = (call(trade, ALLOCATE, **params) for _ in range(2))
    assert again == (output, [effect])
    allocation = output["allocation"]
    assert output["allocation_id"] == allocation["id"] == effect.reference
    assert (len(allocation["licenses"]), allocation["remaining"], allocation["status"]) == (2, 18, "allocated")
    assert {"id", "license_key", "products", "seats", "expires_at", "status"} == set(allocation["licenses"][0])
    for _ in range(2):
        undone = undo(trade, ALLOCATE, effect)["allocation"]
        assert (undone["remaining"], undone["status"]) == (20, "returned")
        assert {each["status"] for each in undone["licenses"]} == {"revoked"}


def test_a_commission_is_recorded_once_and_its_undo_makes_it_void(trade):
    trade.agree()
    params = {"partner_id": "acme", "customer_id": str(trade.customer()), "base_amount": "99.90"}
    params |= {"commission_type": "new_customer"}
    (output, (effect,)), again = (call(trade, RECORD, **params) for _ in range(2))
    assert again == (output, [effect])
    commission = output["commission"]
    assert output["commission_id"] == commission["id"] == effect.reference
    assert {name: commission[name] for name in ("amount", "currency", "rate", "status", "base_amount")} == {
        "amount": "9.99",
        "currency": "USD",
        "rate": "10.0000",
        "status": "pending",
        "base_amount": "99.90",
    }
    for _ in range(2):
        assert undo(trade, RECORD, effect)["commission"]["status"] == "void"


def test_what_another_step_recorded_is_not_this_one_s_to_undo(trade):
    trade.agree()
    first, effects = call(trade, RECORD, partner_id="acme", order_id=42, base_amount=100)
    second, none = call(trade, RECORD, key="another step", partner_id="acme", order_id=42, base_amount=100)
    assert second == first
    assert (len(effects), none) == (1, [])


def test_a_commission_that_was_paid_is_not_undone(trade):
    trade.agree()
    _, (effect,) = call(trade, RECORD, partner_id="acme", order_id=42, base_amount=100)
    with trade.session() as session:
        service.pay_commission(session, commission_id=UUID(effect.reference), reference="SEPA 1")
    with pytest.raises(CommissionStateForbids):
        undo(trade, RECORD, effect)


def test_where_nothing_is_due_nothing_is_recorded_and_a_workflow_can_tell(trade):
    output, effects = call(trade, RECORD, partner_id="acme", customer_id=str(trade.customer()))
    assert (output["commission_id"], output["commission"]["status"], effects) == (None, "not_due", [])
    assert "acme" in output["commission"]["reason"]


def test_a_run_that_was_undone_runs_again(trade):
    """The same input in another execution finds nothing of the first one in its way."""
    trade.agree("fixed", amount=Decimal(5))
    data = {"name": "Ada", "email": "a@example.com"}
    for run in ("first", "second"):
        output, _ = call(trade, CREATE, key=f"{run}/create", partner_id="acme", customer_data=data)
        customer_id = output["customer_id"]
        _, (allocated,) = call(
            trade, ALLOCATE, key=f"{run}/allocate", partner_id="acme", customer_id=customer_id, license_count=20
        )
        _, (recorded,) = call(trade, RECORD, key=f"{run}/record", partner_id="acme", customer_id=customer_id)
        undo(trade, RECORD, recorded)
        undo(trade, ALLOCATE, allocated)
        with trade.session() as session:
            customers.delete_customer(session, customer_id=UUID(customer_id))
        assert trade.quota().allocated == 0
    assert (trade.count("customers"), trade.count("customers WHERE status = 'active'")) == (1, 0)
    assert trade.count("commissions WHERE status <> 'void'") == 0


def test_what_was_returned_is_read_again_as_it_is_now(trade):
    trade.agree("fixed", amount=Decimal(5))
    customer_id = str(trade.customer())
    allocated, (effect,) = call(trade, ALLOCATE, partner_id="acme", customer_id=customer_id, license_count=1)
    recorded, _ = call(trade, RECORD, partner_id="acme", customer_id=customer_id)
    undo(trade, ALLOCATE, effect)
    with ExitStack() as stack:
        step = DirectCall(trade.database, trade.owner_id, _stack=stack)
        assert OPERATIONS.reader("allocation")(step, allocated["allocation"])["status"] == "returned"
        assert OPERATIONS.reader("commission")(step, recorded["commission"]) == recorded["commission"]
        for noun in ("allocation", "commission"):
            assert OPERATIONS.reader(noun)(step, {"id": str(new_id())}) is None
        assert OPERATIONS.reader("commission")(step, {"id": None}) is None


@pytest.mark.parametrize(
    ("name", "params"),
    [
        (QUOTA, {"partner_id": "nobody", "requested": 1}),
        (CREATE, {"partner_id": "nobody", "customer_data": {}}),
        (ALLOCATE, {"partner_id": "nobody", "customer_id": str(new_id()), "license_count": 1}),
        (RECORD, {"partner_id": "nobody", "order_id": 1}),
    ],
)
def test_a_partner_that_does_not_exist_is_named_and_no_retry_helps(trade, name, params):
    with pytest.raises(BusinessError, match="nobody") as refused:
        call(trade, name, **params)
    assert refused.value.permanent


def test_wrong_parameters_are_named():
    with pytest.raises(StepFailed, match="license_count"):
        OPERATIONS[ALLOCATE].bind({"partner_id": "acme", "customer_id": str(new_id()), "license_count": "many"})
