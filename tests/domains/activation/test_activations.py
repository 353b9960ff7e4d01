"""An order's activations: made, turned into steps, followed."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from app.core.events import OutboxEvent
from app.core.ids import OPERATOR_ID, new_id
from app.domains.activation import service
from app.domains.activation.models import ServiceActivation

ALL = (
    "subscriber-provisioning",
    "billing-invoicing",
    "radius-aaa",
    "network-monitoring",
    "analytics-reporting",
    "automation-workflows",
)


def test_the_standard_workflow_becomes_these_steps(order):
    steps = {step["name"]: step for step in service.steps_for(order(*ALL))}
    assert {name: step["depends_on"] for name, step in steps.items()} == {
        "activate_subscriber_provisioning": ["provision_deployment"],
        "activate_billing_invoicing": ["activate_subscriber_provisioning"],
        "activate_radius_aaa": ["activate_subscriber_provisioning"],
        "activate_network_monitoring": ["activate_radius_aaa"],
        "activate_analytics_reporting": ["activate_billing_invoicing", "activate_network_monitoring"],
        "activate_automation_workflows": ["activate_subscriber_provisioning"],
    }
    assert [name for name, step in steps.items() if step["critical"]] == [
        "activate_subscriber_provisioning",
        "activate_billing_invoicing",
    ]
    radius = steps["activate_radius_aaa"]
    assert (radius["service"], radius["method"]) == ("activation_service", "radius_aaa")
    assert radius["retry"] == {"maximum_attempts": 4}
    assert radius["params"]["tenant_id"] == "${tenant_id}"


def test_any_code_becomes_a_step_of_its_own_operation(order):
    (step,) = service.steps_for(order("somebody-elses-service"))
    assert (step["name"], step["method"]) == ("activate_somebody_elses_service", "somebody_elses_service")


def test_processing_again_begins_the_same_rows_anew(database, order, order_id):
    first = order(*ALL)
    with database.transaction(OPERATOR_ID) as session:
        service.claimed(session, order_id=order_id, step_name="activate_radius_aaa")
        service.ended(
            session, order_id=order_id, step_name="activate_radius_aaa", state="failed", error_message="no realm"
        )
    second = order(*ALL)
    assert [each.id for each in second] == [each.id for each in first]
    assert {each.activation_status for each in second} == {"pending"}
    assert {each.error_message for each in second} == {None}


def one(session, order_id, code="radius-aaa"):
    return next(each for each in service.activations_of(session, order_id=order_id) if each.service_code == code)


def follow(session, verb, order_id, **more):
    return verb(session, order_id=order_id, step_name="activate_radius_aaa", **more)


def test_the_way_of_an_activation(database, order, order_id):
    order("subscriber-provisioning", "radius-aaa")
    tenant_id = new_id()
    with database.transaction(OPERATOR_ID) as session:
        assert follow(session, service.claimed, order_id, tenant_id=tenant_id)
        claimed = one(session, order_id)
        assert (claimed.activation_status, claimed.tenant_id, claimed.retry_count) == ("in_progress", tenant_id, 0)
        assert service.progress(session, order_id=order_id).overall_status == "in_progress"
    with database.transaction(OPERATOR_ID) as session:
        follow(session, service.retrying, order_id, attempt=1, error_message="try again")
        waiting = one(session, order_id)
        assert (waiting.activation_status, waiting.retry_count, waiting.error_message) == (
            "in_progress",
            1,
            "try again",
        )
        follow(session, service.claimed, order_id, attempt=2)
        assert one(session, order_id).started_at == claimed.started_at
    output = {"activation": {"id": "x", "endpoints": {"tenant": "http://t"}, "references": {"a": "b"}, "password": "p"}}
    with database.transaction(OPERATOR_ID) as session:
        follow(session, service.ended, order_id, state="completed", output=output)
        follow(session, service.ended, order_id, state="failed", error_message="a late duplicate")
    with database.transaction(OPERATOR_ID) as session:
        done = one(session, order_id)
        assert (done.activation_status, done.success, done.error_message) == ("completed", True, None)
        assert done.activation_data == {"endpoints": {"tenant": "http://t"}, "references": {"a": "b"}}
        assert done.duration_seconds == pytest.approx((done.completed_at - done.started_at).total_seconds())
        follow(session, service.undone, order_id)
        follow(session, service.undone, order_id)
        service.skip_pending(session, order_id=order_id)
    with database.transaction(OPERATOR_ID) as session:
        states = {
            each.service_code: each.activation_status for each in service.activations_of(session, order_id=order_id)
        }
        assert states == {"radius-aaa": "rolled_back", "subscriber-provisioning": "skipped"}
        told = session.scalars(select(OutboxEvent.type).where(OutboxEvent.subject == f"order/{order_id}")).all()
        assert told == ["service.activated"]


def test_a_failure_is_told_and_can_be_reopened(database, order, order_id):
    order("subscriber-provisioning", "radius-aaa")
    with database.transaction(OPERATOR_ID) as session:
        follow(session, service.claimed, order_id)
        follow(session, service.ended, order_id, state="failed", error_message="no", error_type="Boom")
        failed = one(session, order_id)
        assert (failed.success, failed.error_message, failed.error_details) == (False, "no", {"type": "Boom"})
        follow(session, service.undone, order_id)
        assert one(session, order_id).activation_status == "failed"
    with database.transaction(OPERATOR_ID) as session:
        event = session.scalars(select(OutboxEvent).where(OutboxEvent.subject == f"order/{order_id}")).one()
        assert event.type == "service.activation_failed"
        assert event.data["critical"] is False
        assert service.reopen_failed(session, order_id=order_id) == ["activate_radius_aaa"]
        assert one(session, order_id).activation_status == "pending"
        assert service.reopen_failed(session, order_id=order_id) == []


def test_a_step_that_activates_nothing_is_passed_over(database, order, order_id):
    order("radius-aaa")
    with database.transaction(OPERATOR_ID) as session:
        for name in ("create_tenant", "activate_unknown"):
            assert not service.claimed(session, order_id=order_id, step_name=name)
            assert not service.ended(session, order_id=order_id, step_name=name, state="completed")
            assert not service.undone(session, order_id=order_id, step_name=name)


def test_the_duration_is_right_after_a_direct_write(database, order, order_id):
    order("radius-aaa")
    with database.transaction(OPERATOR_ID) as session:
        session.execute(
            text(
                "UPDATE service_activations SET started_at = '2026-01-01T00:00:00Z',"
                " completed_at = '2026-01-01T00:01:30.5Z' WHERE order_id = :order_id"
            ),
            {"order_id": order_id},
        )
        assert one(session, order_id).duration_seconds == 90.5


def test_the_tenant_reads_its_own_activations_and_changes_none(database, tenant, order, order_id):
    order("radius-aaa")
    with database.transaction(OPERATOR_ID) as session:
        service.assign_tenant(session, order_id=order_id, tenant_id=tenant.id)
    with database.transaction(tenant.id) as session:
        assert one(session, order_id).tenant_id == tenant.id
        changed = session.execute(
            text("UPDATE service_activations SET critical = false WHERE order_id = :order_id"), {"order_id": order_id}
        )
        assert changed.rowcount == 0
    with database.transaction(new_id()) as session:
        assert service.activations_of(session, order_id=order_id) == []
        assert session.scalar(text("SELECT count(*) FROM service_activations")) == 0
        assert session.get(ServiceActivation, new_id()) is None
