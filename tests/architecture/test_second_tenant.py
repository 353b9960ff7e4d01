"""A second tenant's token walks every route with the names of the first tenant's rows, and finds nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.architecture.conftest import First, Walk, bearer


def _telling(first: First, walk: Walk) -> list[str]:
    """What no answer to somebody else may hold: addresses, numbers, and every UUID."""
    owner = str(first.owner_id)
    uuids = [name for name in walk.names.values() if len(name) == len(owner)]
    return [owner, first.account.email, first.order.order_number, first.order.customer_email, *uuids]


def test_the_first_tenant_finds_all_of_it(walk: Walk, first: First) -> None:
    headers = bearer(walk.settings, first.owner_id, first.account.user_id)
    found = {}
    for route, path in walk.routes(reading=True):
        with walk.answer("GET", path, headers) as answer:  # closes a stream after its first words
            found[path] = (answer.status_code, route.needs)
    assert len(found) > 25
    assert {path: said for path, said in found.items() if said[0] != 200} == {}


def test_the_second_finds_none_of_it(walk: Walk, first: First, second: UUID) -> None:
    headers = bearer(walk.settings, second)
    for _, path in walk.routes(reading=True):
        with walk.answer("GET", path, headers) as answer:
            assert answer.status_code == (404 if "<" in path else 200), path
            body = answer.get_data(as_text=True)
        assert [each for each in _telling(first, walk) if each in body] == [], path


@pytest.mark.parametrize("number", [2**31, 2**63, 2**80])
def test_a_number_that_no_row_can_have_is_not_found(walk: Walk, first: First, number: int) -> None:
    headers = bearer(walk.settings, first.owner_id)
    elsewhere = replace(walk, names={name: str(number) for name in walk.names})
    for reading in (True, False):
        for route, path in elsewhere.routes(reading=reading):
            if "<int:" in path:
                answer = elsewhere.answer(route.method, path, headers)
                # 422: what was sent is wrong anywhere
                assert answer.status_code == 404 or (answer.status_code == 422 and not reading), path


def test_the_second_changes_none_of_it(walk: Walk, first: First, second: UUID) -> None:
    before = _picture(first)
    headers = bearer(walk.settings, second)
    for route, path in walk.routes(reading=False):
        if "<" in path:
            answer = walk.answer(route.method, path, headers)
            # 422: what was sent is wrong anywhere, which is found before the row is looked for
            assert answer.status_code in {404, 422}, f"{route.method} {path}"
    assert _picture(first) == before


def _picture(first: First) -> list[Any]:
    queries = (
        "SELECT id, status, version FROM orders ORDER BY id",
        "SELECT id, status, version FROM customers ORDER BY id",
        "SELECT id, state, updated_at FROM workflow_executions ORDER BY id",
        "SELECT id, is_active, version FROM workflows ORDER BY id",
        "SELECT id, updated_at FROM plans ORDER BY id",
        "SELECT id, status, updated_at FROM subscriptions ORDER BY id",
        "SELECT id, status, updated_at FROM invoices ORDER BY id",
        "SELECT id, status, updated_at FROM payables ORDER BY id",
        "SELECT id, status, updated_at FROM payments ORDER BY id",
        "SELECT id, status, updated_at FROM payment_methods ORDER BY id",
        "SELECT id, status, updated_at FROM licenses ORDER BY id",
        "SELECT id, updated_at FROM license_templates ORDER BY id",
        "SELECT id, status, updated_at FROM leads ORDER BY id",
        "SELECT id, status, updated_at FROM quotes ORDER BY id",
        "SELECT id, status, updated_at FROM site_surveys ORDER BY id",
        "SELECT id, status, updated_at FROM partners ORDER BY id",
        "SELECT id, status, updated_at FROM commissions ORDER BY id",
        "SELECT id, total, allocated, updated_at FROM license_pools ORDER BY id",
        "SELECT id, status, updated_at FROM tickets ORDER BY id",
        "SELECT id, updated_at FROM deployment_templates ORDER BY id",
        "SELECT id, updated_at FROM maintenance_windows ORDER BY id",
        "SELECT id, state, updated_at FROM scheduled_deployments ORDER BY id",
        "SELECT id, updated_at FROM activation_workflows ORDER BY id",
        "SELECT code, updated_at FROM packages ORDER BY code",
        "SELECT id, updated_at FROM prices ORDER BY id",
    )
    with first.shop.session() as session:
        return [session.execute(text(query)).all() for query in queries]
