"""What each built-in service code does for a tenant, and that its undo leaves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from app.adapters.provisioners.port import Provisioners
from app.adapters.provisioners.registry import configured
from app.core.errors import NotFound
from app.core.ids import OPERATOR_ID, new_id
from app.core.ports import Ports, port
from app.core.secrets import SealedSecret, Vault
from app.domains.activation import service
from app.domains.activation.errors import ActivationNotFound, FirstCheckFailed
from app.domains.activation.models import (
    EnabledTrigger,
    MonitoringCheck,
    MonitoringTarget,
    RadiusNasClient,
    RadiusRealm,
    ReportSet,
    SubscriberRealm,
)
from app.domains.activation.operations import OPERATIONS
from app.domains.activation.service.seeding import _SEQUENCE
from app.domains.billing.models import BillingAccount, Subscription
from app.domains.deployments import service as deployments
from app.embedded.machine import free_port
from tests.calls import claim, perform

CODES = [service for service, _, _ in _SEQUENCE]
TABLES = (
    SubscriberRealm,
    RadiusRealm,
    RadiusNasClient,
    MonitoringTarget,
    MonitoringCheck,
    ReportSet,
    EnabledTrigger,
    BillingAccount,
    Subscription,
)


def operation(code, prefix=""):
    return OPERATIONS[f"activation_service.{prefix}{code.replace('-', '_')}"]


def rows(database, tenant):
    """How many rows of each table are about the tenant."""
    with database.transaction(OPERATOR_ID) as session:
        counted = {
            model.__tablename__: session.scalar(select(func.count()).where(model.tenant_id == tenant.id))
            for model in TABLES
        }
    return {name: count for name, count in counted.items() if count}


@pytest.fixture
def deployed(database, there, tenant):
    """The tenant with an address that answers."""
    with database.transaction(OPERATOR_ID) as session:
        template = deployments.choose_template(session, package_code="starter")
        instance = deployments.begin_provisioning(
            session, tenant_id=tenant.id, template_id=template.id, region="eu-west-1"
        )
        spec = deployments.specification(session, instance=instance)
    standing = there.provisioners.get("local").deploy(spec)
    with database.transaction(OPERATOR_ID) as session:
        return deployments.complete_provisioning(session, instance_id=instance.id, deployed=standing)


@pytest.fixture
def deployed_at(there, deployed):
    """Where the tenant is deployed, and its deployment."""
    return there, deployed


@pytest.fixture
def params(tenant, order):
    """A function that gives the parameters of a code's operation."""

    def make(code):
        (activation,) = order(code)
        return {"tenant_id": str(tenant.id), "activation_id": str(activation.id)}

    return make


@pytest.mark.parametrize("code", CODES)
def test_each_sets_up_finds_it_again_and_takes_it_away(database, tenant, deployed_at, params, code):
    there, deployed = deployed_at
    params = params(code)
    first = perform(operation(code), database, OPERATOR_ID, ports=there.ports, **params)
    made = rows(database, tenant)
    assert made
    assert first.output["activation"]["id"] == params["activation_id"]
    assert deployed.endpoint in first.output["activation"]["endpoints"].values()
    assert first.output["activation"]["references"]
    assert first.effects == first.intended
    assert first.effects[0].undo == params
    again = perform(operation(code), database, OPERATOR_ID, ports=there.ports, **params)
    if code != "network-monitoring":  # each attempt there is another look
        assert again.output == first.output
        assert rows(database, tenant) == made
    for removed in (True, False):
        undone = perform(operation(code, "deactivate_"), database, OPERATOR_ID, **params)
        assert undone.output["removed"] is removed
    assert rows(database, tenant) == {}


@pytest.mark.parametrize("code", CODES)
def test_one_that_died_after_its_claim_has_nothing_to_undo_and_no_harm_is_done(database, tenant, params, code):
    params = params(code)
    (intended,) = claim(operation(code), database, OPERATOR_ID, **params)
    assert operation(code).undone_by == operation(code, "deactivate_").name
    perform(operation(code, "deactivate_"), database, OPERATOR_ID, **intended.undo)
    assert rows(database, tenant) == {}


@pytest.mark.parametrize("code", CODES)
def test_unknown_tenants_and_activations_are_permanent_errors(database, tenant, order, code):
    (activation,) = order(code)
    for params in (
        {"tenant_id": str(tenant.id), "activation_id": str(new_id())},
        {"tenant_id": str(new_id()), "activation_id": str(activation.id)},
    ):
        with pytest.raises(NotFound) as error:
            perform(operation(code), database, OPERATOR_ID, **params)
        assert error.value.permanent
    assert rows(database, tenant) == {}


def test_the_shared_secret_is_sealed_and_goes_with_its_client(database, params):
    params = params("radius-aaa")
    done = perform(operation("radius-aaa"), database, OPERATOR_ID, **params)
    reference = done.output["activation"]["references"]["shared_secret"]
    with database.transaction(OPERATOR_ID) as session:
        secret = port(session, Vault).open(session, reference)
        assert len(secret) >= 24
        assert secret not in str(done)
        assert secret.encode() not in session.scalars(select(SealedSecret.sealed)).all()
    perform(operation("radius-aaa", "deactivate_"), database, OPERATOR_ID, **params)
    with database.transaction(OPERATOR_ID) as session, pytest.raises(NotFound):
        port(session, Vault).open(session, reference)


def test_billing_opens_by_the_orders_terms(database, tenant, order, order_id):
    (activation,) = order("billing-invoicing")
    done = perform(
        operation("billing-invoicing"),
        database,
        OPERATOR_ID,
        tenant_id=str(tenant.id),
        activation_id=str(activation.id),
    )
    with database.transaction(OPERATOR_ID) as session:
        subscription = session.scalars(select(Subscription).where(Subscription.tenant_id == tenant.id)).one()
        assert done.output["activation"]["references"]["subscription_id"] == str(subscription.id)
        assert (str(subscription.amount), subscription.currency) == ("348.0000", "USD")
        assert (subscription.order_id, subscription.billing_cycle) == (order_id, "monthly")


def test_monitoring_keeps_the_first_look(database, tenant, deployed_at, params):
    there, deployed = deployed_at
    params = params("network-monitoring")
    perform(operation("network-monitoring"), database, OPERATOR_ID, ports=there.ports, **params)
    with database.transaction(OPERATOR_ID) as session:
        target = session.scalars(select(MonitoringTarget).where(MonitoringTarget.tenant_id == tenant.id)).one()
        check = session.scalars(select(MonitoringCheck).where(MonitoringCheck.target_id == target.id)).one()
        assert (target.state, target.address) == ("up", deployed.endpoint)
        assert check.is_up
        assert check.response_seconds > 0


def test_monitoring_an_address_that_does_not_answer_is_tried_again(database, tenant, deployed_at, params):
    there, _ = deployed_at
    params = params("network-monitoring")
    ports = Ports()
    ports.add(Provisioners, configured(replace(there.settings, endpoints_port=free_port())))
    with pytest.raises(FirstCheckFailed) as failure:
        perform(operation("network-monitoring"), database, OPERATOR_ID, ports=ports, **params)
    assert not failure.value.permanent
    assert rows(database, tenant) == {}


def test_monitoring_a_tenant_without_an_address_leaves_the_target_pending(database, tenant, params):
    params = params("network-monitoring")
    done = perform(operation("network-monitoring"), database, OPERATOR_ID, **params)
    assert done.output["activation"]["endpoints"] == {}
    assert rows(database, tenant) == {"monitoring_targets": 1}


def test_an_activation_of_another_tenant_is_not_found(database, tenant, order, order_id):
    (activation,) = order("radius-aaa")
    with database.transaction(OPERATOR_ID) as session:
        service.assign_tenant(session, order_id=order_id, tenant_id=new_id())
    with pytest.raises(ActivationNotFound):
        perform(
            operation("radius-aaa"),
            database,
            OPERATOR_ID,
            tenant_id=str(tenant.id),
            activation_id=str(activation.id),
        )
