"""Templates and instances, on the database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from app.adapters.provisioners.port import Deployed
from app.core.errors import Invalid, NotFound
from app.core.events import OutboxEvent
from app.core.ids import OPERATOR_ID, new_id
from app.domains.deployments import service
from app.domains.deployments.errors import DeploymentGone, NoTemplate, TemplateNameTaken
from app.domains.deployments.models import DeploymentTemplate


def fields(**more):
    return {"name": f"t-{new_id().hex[-8:]}", "display_name": "T", "deployment_type": "local", **more}


@pytest.mark.parametrize(
    ("package", "name"),
    [("starter", "standard-cloud"), ("professional", "enhanced-cloud"), ("enterprise", "premium-cloud")],
)
def test_each_package_has_its_template(database, package, name):
    with database.transaction(OPERATOR_ID) as session:
        assert service.choose_template(session, package_code=package).name == name


def test_type_none_and_the_default_are_found(database):
    with database.transaction(OPERATOR_ID) as session:
        assert service.choose_template(session, region="eu-west-1", deployment_type="none").name == "no-deployment"
        assert service.choose_template(session, region="nowhere").name == "standard-cloud"


def test_seeding_again_changes_nothing_that_was_edited(database, owner):
    with database.transaction(owner) as session:
        service.seed(session)
        chosen = service.choose_template(session, package_code="starter")
        service.update_template(session, template_id=chosen.id, fields={"display_name": "Ours", "is_default": False})
        service.create_template(session, fields=fields(is_default=True))
    with database.transaction(owner) as session:
        service.seed(session)
        templates = session.scalars(select(DeploymentTemplate)).all()
        assert len(templates) == 5
        assert service.get_template(session, template_id=chosen.id).display_name == "Ours"


def test_another_owners_templates_do_not_exist(database, owner, local_template):
    with database.transaction(owner) as session:
        with pytest.raises(NoTemplate, match="there is no active default template"):
            service.choose_template(session, package_code="starter", region="eu-west-1")
        with pytest.raises(NoTemplate, match="does not exist"):
            service.choose_template(session, template_id=local_template)


def test_a_new_default_takes_the_place_of_the_former_of_its_region(database, owner):
    with database.transaction(owner) as session:
        first = service.create_template(session, fields=fields(is_default=True, region="eu"))
        elsewhere = service.create_template(session, fields=fields(is_default=True, region="us"))
        second = service.create_template(session, fields=fields(is_default=True, region="eu"))
        session.expire_all()
        assert [each.is_default for each in (first, elsewhere, second)] == [False, True, True]


def test_a_name_is_taken_once_and_the_transaction_goes_on(database, owner):
    with database.transaction(owner) as session:
        first = service.create_template(session, fields=fields())
        with pytest.raises(TemplateNameTaken):
            service.create_template(session, fields=fields(name=first.name))
        assert service.get_template(session, template_id=first.id).name == first.name


def test_unknown_types_and_fields_are_refused(database, owner):
    with database.transaction(owner) as session:
        for wrong in ({"deployment_type": "cloud"}, {"owner_id": str(OPERATOR_ID)}):
            with pytest.raises(Invalid):
                service.create_template(session, fields=fields(**wrong))


def begin(session, tenant, template_id):
    return service.begin_provisioning(session, tenant_id=tenant.id, template_id=template_id, region="eu-west-1")


def test_a_tenant_has_one_live_instance(database, tenant, local_template):
    with database.transaction(OPERATOR_ID) as session:
        first = begin(session, tenant, local_template)
        assert (first.state, first.external_reference) == ("provisioning", tenant.slug)
    with database.transaction(OPERATOR_ID) as session:
        assert begin(session, tenant, local_template).id == first.id


def test_an_instance_for_nobody_is_refused(database, tenant, local_template):
    with database.transaction(OPERATOR_ID) as session:
        with pytest.raises(NotFound):
            service.begin_provisioning(session, tenant_id=new_id(), template_id=local_template, region=None)
        with pytest.raises(NotFound):
            service.begin_provisioning(session, tenant_id=tenant.id, template_id=new_id(), region=None)


def test_the_way_of_an_instance_and_its_events(database, tenant, local_template):
    with database.transaction(OPERATOR_ID) as session:
        instance = begin(session, tenant, local_template)
        service.fail_provisioning(session, instance_id=instance.id, reason="no room")
        assert service.get_instance(session, instance_id=instance.id).state == "failed"
        begin(session, tenant, local_template)
        deployed = Deployed(f"http://{tenant.slug}.localhost", tenant.slug)
        for _ in range(2):
            assert service.complete_provisioning(session, instance_id=instance.id, deployed=deployed).state == "active"
        service.fail_provisioning(session, instance_id=instance.id, reason="too late")
        assert service.get_instance(session, instance_id=instance.id).state == "active"
        assert service.begin_destroying(session, instance_id=instance.id) is not None
        with pytest.raises(DeploymentGone):
            service.complete_provisioning(session, instance_id=instance.id, deployed=deployed)
        assert service.complete_destroying(session, instance_id=instance.id)
        assert not service.complete_destroying(session, instance_id=instance.id)
        assert service.begin_destroying(session, instance_id=instance.id) is None
        assert service.find_instance(session, tenant_id=tenant.id) is None
        session.flush()
        told = session.scalars(
            select(OutboxEvent.type)
            .where(OutboxEvent.subject == f"deployment/{instance.id}")
            .order_by(OutboxEvent.position)
        ).all()
        assert told == ["deployment.failed", "deployment.provisioned", "deployment.destroyed"]
        assert begin(session, tenant, local_template).id != instance.id


def test_health_is_asked_and_noted(world, there, tenant, local_template):
    with world.database.transaction(OPERATOR_ID) as session:
        instance = begin(session, tenant, local_template)
        spec = service.specification(session, instance=instance)
    deployed = there.provisioners.get("local").deploy(spec)
    with world.database.transaction(OPERATOR_ID) as session:
        service.complete_provisioning(session, instance_id=instance.id, deployed=deployed)
        found = service.get_instance(session, instance_id=instance.id)
        found.last_health_check = None
    there.provisioners.get("local").destroy(tenant.slug)
    assert service.check_health(replace(world, ports=there.ports)) >= 1
    with world.database.transaction(OPERATOR_ID) as session:
        checked = service.get_instance(session, instance_id=instance.id)
        assert checked.health_status == "unhealthy"
        assert checked.last_health_check is not None
