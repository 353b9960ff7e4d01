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
