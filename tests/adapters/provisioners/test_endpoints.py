"""The endpoints process: tenants by host name."""

from __future__ import annotations

import pytest

from app.adapters.provisioners import records
from app.adapters.provisioners.records import TenantRecord
from tests.places import Place


@pytest.fixture
def tenant(there: Place, slug: str) -> str:
    record = TenantRecord(slug=slug, name="<b>Fast & Co</b>", tenant_id="0", schema="s", role="r", region="eu-west-1")
    records.write(there.settings, record)
    return slug


def test_the_page_names_the_tenant_and_escapes_what_it_is_called(there, tenant):
    answer = there.get(tenant)
    assert answer.status_code == 200
    assert "&lt;b&gt;Fast &amp; Co&lt;/b&gt;" in answer.text
    assert "<b>Fast" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_health_names_the_tenant_under_any_port_and_case(there, tenant):
    expected = {"status": "ok", "tenant": "<b>Fast & Co</b>", "slug": tenant}
    for host in (f"{tenant}.localhost", f"{tenant}.localhost:8081", f"{tenant.upper()}.LOCALHOST"):
        assert there.ask(host, "/health").json() == expected


@pytest.mark.parametrize(
    "host", ["nobody.localhost", "localhost", "tenant.example.org", "..localhost", "%2e%2e.localhost", "a.b.localhost"]
)
def test_an_unknown_host_is_a_problem_document(there, tenant, host):
    answer = there.ask(host)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 404


def test_an_unknown_path_and_a_write_are_refused(there, tenant):
    assert there.get(tenant, "/etc/passwd").status_code == 404
    refused = there.ask(f"{tenant}.localhost", method="POST")
    assert refused.status_code == 405
    assert refused.headers["Allow"] == "GET, HEAD"


def test_a_tenant_is_there_as_long_as_its_record(there, tenant):
    assert there.get(tenant, "/health").status_code == 200
    records.remove(there.settings, tenant)
    assert there.get(tenant, "/health").status_code == 404


@pytest.fixture
def domain(slug: str) -> str:
    """A domain that no other test uses."""
    return f"portal.{slug}.example.com"


def branded(slug: str, domain: str | None) -> TenantRecord:
    branding = {"company_name": "<i>Fast</i> Partner", "support_email": "help@example.com"}
    return TenantRecord(
        slug=slug, name="Branded", tenant_id="0", schema="s", role="r", domain=domain, branding=branding
    )


def test_a_tenant_answers_under_a_domain_of_its_own_besides(there, slug, domain):
    records.write(there.settings, branded(slug, domain))
    for host in (f"{slug}.localhost", domain, f"{domain.upper()}.:8081"):
        assert there.ask(host, "/health").json()["slug"] == slug
    records.remove(there.settings, slug)
    assert there.ask(domain).status_code == 404
    assert records.slug_of_domain(there.settings, domain) is None


def test_a_brand_is_shown_and_escaped(there, slug):
    records.write(there.settings, branded(slug, None))
    page = there.get(slug).text
    assert "A service of &lt;i&gt;Fast&lt;/i&gt; Partner." in page
    assert "Support: help@example.com" in page


def test_a_domain_goes_with_its_tenant_and_stays_with_its_next_one(there, slug, domain):
    records.write(there.settings, branded(slug, domain))
    records.write(there.settings, branded(slug, f"new.{domain}"))
    assert there.ask(domain).status_code == 404
    assert there.ask(f"new.{domain}").status_code == 200
    other = f"{slug}-2"
    records.write(there.settings, branded(other, f"new.{domain}"))
    records.remove(there.settings, slug)
    assert there.ask(f"new.{domain}", "/health").json()["slug"] == other


@pytest.mark.parametrize("host", ["../tenants", "..", "a/b.example", ".example.com", "x" * 300 + ".example.com"])
def test_what_is_no_host_name_is_nobody_s(there, host):
    assert records.slug_of_domain(there.settings, host) is None
    with pytest.raises(ValueError, match="no host name"):
        records.write(there.settings, branded("t-none", host))
    assert records.read(there.settings, "t-none") is None


@pytest.mark.parametrize("instead", ["a folder", "{"])
def test_what_stands_in_the_place_of_a_record_is_removed_too(there, slug, instead):
    path = there.folder(slug) / "tenant.json"
    if instead == "{":
        path.parent.mkdir(parents=True)
        path.write_text(instead)
    else:
        path.mkdir(parents=True)
    records.remove(there.settings, slug)
    assert not there.folder(slug).exists()
