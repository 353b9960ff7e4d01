"""Orders, executions and users by hand."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from sqlalchemy import text

from app.core.ids import OPERATOR_ID, new_id
from app.core.world import World
from app.domains.sales import service as sales
from tests.cli.conftest import Turnup

pytestmark = pytest.mark.usefixtures("installation")


@pytest.fixture
def draft(world: World) -> Callable[..., tuple[int, str]]:
    """A draft order of the operator: its id and number."""

    def make(company: str = "Example ISP Inc.") -> tuple[int, str]:
        with world.database.transaction(OPERATOR_ID) as session:
            order = sales.quick_order(
                session,
                email="admin@example.com",
                name="John Smith",
                company=company,
                package_code="starter",
                organization_slug=f"cli-{new_id().hex[-12:]}",
            )
            return order.id, order.order_number

    return make


def test_an_order_is_listed_and_shown_as_the_api_shows_it(turnup: Turnup, draft) -> None:
    order_id, number = draft()
    listed = turnup("orders", "list", "--status", "draft", "--json").document
    assert number in [order["order_number"] for order in listed]
    shown = turnup("orders", "show", number.lower(), "--json").document
    assert (shown["id"], shown["total_amount"], len(shown["items"])) == (order_id, 348.0, 2)
    assert [entry["to_status"] for entry in shown["history"]] == ["draft"]


def test_tables_fit_a_hundred_columns_and_cannot_steer_the_terminal(turnup: Turnup, draft) -> None:
    _, number = draft("The \x1b[31mInternet Company of the Longest Name in the Whole Wide World " + "and More " * 12)
    said = turnup("orders", "list", "--search", number)
    assert number in said.out
    assert "\x1b" not in said.out
    assert max(len(line) for line in said.out.splitlines()) <= 100


def test_submitting_and_cancelling_is_done_as_cli(turnup: Turnup, draft, world: World) -> None:
    order_id, number = draft()
    submitted = turnup("orders", "submit", str(order_id), "--no-auto-activate", "--json").document
    assert submitted["status"] == "submitted"
    execution_id = submitted["execution_id"]
    execution = turnup("executions", "show", str(execution_id), "--json").document
    assert execution["correlation_id"] == number
    assert "activate_subscriber_provisioning" in execution["canvas"]
    said = turnup("orders", "cancel", number, "--reason", "a test")
    assert said.code == 0
    assert "is cancelled" in said.out
    with world.database.transaction(OPERATOR_ID) as session:
        actors = session.scalars(
            text("SELECT DISTINCT actor FROM audit_log WHERE object = :order"), {"order": f"order/{order_id}"}
        ).all()
    assert "cli" in actors


def test_what_is_refused_is_a_sentence(turnup: Turnup, draft) -> None:
    order_id, _ = draft()
    assert turnup("orders", "process", str(order_id)).err == "The order is a draft: submit it first.\n"
    assert turnup("orders", "show", "ORD-20200101-NOTTHERE").err == "There is no such order.\n"
    said = turnup("orders", "watch", str(order_id))
    assert (said.code, said.out) == (1, "")
    assert "turnup orders submit" in said.err


def test_an_order_that_has_ended_is_watched_to_its_end(turnup: Turnup, draft) -> None:
    order_id, number = draft()
    turnup("orders", "cancel", str(order_id))
    said = turnup("orders", "watch", number, "--json")
    assert said.code == 1
    assert said.document["status"] == "cancelled"


def test_another_tenant_sees_nothing_of_it(turnup: Turnup, draft, world: World, owner) -> None:
    order_id, _ = draft()
    with world.across.transaction() as session:
        slug = session.scalar(text("SELECT slug FROM tenants WHERE id = :owner"), {"owner": owner})
    assert turnup("orders", "show", str(order_id), "--owner", slug).err == "There is no such order.\n"
    assert turnup("orders", "list", "--owner", slug, "--json").document == []
    assert "no tenant" in turnup("orders", "list", "--owner", "nobody-here").err


def test_a_user_is_made_once_with_a_password_from_outside(turnup: Turnup, monkeypatch: pytest.MonkeyPatch) -> None:
    email = f"{new_id().hex}@example.com"
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery staple\n"))
    said = turnup("user", "create", email, "--role", "sales", "--password-stdin", "--json")
    assert said.document["roles"] == ["sales"]
    assert "horse" not in said.out
    again = turnup("user", "create", email, "--role", "sales", "--generate")
    assert again.code == 1
    assert "Another user has this e-mail address." in again.err
    unknown = turnup("user", "create", f"x{email}", "--role", "king", "--generate")
    assert "There is no role “king”." in unknown.err
