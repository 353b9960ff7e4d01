"""An order on its way: what each step of its execution makes of it, and what is left when one fails."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any, cast

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.adapters.provisioners.port import Provisioners
from app.core.errors import Conflict
from app.core.world import World
from app.domains.activation import service as activation
from app.domains.catalog import service as catalog
from app.domains.sales import service as sales
from app.domains.sales.errors import IllegalOrderTransition, OrderBusy, OrderInvalid
from app.domains.tenants import service as tenants
from app.domains.workflows import service as workflows
from app.factory import build_world
from tests.domains.sales.conftest import Nowhere, Shop, Unwilling, open_shop
from tests.servers import eventually

RADIUS_STEP = "activate_radius_aaa"
BROKEN_RADIUS: list[dict[str, Any]] = [
    {"service_code": "subscriber-provisioning", "quantity": 1},
    {"service_code": "billing-invoicing", "quantity": 1},
    {"service_code": "radius-aaa", "quantity": 1, "configuration": {"nas_address": "not an address"}},
]


def make_radius_critical(shop: Shop) -> None:
    with shop.session() as session:
        workflow = activation.choose_workflow(session, template_id=None)
        sequence = [{**entry, "critical": True} for entry in workflow.service_sequence]
        activation.update_workflow(session, workflow_id=workflow.id, fields={"service_sequence": sequence})


def tenant_of(shop: Shop, order: sales.Order) -> tenants.Tenant | None:
    with shop.session() as session:
        return tenants.find_by_slug(session, slug=order.organization_slug)


def statuses(shop: Shop, order: sales.Order) -> list[str]:
    with shop.session() as session:
        return [row.to_status for row in sales.order_history(session, order_id=order.id)]


def test_an_order_becomes_active_with_everything_that_belongs_to_it(shop: Shop) -> None:
    order = shop.submitted(
        package_code="enterprise", selected_services=[], deployment_template_id=shop.template_id("none")
    )
    shop.run(order)

    order = shop.order(order.id)
    assert (order.status, order.status_message) == ("active", "Your services are ready.")
    assert order.activation_url == f"http://{order.organization_slug}.localhost"
    assert set(shop.activations(order.id).values()) == {"completed"}
    assert len(shop.activations(order.id)) == 6
    tenant = tenant_of(shop, order)
    assert tenant is not None
    assert order.tenant_id == tenant.id
    assert tenant.settings == {"order_id": order.id, "order_number": order.order_number}
    assert order.deployment_instance_id is not None
    assert order.processing_seconds is not None
    way = ["draft", "submitted", "validating", "approved", "provisioning", "activating", "active"]
    assert statuses(shop, order) == way
    assert shop.events(order) == [
        "order.created",
        "order.submitted",
        "order.validating",
        "order.approved",
        "order.provisioning",
        "order.activating",
        "order.completed",
    ]
    assert shop.mails(order) == ["order_confirmation", "customer_welcome"]
    assert shop.count("notifications", f"title = 'New Tenant Deployed: {order.company_name}'") == 1


def test_the_states_are_seen_while_their_steps_run(shop: Shop) -> None:
    order = shop.submitted()
    seen = []
    for step in ("validate_order", "create_tenant", "provision_deployment", "activate_subscriber_provisioning"):
        shop.run(order, until=step)
        seen.append(shop.order(order.id).status)
    assert seen == ["submitted", "approved", "approved", "provisioning"]
    shop.run_step(order)
    assert shop.order(order.id).status == "activating"
    with shop.session() as session:
        shown = sales.order_status(session, order_id=order.id)
    assert shown.progress_percent == 100 * 5 // 9
    assert shown.activation_url is None
    assert shown.estimated_completion is None


def test_an_estimate_comes_from_what_past_orders_took(shop: Shop) -> None:
    shop.run(shop.submitted())
    order = shop.submitted()
    with shop.session() as session:
        shown = sales.order_status(session, order_id=order.id)
    assert shown.estimated_completion is not None
    assert shown.estimated_completion > order.created_at


def test_an_activation_that_is_not_critical_leaves_the_order_active_with_a_warning_and_can_be_retried(
    shop: Shop,
) -> None:
    order = shop.submitted(selected_services=BROKEN_RADIUS)
    shop.run(order)

    order = shop.order(order.id)
    assert order.status == "active"
    assert order.status_message == "Your services are ready, except for RADIUS AAA: we are working on it."
    assert shop.activations(order.id)["radius-aaa"] == "failed"
    with shop.session() as session:
        _, progress = sales.activation_progress(session, order_id=order.id)
    assert (progress.overall_status, progress.progress_percent) == ("partial", 100)

    with shop.session() as session:
        failed = next(
            a for a in activation.activations_of(session, order_id=order.id) if a.activation_status == "failed"
        )
        failed.terms = {**failed.terms, "configuration": {"nas_address": "192.0.2.1"}}
        sales.retry_activations(session, order_id=order.id)
    assert shop.run(order) == [RADIUS_STEP]
    order = shop.order(order.id)
    assert (order.status, order.status_message) == ("active", "Your services are ready.")
    assert set(shop.activations(order.id).values()) == {"completed"}
    assert shop.mails(order) == ["order_confirmation", "customer_welcome"]


def test_a_critical_activation_that_fails_undoes_everything_and_tells_the_customer(shop: Shop) -> None:
    make_radius_critical(shop)
    order = shop.submitted(selected_services=BROKEN_RADIUS)
    done = shop.run(order, until=RADIUS_STEP)
    assert "provision_deployment" in done
    shop.run_step(order, RADIUS_STEP)
    assert shop.order(order.id).status == "activating"
    assert "is being removed" in (shop.order(order.id).status_message or "")
    undone = shop.run(order)

    order = shop.order(order.id)
    assert undone[-2:] == ["provision_deployment", "create_tenant"]
    assert order.status == "failed"
    assert order.status_message is not None
    assert order.status_message.startswith("The service RADIUS AAA could not be activated.")
    assert "nas_address" not in order.status_message
    assert order.tenant_id is None
    assert tenant_of(shop, order) is None
    assert shop.count("deployment_instances", "state <> 'destroyed'") == 0
    assert shop.activations(order.id)["subscriber-provisioning"] == "rolled_back"
    assert shop.activations(order.id)["radius-aaa"] == "failed"
    assert shop.mails(order) == ["order_confirmation", "order_failed"]
    with shop.session() as session, pytest.raises(OrderBusy, match=f"orders/{order.id}/process"):
        sales.retry_activations(session, order_id=order.id)


def test_a_failed_order_is_processed_again_in_a_new_execution(shop: Shop) -> None:
    make_radius_critical(shop)
    order = shop.submitted(selected_services=BROKEN_RADIUS)
    shop.run(order)
    first = shop.order(order.id).execution_id
    with shop.session() as session:
        item = next(i for i in sales.get_order(session, order_id=order.id).items if i.service_code == "radius-aaa")
        item.configuration = {"nas_address": "192.0.2.1"}
    with shop.session() as session:
        second = sales.process_order(session, order_id=order.id).id
    assert second != first
    assert shop.order(order.id).status == "submitted"
    assert shop.order(order.id).failed_at is None
    shop.run(order)
    order = shop.order(order.id)
    assert order.status == "active"
    assert set(shop.activations(order.id).values()) == {"completed"}
    assert shop.mails(order) == ["order_confirmation", "order_failed", "customer_welcome"]


def test_provisioning_that_fails_half_way_gives_everything_back(shop: Shop) -> None:
    order = shop.submitted(deployment_type="docker")
    undone = shop.run(order)[-2:]
    order = shop.order(order.id)
    assert undone == ["provision_deployment", "create_tenant"]
    assert order.status == "failed"
    assert order.status_message is not None
    assert order.status_message.startswith("Your environment could not be set up.")
    assert tenant_of(shop, order) is None
    assert order.organization_slug in cast("Unwilling", shop.world.ports.get(Provisioners).get("docker")).destroyed
    assert shop.count("deployment_instances", "state <> 'destroyed'") == 0
    assert set(shop.activations(order.id).values()) == {"skipped"}
    assert shop.mails(order) == ["order_confirmation", "order_failed"]


def test_what_cannot_be_provisioned_here_fails_at_validation(shop: Shop) -> None:
    order = shop.submitted(deployment_type="kubernetes")
    assert shop.run(order) == ["validate_order"]
    assert shop.order(order.id).status_message == "Deployments of type kubernetes cannot be made here."


def test_validation_that_fails_says_everything_at_once_and_provisions_nothing(shop: Shop) -> None:
    order = shop.submitted()
    with shop.session() as session:
        tenants.create_tenant(session, name="Faster", slug=order.organization_slug)
        for service in catalog.services(session):
            if service.code == "billing-invoicing":
                service.is_active = False
    assert shop.run(order) == ["validate_order"]
    order = shop.order(order.id)
    assert order.status == "failed"
    assert order.status_message == (
        f"The subdomain “{order.organization_slug}” is taken. “billing-invoicing” is not in the catalogue."
    )
    assert shop.count("deployment_instances") == 0
    assert shop.mails(order) == ["order_confirmation", "order_failed"]


def test_of_two_orders_that_race_for_one_subdomain_one_gets_it_and_the_other_is_told(shop: Shop) -> None:
    first = shop.submitted()
    second = shop.submitted(organization_slug=first.organization_slug)
    shop.run(first, until="create_tenant")
    shop.run(second, until="create_tenant")
    shop.run(first)
    shop.run(second)
    assert shop.order(first.id).status == "active"
    loser = shop.order(second.id)
    assert loser.status == "failed"
    assert loser.status_message == f"The subdomain “{first.organization_slug}” is taken."
    assert tenant_of(shop, first) is not None


@pytest.mark.parametrize(
    ("next_step", "left"),
    [
        ("validate_order", []),
        ("approve_order", []),
        ("provision_deployment", ["create_tenant"]),
        ("activate_subscriber_provisioning", ["provision_deployment", "create_tenant"]),
        ("complete_order", ["provision_deployment", "create_tenant"]),
    ],
)
def test_a_cancel_undoes_what_was_done_whenever_it_comes(shop: Shop, next_step: str, left: list[str]) -> None:
    order = shop.submitted()
    shop.run(order, until=next_step)
    with shop.session() as session:
        sales.cancel_order(session, order_id=order.id, reason="changed their mind")
    undone = shop.run(order)
    order = shop.order(order.id)
    assert (order.status, order.status_message) == ("cancelled", "Your order has been cancelled.")
    assert undone[-len(left) :] == left if left else undone == []
    assert tenant_of(shop, order) is None
    assert "pending" not in shop.activations(order.id).values()
    assert shop.mails(order) == ["order_confirmation", "order_cancelled"]
    assert order.cancelled_at is not None


def test_what_made_an_order_active_is_not_cancelled_any_more(shop: Shop) -> None:
    order = shop.submitted()
    shop.run(order, until="send_welcome_email")
    assert shop.order(order.id).status == "active"
    execution_id = shop.order(order.id).execution_id
    assert execution_id is not None
    with pytest.raises(OrderBusy, match="is active"), shop.session() as session:
        workflows.cancel(session, execution_id=execution_id)
    with pytest.raises(Conflict), shop.session() as session:
        sales.cancel_order(session, order_id=order.id)
    assert_it_stays_active(shop, order)


def test_a_cancel_that_an_order_outruns_is_refused(shop: Shop) -> None:
    order = shop.submitted()
    shop.run(order, until="complete_order")
    refused: list[Exception] = []

    def cancel() -> None:
        try:
            with shop.session() as session:
                sales.cancel_order(session, order_id=order.id)
        except Exception as error:
            refused.append(error)

    with shop.session() as session:
        # its step is at work, and has not committed yet
        assert sales.complete_order(session, order_id=order.id).status == "active"
        cancelling = threading.Thread(target=cancel)
        cancelling.start()
        eventually(lambda: waits_for_a_lock(session), what="the cancel waits for the order")
    cancelling.join(timeout=20)
    assert [type(error) for error in refused] == [OrderBusy]
    assert_it_stays_active(shop, order)


def test_an_order_whose_execution_is_being_stopped_does_not_become_active(shop: Shop) -> None:
    order = shop.submitted()
    shop.run(order, until="complete_order")
    with shop.session() as session:
        sales.cancel_order(session, order_id=order.id)
    # its step was claimed just before
    with pytest.raises(OrderBusy, match="being stopped"), shop.session() as session:
        sales.complete_order(session, order_id=order.id)
    shop.run(order)
    assert shop.order(order.id).status == "cancelled"
    assert tenant_of(shop, order) is None


def assert_it_stays_active(shop: Shop, order: sales.Order) -> None:
    shop.run(order)
    assert shop.order(order.id).status == "active"
    assert tenant_of(shop, order) is not None


def waits_for_a_lock(session: Session) -> bool:
    query = text(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
    )
    return bool(session.execute(query).scalar_one())


def test_an_order_keeps_its_state_while_a_cancel_is_undoing(shop: Shop) -> None:
    order = shop.submitted()
    shop.run(order, until="provision_deployment")
    with shop.session() as session:
        cancelled = sales.cancel_order(session, order_id=order.id)
        assert cancelled.status == "approved"
        assert cancelled.status_message == "Your order is being cancelled. What was already set up is being removed."
    with shop.session() as session, pytest.raises(Conflict):
        sales.cancel_order(session, order_id=order.id)
    with shop.session() as session, pytest.raises(OrderBusy):
        sales.process_order(session, order_id=order.id)


def test_drafts_waiting_and_failed_orders_are_cancelled_at_once_and_active_ones_never(shop: Shop) -> None:
    draft, waiting = shop.draft(), shop.submitted(auto_activate=False)
    failed = shop.submitted()
    with shop.session() as session:
        tenants.create_tenant(session, name="Faster", slug=failed.organization_slug)
    shop.run(failed)
    for order in (draft, waiting, failed):
        with shop.session() as session:
            assert sales.cancel_order(session, order_id=order.id).status == "cancelled"
    assert set(shop.activations(waiting.id).values()) == {"skipped"}
    active = shop.submitted()
    shop.run(active)
    for order in (active, draft):
        with shop.session() as session, pytest.raises(IllegalOrderTransition):
            sales.cancel_order(session, order_id=order.id)


def test_what_waits_is_begun_by_hand_once(shop: Shop) -> None:
    order = shop.submitted(auto_activate=False)
    assert shop.ready(order) == []
    with shop.session() as session:
        execution = sales.process_order(session, order_id=order.id)
        assert (execution.state, execution.correlation_id) == ("running", order.order_number)
    with shop.session() as session, pytest.raises(OrderBusy):
        sales.process_order(session, order_id=order.id)
    shop.run(order)
    assert shop.order(order.id).status == "active"
    with shop.session() as session, pytest.raises(IllegalOrderTransition):
        sales.process_order(session, order_id=order.id)


def test_an_execution_that_is_not_the_orders_own_moves_nothing(shop: Shop) -> None:
    order = shop.submitted(auto_activate=False)
    with shop.session() as session:
        own = workflows.get_execution(session, execution_id=order.execution_id or 0)
        stray = workflows.start(
            session, workflow=sales.WORKFLOW, context=own.context, trigger_type="api", document=own.snapshot
        )
    outcome = workflows.run(shop.world, workflows.Delivery(owner_id=shop.owner_id, execution_id=stray, number=0))
    assert outcome.error is not None
    assert outcome.error.startswith("OrderBusy: ")
    assert shop.order(order.id).status == "submitted"


def test_operations_are_told_when_a_rollback_stays_incomplete(shop: Shop) -> None:
    order = shop.submitted()
    shop.run(order, until="provision_deployment")
    execution = workflows.Execution(
        id=shop.order(order.id).execution_id or 0,
        owner_id=shop.owner_id,
        workflow_name=sales.WORKFLOW,
        correlation_id=order.order_number,
        context={"order_id": order.id},
        state="failed",
        rollback="incomplete",
        stopping="cancel",
        error={"step": "create_tenant", "message": "no"},
    )
    with shop.session() as session:
        sales.OrderPipeline().settled(session, execution)
    assert shop.order(order.id).status == "failed"
    assert shop.count("notifications", f"severity = 'critical' AND title LIKE '%{order.order_number}%'") == 1


def test_a_completed_order_is_completed_once(shop: Shop) -> None:
    order = shop.submitted()
    shop.run(order, until="complete_order")
    with shop.session() as session:
        sales.complete_order(session, order_id=order.id)
    shop.run(order)
    assert shop.events(order).count("order.completed") == 1


def test_an_order_without_its_activations_is_never_completed(shop: Shop) -> None:
    order = shop.submitted()
    shop.run(order, until="activate_billing_invoicing")
    with shop.session() as session, pytest.raises(Conflict, match="Billing & Invoicing"):
        sales.complete_order(session, order_id=order.id)


def test_where_payment_is_required_an_unpaid_order_is_not_submitted(quiet_world: World) -> None:
    strict = build_world(replace(quiet_world.settings, payment_required=True), sender=Nowhere())
    try:
        shop = open_shop(strict)
        order = shop.draft()
        with shop.session() as session, pytest.raises(OrderInvalid, match="has not been paid"):
            sales.submit_order(session, order_id=order.id)
        with shop.session() as session:
            sales.submit_order(session, order_id=order.id, payment_reference="P-1", auto_activate=True)
        shop.run(order)
        assert (shop.order(order.id).status, shop.order(order.id).payment_status) == ("active", "paid")
    finally:
        strict.close()
