"""Secret links: looked at freely, opened once, gone in time, and nowhere written down."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text, update

from app.core.clock import now
from app.core.errors import NotFound
from app.core.ids import OPERATOR_ID
from app.core.world import World
from app.domains.communications import service
from app.domains.communications.errors import BadSecretLink, SecretGone
from app.domains.communications.models import SecretLink
from app.factory import create_app
from app.jobs import JOBS
from tests.calls import perform

SECRET = "correct <horse> battery"
BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


def sealed(world: World, owner: UUID) -> str:
    with world.database.transaction(owner) as session:
        return world.vault.seal(session, "a password", SECRET)


def made(world: World, owner: UUID, secret: str | None = None, **options: Any) -> str:
    """The path of a new link."""
    secret = secret or sealed(world, owner)
    with world.database.transaction(owner) as session:
        address = service.make_secret_link(session, secret=secret, **options)
    assert address.startswith(f"{world.settings.public_url}/api/public/secrets/")
    return address.removeprefix(world.settings.public_url)


def is_sealed(world: World, owner: UUID, secret: str) -> bool:
    with world.database.transaction(owner) as session:
        try:
            return world.vault.open(session, secret) == SECRET
        except NotFound:
            return False


def test_a_link_is_looked_at_freely_and_opened_once(world: World, owner: UUID, client: FlaskClient) -> None:
    path = made(world, owner)
    for _ in range(3):
        looked = client.get(path)
        assert (looked.status_code, looked.json["is_waiting"]) == (200, True)
        assert SECRET not in looked.text
    opened = client.post(path)
    assert (opened.status_code, opened.json) == (200, {"secret": SECRET})
    assert opened.headers["Cache-Control"] == "no-store"
    for again in (client.get(path), client.post(path)):
        assert (again.status_code, again.json["code"]) == (404, "secret-gone")


def test_people_get_a_page_with_a_button(world: World, owner: UUID, client: FlaskClient) -> None:
    path = made(world, owner)
    asked = client.get(path, headers=BROWSER)
    assert asked.mimetype == "text/html"
    assert '<form method="post">' in asked.text
    assert "form-action 'self'" in asked.headers["Content-Security-Policy"]
    opened = client.post(path, headers={**BROWSER, "Content-Type": "application/x-www-form-urlencoded"})
    assert "<pre>correct &lt;horse&gt; battery</pre>" in opened.text
    gone = client.get(path, headers=BROWSER)
    assert (gone.status_code, gone.mimetype) == (404, "text/html")
    assert client.post(path, headers=BROWSER).status_code == 404


@pytest.mark.parametrize("token", ["nonsense", "x" * 500, "%00", "%ff"])
def test_a_token_that_nobody_made_opens_nothing(client: FlaskClient, token: str) -> None:
    assert client.get(f"/api/public/secrets/{token}").status_code == 404
    assert client.post(f"/api/public/secrets/{token}").status_code == 404


def test_of_many_at_once_one_gets_it(world: World, owner: UUID) -> None:
    app = create_app(world.settings, world)
    path = made(world, owner)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: app.test_client().post(path).status_code, range(6)))
    assert sorted(answers) == [200] + [404] * 5


def test_a_link_for_three_is_opened_three_times(world: World, owner: UUID) -> None:
    app = create_app(world.settings, world)
    path = made(world, owner, views=3)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: app.test_client().post(path).status_code, range(6)))
    assert sorted(answers) == [200] * 3 + [404] * 3


@pytest.mark.parametrize("takes_over", [True, False])
def test_a_secret_goes_with_the_link_that_it_was_sealed_for(
    world: World, owner: UUID, client: FlaskClient, takes_over: bool
) -> None:
    secret = sealed(world, owner)
    client.post(made(world, owner, secret, takes_over=takes_over))
    assert is_sealed(world, owner, secret) is not takes_over


@pytest.mark.parametrize("takes_over", [True, False])
def test_what_nobody_opens_in_time_is_cleared_away(
    world: World, owner: UUID, client: FlaskClient, takes_over: bool
) -> None:
    secret = sealed(world, owner)
    path = made(world, owner, secret, takes_over=takes_over)
    with world.database.transaction(owner) as session:
        session.execute(update(SecretLink).values(expires_at=now(session)))
    assert client.get(path).status_code == client.post(path).status_code == 404
    JOBS["expire_secret_links"].run(world)
    with world.database.transaction(owner) as session:
        assert session.query(SecretLink).all() == []
    assert is_sealed(world, owner, secret) is not takes_over


@pytest.mark.parametrize(
    "options", [{"views": 0}, {"views": 11}, {"expires_in": timedelta(0)}, {"expires_in": timedelta(days=91)}]
)
def test_a_link_has_bounds(world: World, owner: UUID, options: dict[str, Any]) -> None:
    with pytest.raises(BadSecretLink):
        made(world, owner, **options)


def test_nobody_links_to_the_secret_of_another(world: World, owner: UUID) -> None:
    with pytest.raises(NotFound):
        made(world, owner, sealed(world, OPERATOR_ID))


def test_a_mail_carries_links_to_what_steps_pass_on_sealed(
    world: World,
    owner: UUID,
    client: FlaskClient,
    token_for: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    params = {
        "template": "service_activated",
        "recipient": "ann@example.com",
        "variables": {"username": "ann"},
        "secrets": {"secret_url": sealed(world, owner)},
    }
    operation = world.operations["communications_service.send_template_email"]
    outcome = perform(operation, world.database, owner, **params)
    assert perform(operation, world.database, owner, **params).output == outcome.output
    with world.database.transaction(owner) as session:
        message = service.get_message(session, message_id=UUID(outcome.output["message_id"]))
        (link,) = session.query(SecretLink).all()
    assert (link.message_id, link.recipient) == (message.id, "ann@example.com")
    (path,) = set(re.findall(r"/api/public/secrets/[\w-]+", message.text + message.html))
    reader = {"Authorization": f"Bearer {token_for('message.read', owner_id=owner)}"}
    shown = client.get(f"/api/v1/messages/{message.id}", headers=reader).text
    assert "/api/public/secrets/..." in shown
    assert path not in shown
    assert client.post(path).json == {"secret": SECRET}
    with world.database.transaction(owner) as session:
        written = str(session.execute(text("SELECT data FROM outbox")).all())
        written += str(session.execute(text("SELECT object, before, after FROM audit_log")).all())
    token = path.rpartition("/")[2]
    for place in (written, caplog.text, str(outcome.output), str(outcome.effects)):
        assert token not in place
        assert SECRET not in place
    assert "secret_link" in written


def test_a_mail_that_is_withdrawn_takes_its_links_along(world: World, owner: UUID, client: FlaskClient) -> None:
    with world.database.transaction(owner) as session:
        message = service.queue_mail(
            session,
            template="secret_link",
            recipient="ann@example.com",
            variables={},
            secrets={"secret_url": world.vault.seal(session, "a password", SECRET)},
            key="k",
        )
        assert service.withdraw(session, message_id=message.id)
    (path,) = set(re.findall(r"/api/public/secrets/[\w-]+", message.text))
    assert client.post(path).status_code == 404


def test_who_opened_it_is_on_record(world: World, owner: UUID, client: FlaskClient) -> None:
    client.post(made(world, owner, recipient="ann@example.com"))
    with world.database.transaction(owner) as session:
        entries = session.execute(text("SELECT action, address, after FROM audit_log ORDER BY id")).all()
        (event,) = session.execute(text("SELECT type FROM outbox")).scalars()
    (created, opened) = [entry for entry in entries if entry.action.startswith("secret_link")]
    assert (created.action, created.after["recipient"]) == ("secret_link.created", "ann@example.com")
    assert (opened.action, opened.address, opened.after) == ("secret_link.opened", "127.0.0.1", {"views_left": 0})
    assert event == "secret_link.opened"


def test_looking_for_what_is_gone_says_no_more_than_that(world: World) -> None:
    with world.across.transaction() as session, pytest.raises(SecretGone):
        service.find_secret_link(session, token="x")
