"""The catalogue over HTTP: read by anybody, changed by who may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from app.core.ids import OPERATOR_ID, new_id
from app.core.world import World
from app.domains.catalog import service

TokenFor = Callable[..., str]
Headers = dict[str, str]


@pytest.fixture
def editor(world: World, token_for: TokenFor) -> Headers:
    """Somebody who may change a catalogue of their own."""
    owner_id: UUID = new_id()
    with world.database.transaction(owner_id) as session:
        service.seed(session)
    return {"Authorization": f"Bearer {token_for('catalog.update', owner_id=owner_id)}"}


def _by_code(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["code"]: row for row in rows}


def test_the_public_sees_what_the_operator_sells(client: FlaskClient, world: World) -> None:
    with world.database.transaction(OPERATOR_ID) as session:
        service.seed(session)
    answer = client.get("/api/public/catalog")
    assert answer.status_code == 200
    catalogue = answer.get_json()
    assert set(catalogue) == {"services", "packages", "regions"}
    assert {"us-east-1", "eu-central-1"} <= set(_by_code(catalogue["regions"]))
    assert "starter" in _by_code(catalogue["packages"])
    assert '"unit_price": 149.00' in answer.text
    assert "id" not in catalogue["services"][0]


def test_prices_are_numbers_with_the_currency_s_decimals(client: FlaskClient, editor: Headers) -> None:
    assert client.put("/api/v1/prices/radius-aaa/JPY", json={"unit_price": 20000}, headers=editor).status_code == 200
    prices = client.get("/api/v1/prices", headers=editor)
    assert '"unit_price": 149.00' in prices.text
    assert '"unit_price": 20000,' in prices.text
    assert {row["service_code"] for row in prices.get_json()} >= {"radius-aaa", "billing-invoicing"}


@pytest.mark.parametrize("path", ["services", "packages", "regions", "prices"])
def test_lists_need_a_token_and_come_in_pages(client: FlaskClient, editor: Headers, path: str) -> None:
    assert client.get(f"/api/v1/{path}").status_code == 401
    everything = client.get(f"/api/v1/{path}", headers=editor).get_json()
    seen, cursor = [], ""
    while cursor is not None:
        answer = client.get(f"/api/v1/{path}?limit=2{cursor and f'&cursor={cursor}'}", headers=editor)
        seen += answer.get_json()
        cursor = answer.headers.get("X-Next-Cursor")
    assert seen == everything
    assert len(seen) >= 3


def test_a_price_is_set_with_its_version(client: FlaskClient, editor: Headers) -> None:
    path = "/api/v1/prices/radius-aaa/USD"
    first = client.put(path, json={"unit_price": 10.5, "annual_discount_percent": 5}, headers=editor)
    assert first.status_code == 200
    assert '"unit_price": 10.50' in first.text
    current = editor | {"If-Match": first.headers["ETag"]}
    assert client.put(path, json={"unit_price": 11}, headers=current).status_code == 200
    assert client.put(path, json={"unit_price": 12}, headers=current).status_code == 412


def test_a_wrong_price_is_a_problem_with_a_pointer(client: FlaskClient, editor: Headers) -> None:
    answer = client.put("/api/v1/prices/radius-aaa/USD", json={"unit_price": -1}, headers=editor)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.get_json()["errors"]] == ["/unit_price"]
    answer = client.put("/api/v1/prices/radius-aaa/USD", json={"unit_price": 1, "owner_id": "x"}, headers=editor)
    assert answer.status_code == 422
    assert client.put("/api/v1/prices/warp-drive/USD", json={"unit_price": 1}, headers=editor).status_code == 404


def test_packages_are_made_read_and_replaced(client: FlaskClient, editor: Headers) -> None:
    body = {"code": "mine", "name": "Mine", "services": ["radius-aaa"]}
    assert client.post("/api/v1/packages", json=body, headers=editor).status_code == 201
    assert client.post("/api/v1/packages", json=body, headers=editor).status_code == 409
    shown = client.get("/api/v1/packages/mine", headers=editor)
    assert shown.get_json()["services"] == ["radius-aaa"]
    current = editor | {"If-Match": shown.headers["ETag"]}
    change = {"name": "Mine", "services": ["network-monitoring", "radius-aaa"]}
    changed = client.put("/api/v1/packages/mine", json=change, headers=current)
    assert changed.status_code == 200
    assert changed.get_json()["services"] == ["network-monitoring", "radius-aaa"]
    assert client.put("/api/v1/packages/mine", json=change | {"is_active": False}, headers=current).status_code == 412
    assert client.put("/api/v1/packages/nothing", json=change, headers=editor).status_code == 404


def test_a_service_is_added(client: FlaskClient, editor: Headers) -> None:
    made = client.post("/api/v1/services", json={"code": "warp-drive", "name": "Warp Drive"}, headers=editor)
    assert made.status_code == 201
    assert made.get_json()["prices"] == []
    assert client.post("/api/v1/services", json={"code": "Not A Code", "name": "x"}, headers=editor).status_code == 422


def test_who_may_only_read_changes_nothing(client: FlaskClient, token_for: TokenFor) -> None:
    reader = {"Authorization": f"Bearer {token_for('order.read')}"}
    assert client.put("/api/v1/prices/radius-aaa/USD", json={"unit_price": 1}, headers=reader).status_code == 403
    assert client.post("/api/v1/packages", json={}, headers=reader).status_code == 403
    assert client.put("/api/v1/packages/starter", json={}, headers=reader).status_code == 403
    assert client.post("/api/v1/services", json={}, headers=reader).status_code == 403
