"""Tenants that are made and deployed for customers, over real parts."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.local import LocalProvisioner
from app.adapters.provisioners.port import Provisioners
from app.core.errors import NotFound
from app.core.ids import OPERATOR_ID, new_id
from app.core.ports import Ports
from app.domains.customers import service as customers
from app.domains.deployments import service
from app.domains.deployments.errors import (
    BrandInvalid,
    CustomerOfAnotherPartner,
    DeploymentOfAnotherCustomer,
    NoTemplate,
    TemplateNotFound,
)
from app.domains.deployments.models import DeploymentInstance
from app.domains.deployments.operations import OPERATIONS
from app.domains.tenants import service as tenants
from app.domains.tenants.errors import DomainTaken
from app.domains.tenants.models import Tenant
from app.embedded.machine import free_port
from tests.calls import DirectCall, perform
from tests.places import EVERYTHING
from tests.servers import eventually

UNDO = OPERATIONS["deployment_service.deprovision_tenant"]


@pytest.fixture
def provision(database, there, seller):
    """A function that does a step of that key: its claim, and its call; returns its output, its effects, what it intended."""

    def done(customer_id, *, name="provision_tenant", key="key", ports=None, **params):
        operation = OPERATIONS[f"deployment_service.{name}"]
        bound = operation.bind({"customer_id": str(customer_id), **params})
        with ExitStack() as stack:
            claiming = DirectCall(database, seller, idempotency_key=key, _stack=stack)
            intended = list(operation.intends(claiming, bound))
        with ExitStack() as stack:
            call = DirectCall(database, seller, ports=ports or there.ports, idempotency_key=key, _stack=stack)
            return operation.function(call, **bound), call.effects, intended

    return done


@pytest.fixture
def undo(database, there, seller):
    """A function that undoes an effect."""
    return lambda effect: perform(UNDO, database, seller, ports=there.ports, **effect.undo).output


def count(database, owner, model):
    with database.transaction(owner) as session:
        return session.scalar(select(func.count()).select_from(model).where(model.owner_id == owner))


def test_a_customer_s_tenant_is_made_and_answers_and_is_taken_away_whole(
    database, there, seller, new_customer, provision, undo
):
    company = f"Söhne {new_id().hex[-8:]}"
    customer = new_customer(company_name=company)
    output, effects, intended = provision(customer, region="eu-west-1")
    slug = output["tenant"]["slug"]
    assert slug == company.lower().replace("ö", "o").replace(" ", "-")
    assert output["tenant"] == {"id": output["tenant_id"], "slug": slug, "name": company, "domain": None}
    assert output["deployment"]["id"] == output["deployment_id"] == output["deployment_instance_id"]
    assert (output["deployment"]["state"], output["deployment"]["region"]) == ("active", "eu-west-1")
    assert there.things(slug) == EVERYTHING
    assert there.get(slug, "/health").json()["tenant"] == company
    assert effects == intended
    assert len(effects) == 1
    for destroyed in (True, False):
        assert undo(effects[0]) == {"destroyed": destroyed}
    assert there.things(slug) == set()
    assert count(database, seller, Tenant) == 0
    with database.transaction(seller) as session:
        assert customers.delete_customer(session, customer_id=customer) is customers.Removal.DELETED


def test_a_customer_who_has_a_deployment_is_kept(database, seller, customer, provision):
    provision(customer)
    with database.transaction(seller) as session:
        assert customers.delete_customer(session, customer_id=customer) is customers.Removal.DEACTIVATED


def test_another_attempt_of_the_step_finds_its_tenant(database, seller, customer, provision):
    (first, effects, _), (second, again, _) = (provision(customer) for _ in range(2))
    assert first == second
    assert effects == again
    assert count(database, seller, Tenant) == count(database, seller, DeploymentInstance) == 1


def test_another_step_finds_the_same_and_has_nothing_to_undo(database, seller, customer, provision):
    first, _, _ = provision(customer, template_id="standard-cloud")
    second, effects, intended = provision(customer, key="another step")
    assert second == first
    assert (effects, intended) == ([], [])
    third, effects, _ = provision(customer, key="a third", region="elsewhere")
    assert third["tenant"]["slug"] == f"{first['tenant']['slug']}-2"
    assert len(effects) == 1


def test_the_step_of_one_customer_is_not_another_s(customer, new_customer, provision):
    provision(customer)
    with pytest.raises(DeploymentOfAnotherCustomer):
        provision(new_customer())


WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")


def test_two_at_once_make_one_tenant(database, seller, customer):
    def begin(key):
        with database.transaction(seller) as session:
            return service.begin_tenant(session, customer_id=customer, key=key).id

    def are_waiting():
        with database.transaction(seller) as session:
            return session.scalar(WAITING) >= 3

    with ThreadPoolExecutor(3) as threads:
        with database.transaction(seller) as session:
            first = service.begin_tenant(session, customer_id=customer, key="a").id
            others = [threads.submit(begin, key) for key in ("a", "b", "c")]
            eventually(are_waiting, what="their waiting for the first")
        assert {each.result() for each in others} == {first}
    assert count(database, seller, Tenant) == 1


def test_what_died_after_its_claim_is_undone_by_the_intended_effect(database, there, seller, customer, undo):
    operation = OPERATIONS["deployment_service.provision_tenant"]
    with ExitStack() as stack:
        call = DirectCall(database, seller, _stack=stack)
        [intended] = operation.intends(call, operation.bind({"customer_id": str(customer)}))
    with database.transaction(seller) as session:
        slug = tenants.get_tenant(session, tenant_id=UUID(intended.reference)).slug
    there.folder(slug).mkdir(parents=True)
    undo(intended)
    assert there.things(slug) == set()
    assert count(database, seller, Tenant) == 0


def test_what_failed_half_way_is_finished_by_the_next_attempt(there, customer, provision, undo):
    deaf, ports = Provisioners(), Ports()
    deaf.add("local", LocalProvisioner(replace(there.settings, endpoints_port=free_port()), start_seconds=0.1))
    ports.add(Provisioners, deaf)
    with pytest.raises(ProvisioningFailed):
        provision(customer, ports=ports)
    output, [effect], _ = provision(customer)
    assert there.things(output["tenant"]["slug"]) == EVERYTHING
    undo(effect)
    assert there.things(output["tenant"]["slug"]) == set()


def test_a_taken_or_reserved_name_gets_a_number(database, new_customer, provision):
    name = f"Taken {new_id().hex[-8:]}"
    slug = name.lower().replace(" ", "-")
    with database.transaction(OPERATOR_ID) as session:
        tenants.create_tenant(session, name="Somebody else's", slug=slug)
    assert provision(new_customer(company_name=name))[0]["tenant"]["slug"] == f"{slug}-2"
    reserved = provision(new_customer(company_name="Support"), key="another step")[0]["tenant"]["slug"]
    assert reserved.startswith("support-")


def test_what_a_tenant_runs_under_reaches_its_deployment(database, there, seller, customer, provision):
    with database.transaction(seller) as session:
        template = service.find_template(session, template="standard-cloud")
        service.update_template(
            session,
            template_id=template.id,
            fields={"configuration": {"plan": "x"}, "provision_seconds": 300},
        )
    output, _, _ = provision(customer, template_id=str(template.id), license_key="AAAAA-BBBBB")
    record = json.loads((there.folder(output["tenant"]["slug"]) / "tenant.json").read_text())
    assert (record["license_key"], record["config"]) == ("AAAAA-BBBBB", {"plan": "x"})
    with database.transaction(seller) as session:
        instance = service.get_instance(session, instance_id=UUID(output["deployment_id"]))
        assert service.specification(session, instance=instance).seconds == 300


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"deployment_type": "kubernetes"}, NoTemplate),
        ({"template_id": "no-such-cloud"}, TemplateNotFound),
        ({"template_id": str(new_id())}, TemplateNotFound),
        ({"template_id": "standard-cloud", "deployment_type": "docker"}, NoTemplate),
    ],
)
def test_a_template_that_is_not_there_is_no_other(database, seller, customer, provision, wish, error):
    with pytest.raises(error):
        provision(customer, **wish)
    assert count(database, seller, Tenant) == 0


def test_a_type_that_is_asked_for_is_what_it_gets(customer, provision):
    output, _, _ = provision(customer, deployment_type="none")
    assert (output["deployment"]["state"], output["deployment"]["endpoint"]) == ("active", None)


def test_a_stranger_is_no_customer(provision):
    with pytest.raises(NotFound):
        provision(new_id())


def brand(**more):
    return {"company_name": "Fast & Partner", "support_email": "help@example.com", **more}


@pytest.fixture
def of_partner(new_customer):
    """A partner's customer, and the partner."""
    partner_id = new_id()
    return new_customer(partner_id=partner_id), str(partner_id)


@pytest.fixture
def domain():
    """A domain that no other test uses."""
    return f"portal.t{new_id().hex[-12:]}.example.com"


def test_a_partner_s_tenant_bears_its_brand_and_answers_under_its_domain(
    database, there, seller, of_partner, domain, provision, undo
):
    customer, partner = of_partner
    output, [effect], intended = provision(
        customer,
        name="provision_partner_tenant",
        partner_id=partner,
        white_label_config=brand(custom_domain=domain.upper(), primary_color="#102030"),
    )
    assert [effect] == intended
    assert output["branding"] == brand(primary_color="#102030")
    assert output["tenant"]["domain"] == domain
    slug = output["tenant"]["slug"]
    for host in (f"{slug}.localhost", domain, f"{domain}:8081"):
        page = there.ask(host).text
        assert "A service of Fast &amp; Partner." in page
        assert "help@example.com" in page
    undo(effect)
    assert there.things(slug) == set()
    assert there.ask(domain).status_code == 404
    assert count(database, seller, Tenant) == 0


def test_a_domain_is_one_tenant_s(database, of_partner, new_customer, domain, provision):
    customer, partner = of_partner
    wish = {"name": "provision_partner_tenant", "partner_id": partner, "white_label_config": {"custom_domain": domain}}
    provision(customer, **wish)
    with pytest.raises(DomainTaken, match=domain):
        provision(new_customer(partner_id=UUID(partner)), key="another step", **wish)


def test_a_brand_s_short_form_and_none_at_all(of_partner, provision):
    customer, partner = of_partner
    wish = {"name": "provision_partner_tenant", "partner_id": partner}
    output, _, _ = provision(customer, white_label_config={"branding": "Fast Partner"}, **wish)
    assert output["branding"] == {"company_name": "Fast Partner"}
    plain, _, _ = provision(customer, key="another step", region="elsewhere", **wish)
    assert plain["branding"] == {}


def test_a_customer_of_somebody_else_is_refused(database, seller, customer, of_partner, provision):
    theirs, partner = of_partner
    for each, named in ((customer, partner), (theirs, str(new_id())), (customer, "fast-partner")):
        with pytest.raises(CustomerOfAnotherPartner):
            provision(each, name="provision_partner_tenant", partner_id=named)
    assert count(database, seller, Tenant) == 0


def test_everything_that_is_wrong_with_a_brand_is_said_at_once(of_partner, provision):
    customer, partner = of_partner
    with pytest.raises(BrandInvalid) as refused:
        provision(
            customer,
            name="provision_partner_tenant",
            partner_id=partner,
            white_label_config={"primary_color": "red", "custom_domain": "operator.localhost"},
        )
    places = ["/white_label_config/primary_color", "/white_label_config/custom_domain"]
    assert [fault.pointer for fault in refused.value.faults] == places
    assert "custom_domain" in str(refused.value)
