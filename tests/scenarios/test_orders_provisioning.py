"""Orders that fail before any service is activated: refused by validation, or not to be provisioned."""

from __future__ import annotations

from typing import Any

import psycopg

from app.core.ids import OPERATOR_ID
from app.domains.tenants import service as tenants
from tests.scenarios import holding
from tests.scenarios.processes import kill_child_of
from tests.scenarios.remains import STARTED, remains
from tests.scenarios.shop import CONFIRMED, FAILED, WELCOME, Shop, text_of
from tests.servers import Json, eventually

NO_ENVIRONMENT = "Your environment could not be set up. Nothing of it remains, and nothing will be charged."


def failed_before_activation(shop: Shop, order: Json) -> Json:
    """The order once it has failed; checked that its activations never began and that the customer was told once."""
    failed = shop.until(order, "failed")
    assert set(shop.activation_states(failed).values()) == {"skipped"}
    assert shop.subjects(failed) == [CONFIRMED, FAILED]
    told = next(mail for mail in shop.mails(failed) if "could not" in str(mail["Subject"]))
    assert failed["status_message"] in text_of(told)
    return failed


def steps(shop: Shop, order: Json) -> dict[str, str]:
    query = "SELECT step_name, state FROM workflow_steps WHERE execution_id = :id"
    return {row.step_name: row.state for row in shop.rows(query, id=order["execution_id"])}


# --- validation -------------------------------------------------------------------------------------------------------


def test_a_subdomain_that_somebody_took_meanwhile_fails_the_order(shop: Shop) -> None:
    draft = shop.draft()
    slug = draft["organization_slug"]
    with shop.world.database.transaction(OPERATOR_ID) as session:
        tenants.create_tenant(session, name="Faster", slug=slug)
    failed = failed_before_activation(shop, shop.submit(draft))
    assert failed["status_message"] == f"The subdomain “{slug}” is taken."
    assert shop.history(failed) == ["draft", "submitted", "validating", "failed"]
    assert shop.executions(failed) == [("failed", "none")]
    assert remains(shop.settings, failed) == {"tenant"}  # the other one's
    assert set(steps(shop, failed).values()) == {"failed", "cancelled"}


def test_a_service_that_is_no_longer_sold_fails_the_order_and_all_faults_are_told(shop: Shop) -> None:
    draft = shop.draft()
    with shop.world.database.transaction(OPERATOR_ID) as session:
        tenants.create_tenant(session, name="Faster", slug=draft["organization_slug"])
    with psycopg.connect(shop.settings.migration_database_url) as connection:
        connection.execute(
            "UPDATE services SET is_active = false WHERE owner_id = %s AND code = 'billing-invoicing'", (shop.owner_id,)
        )
    failed = failed_before_activation(shop, shop.submit(draft))
    assert "billing-invoicing" in failed["status_message"]
    assert f"The subdomain “{draft['organization_slug']}” is taken." in failed["status_message"]


def test_what_validation_refused_gets_through_when_it_is_put_right(shop: Shop) -> None:
    draft = shop.draft()
    with shop.world.database.transaction(OPERATOR_ID) as session:
        rival = tenants.create_tenant(session, name="Faster", slug=draft["organization_slug"]).id
    failed = shop.until(shop.submit(draft), "failed")
    with shop.world.database.transaction(OPERATOR_ID) as session:
        tenants.delete_tenant(session, tenant_id=rival)
    shop.process(failed)
    order = shop.active(failed)
    assert remains(shop.settings, order) == STARTED
    assert shop.subjects(order) == [CONFIRMED, WELCOME, FAILED]


# --- provisioning -----------------------------------------------------------------------------------------------------


def test_a_provisioning_that_fails_half_way_leaves_nothing(shop: Shop) -> None:
    draft = shop.draft()
    # role and schema are made first; then the tenant's file cannot be written where a directory is
    folder = shop.settings.var_dir / "tenants" / draft["organization_slug"]
    (folder / "tenant.json" / "in the way").mkdir(parents=True)
    failed = failed_before_activation(shop, shop.submit(draft))
    assert failed["status_message"] == NO_ENVIRONMENT
    assert remains(shop.settings, failed) == set()
    assert shop.history(failed) == ["draft", "submitted", "validating", "approved", "provisioning", "failed"]
    assert shop.executions(failed) == [("failed", "done")]
    [row] = shop.rows("SELECT error FROM workflow_executions WHERE id = :id", id=failed["execution_id"])
    assert row.error["step"] == "provision_deployment"
    assert "could not be written" in row.error["message"]

    shop.process(failed)  # what was in the way went with the rest
    assert remains(shop.settings, shop.active(failed)) == STARTED


def test_a_schema_of_somebody_else_is_neither_used_nor_removed(shop: Shop) -> None:
    draft = shop.draft()
    schema = f"tenant_{draft['organization_slug']}"
    with holding.admin(shop.settings) as connection:
        connection.execute(f'CREATE SCHEMA "{schema}"'.encode())
        connection.execute(f'CREATE TABLE "{schema}".precious AS SELECT 1 AS one'.encode())
    failed = failed_before_activation(shop, shop.submit(draft))
    assert failed["status_message"] == NO_ENVIRONMENT
    assert shop.executions(failed) == [("failed", "done")]
    assert remains(shop.settings, failed) == {"schema"}
    with holding.admin(shop.settings) as connection:
        row = connection.execute(f'SELECT one FROM "{schema}".precious'.encode()).fetchone()
    assert row == (1,)


def test_a_worker_that_dies_half_way_through_provisioning_costs_nothing(shop: Shop) -> None:
    draft = shop.draft()
    with holding.provisioner(shop.settings, draft["organization_slug"]):
        order = shop.until(shop.submit(draft), "provisioning")
        assert kill_child_of(provisioning(shop, order).worker)
        eventually(lambda: provisioning(shop, order).attempts == 2, what="another worker to take the step")
    active = shop.active(order)
    assert remains(shop.settings, active) == STARTED
    assert shop.history(active).count("provisioning") == 1
    query = "SELECT count(*) FROM deployment_instances WHERE order_id = :id"
    assert shop.rows(query, id=order["id"])[0][0] == 1


def provisioning(shop: Shop, order: Json) -> Any:
    """The provisioning step: who has it, and how often it was begun."""
    query = (
        "SELECT worker, attempts FROM workflow_steps WHERE execution_id = :id AND step_name = 'provision_deployment'"
    )
    [row] = shop.rows(query, id=order["execution_id"])
    return row
