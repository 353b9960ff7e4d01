"""Domains of tenants' own, each one tenant's, and the zone in which a tenant counts days."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from app.core.errors import Invalid
from app.core.ids import OPERATOR_ID, new_id
from app.core.ports import PORTS, Ports
from app.core.settings import Settings
from app.domains.tenants import service
from app.domains.tenants.errors import DomainTaken, SlugTaken
from app.domains.tenants.models import Tenant
from tests.domains.tenants.accounts import fresh_slug


@pytest.fixture
def domain() -> str:
    """A domain that no other test uses."""
    return f"portal.t{new_id().hex[-12:]}.example.com"


@pytest.mark.parametrize(
    "wrong",
    ["localhost", "acme.localhost", "example", "https://example.com", "a..example.com", "1.2.3.4", "-a.example"],
)
def test_what_is_no_domain_of_its_own_is_refused(database, wrong):
    with database.transaction(OPERATOR_ID) as session, pytest.raises(Invalid):
        service.checked_domain(session, domain=wrong)


def test_a_domain_in_another_script_is_kept_as_names_are(database):
    with database.transaction(OPERATOR_ID) as session:
        assert service.checked_domain(session, domain=" Müller.Example.COM. ") == "xn--mller-kva.example.com"


@pytest.mark.parametrize("wrong", ["turnup.example.com", "acme.tenants.example.com", "tenants.example.com"])
def test_where_the_installation_answers_is_nobody_s_domain(database, settings, wrong):
    own = Ports()
    own.add(Settings, replace(settings, public_url="https://turnup.example.com", base_domain="tenants.example.com"))
    with database.transaction(OPERATOR_ID) as session:
        session.info[PORTS] = own
        assert service.checked_domain(session, domain="example.com") == "example.com"
        with pytest.raises(Invalid):
            service.checked_domain(session, domain=wrong)


def make(database, owner_id, *, slug=None, domain):
    with database.transaction(owner_id) as session:
        return service.create_tenant(session, name="A", slug=slug or fresh_slug(), domain=domain).domain


def test_a_domain_is_one_tenant_s_whoever_made_it(database, owner, domain):
    assert make(database, OPERATOR_ID, domain=domain.upper()) == domain
    for each in (OPERATOR_ID, owner):
        with pytest.raises(DomainTaken):
            make(database, each, domain=domain)


def test_a_taken_slug_is_said_before_a_taken_domain(database, domain):
    slug = fresh_slug()
    make(database, OPERATOR_ID, slug=slug, domain=domain)
    with pytest.raises(SlugTaken):
        make(database, OPERATOR_ID, slug=slug, domain=domain)


def test_of_two_at_once_one_gets_the_domain(database, domain):
    def try_it(_):
        try:
            return make(database, OPERATOR_ID, domain=domain)
        except DomainTaken:
            return "taken"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(try_it, range(2))) == sorted([domain, "taken"])


def test_a_tenant_counts_days_in_its_zone_else_in_utc(database, owner):
    def zone(settings):
        with database.transaction(OPERATOR_ID) as session:
            session.execute(update(Tenant).where(Tenant.id == owner).values(settings=settings))
        with database.transaction(owner) as session:
            return service.time_zone(session)

    assert zone({}) == ZoneInfo("UTC")
    assert zone({"time_zone": "Europe/Berlin"}) == ZoneInfo("Europe/Berlin")
    with pytest.raises(Invalid, match="no time zone"):
        zone({"time_zone": "Mars/Base"})
