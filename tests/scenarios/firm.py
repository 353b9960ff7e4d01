"""A seller with all that the built-in workflows need, over real workers: asked by HTTP, compared by its rows, mails and books."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from typing import Any

from flask.testing import FlaskClient
from turnup_test_services.deaths import deaths_of

from app.core.world import World
from app.domains.deployments import service as deployments
from app.domains.workflows import service as workflows
from app.embedded.mail import MailServer
from tests.domains.workflows.lab import Recorder
from tests.scenarios.remains import tenant_answer
from tests.servers import Json, eventually
from tests.workflows.office import Office, open_office

PERMISSIONS = (
    *("lead.create", "lead.qualify", "quote.create", "quote.read", "quote.accept"),
    *("workflow:execute", "workflow:view"),
)
WITHIN_SECONDS = 240.0
"""Also on a machine that others use: a step that loses its worker waits for its lease to end."""

_GOES_ON = """
    SELECT (SELECT count(*) FROM outbox WHERE handled_at IS NULL)
      + (SELECT count(*) FROM workflow_executions WHERE state IN ('pending', 'running', 'waiting') OR rollback IN ('pending', 'running'))
      + (SELECT count(*) FROM messages WHERE status NOT IN ('delivered', 'withdrawn'))
    """


@dataclass(frozen=True)
class Firm:
    """One seller. `office`: what is set up and compared; nothing is worked off in this process."""

    office: Office
    client: FlaskClient
    mail_server: MailServer
    token: str

    def ask(self, path: str, document: Json, *, expect: int) -> Json:
        """What the API answers; by a client of its own, so that threads may ask at once."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.client.application.test_client().post(f"/api/v1{path}", json=document, headers=headers)
        assert answer.status_code == expect, answer.get_data(as_text=True)
        answered: Json = answer.get_json()
        return answered

    def start(self, workflow: str, **context: Any) -> int:
        return int(self.ask(f"/workflows/execute/{workflow}", context, expect=202)["execution_id"])

    def accept_offer(self) -> None:
        """As staff does for the customer, once there is an open quote."""
        found = eventually(
            lambda: self.office.rows("SELECT id FROM quotes WHERE status = 'open'"),
            within=WITHIN_SECONDS,
            what="a quote to be accepted",
        )
        self.ask(f"/quotes/{found[0].id}/accept", {"accepted_by": "Ada Lovelace"}, expect=200)

    def completed(self, execution_id: int) -> workflows.WorkflowExecution:
        """The execution once it has ended, which is well, and nothing goes on that came of it."""
        execution = self.office.ended(execution_id, within=WITHIN_SECONDS)
        assert execution.state == "completed", (execution.error, self.office.states(execution_id))
        self.quiet()
        return execution

    def quiet(self) -> None:
        """Return when nothing of the seller goes on or is on its way."""
        eventually(
            lambda: self.office.rows(_GOES_ON)[0][0] == 0, within=WITHIN_SECONDS, what="the end of all that goes on"
        )

    def started_by_event(self, workflow: str) -> int:
        """The number of the only execution of that workflow, once there is one."""
        (execution,) = eventually(lambda: self.office.executions(workflow), what=f"an event to start {workflow}")
        return execution.id

    # --- workers that die -------------------------------------------------------------------------------------------------

    def lose_workers(self) -> None:
        """From now on each step costs a worker its child, once."""
        deaths_of(self.office.world.settings.var_dir, self.office.owner).mkdir(parents=True)

    def survivors(self) -> set[str]:
        """The steps that were carried out and cost nobody's life; of all executions since `lose_workers`."""
        died = {path.name for path in deaths_of(self.office.world.settings.var_dir, self.office.owner).iterdir()}
        since = min(int(name.partition(".")[0]) for name in died)
        rows = self.office.rows(
            "SELECT execution_id, sequence_number, step_name FROM workflow_steps "
            "WHERE execution_id >= :since AND state = 'completed'",
            since=since,
        )
        return {row.step_name for row in rows if f"{row.execution_id}.{row.sequence_number}" not in died}

    # --- what is there outside --------------------------------------------------------------------------------------------

    def charges(self) -> dict[str, str]:
        """What the sandbox's own books say was charged, by reference: all sellers' charges."""
        path = self.office.world.settings.var_dir / "payments" / "sandbox.sqlite3"
        if not path.exists():
            return {}
        with closing(sqlite3.connect(path)) as books:
            return dict(books.execute("SELECT reference, amount FROM payments").fetchall())

    def mails(self, recipient: str) -> list[str]:
        """The Message-IDs of what the SMTP server has taken for a recipient: that of a message is always the same."""
        mails = (message_from_bytes(path.read_bytes(), policy=default) for path in self.mail_server.mails())
        return [str(mail["Message-ID"]) for mail in mails if mail["X-Envelope-To"] == recipient]

    def deployed(self) -> list[str]:
        """The slugs of the tenants that were made and answer under their host names."""
        slugs = [
            row.slug for row in self.office.rows("SELECT slug FROM tenants WHERE id <> :owner", owner=self.office.owner)
        ]
        return [slug for slug in slugs if tenant_answer(self.office.world.settings, slug).status_code == 200]


def open_firm(world: World, client: FlaskClient, mail_server: MailServer, token_for: Callable[..., str]) -> Firm:
    """A seller of the test's own, whose customers' tenants are deployed on this machine."""
    office = open_office(world, Recorder())
    with office.session() as session:
        deployments.create_template(
            session, fields={"name": "on-this-machine", "deployment_type": "local", "is_default": True}
        )
    return Firm(office, client, mail_server, token_for(*PERMISSIONS, owner_id=office.owner))
