"""Outside systems by hand."""

from __future__ import annotations

import secrets

from sqlalchemy import text

from app.core.world import World
from tests.cli.conftest import Turnup


def test_an_open_breaker_is_shown_and_closed(turnup: Turnup, installation: object, world: World) -> None:
    name = f"system-{secrets.token_hex(6)}"
    with world.across.transaction() as session:
        session.execute(
            text(
                "INSERT INTO integrations (name, state, failures, openings, opened_at, retry_at, last_error) "
                "VALUES (:name, 'open', 5, 1, now(), now() + interval '1 hour', 'ConnectError: refused')"
            ),
            {"name": name},
        )
    shown = {each["name"]: each for each in turnup("integrations", "list", "--json").document}[name]
    assert (shown["state"], shown["failures"], shown["last_error"]) == ("open", 5, "ConnectError: refused")
    assert name in turnup("integrations", "list").out
    assert turnup("integrations", "reset", name, "--reason", "mended").out == f"{name} is asked again.\n"
    assert turnup("integrations", "reset", name, "--json").document["state"] == "closed"
    assert turnup("integrations", "reset", "nothing").err == "Integration 'nothing' not found\n"
