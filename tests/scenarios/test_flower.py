"""What an operator sees in Flower: each step under its operation's name, failures as such, and nothing without the login."""

from __future__ import annotations

import sys

import httpx

from app.core.settings import Settings
from app.embedded.machine import free_port
from tests.scenarios.conftest import Engine, step
from tests.servers import eventually, running


def test_flower_shows_steps_by_name_and_state_behind_its_login(settings: Settings, engine: Engine) -> None:
    port = free_port()
    command = [sys.executable, "-m", "celery", "-A", "tasks.worker", "flower", "--address=127.0.0.1", f"--port={port}"]
    command += ["--url_prefix=flower", "--basic_auth=operator:secret"]
    address = f"http://127.0.0.1:{port}/flower/api/tasks"

    def states(auth: tuple[str, str] | None = ("operator", "secret")) -> dict[str, set[str]] | int | None:
        try:
            answer = httpx.get(address, auth=auth, trust_env=False, timeout=10)
        except httpx.TransportError:
            return None
        if answer.status_code != httpx.codes.OK:
            return answer.status_code
        found: dict[str, set[str]] = {}
        for task in answer.json().values():
            found.setdefault(str(task["name"]), set()).add(str(task["state"]))
        return found

    with running(settings, {"flower": command}):

        def listens() -> bool:
            engine.run([step("probe", "quiet")])
            seen = states()
            return isinstance(seen, dict) and "test_service.quiet" in seen

        eventually(listens, within=60, what="Flower's listening")
        assert states(auth=None) == httpx.codes.UNAUTHORIZED
        engine.run(
            [
                step("good", "quiet"),
                step("flaky", "outside", params={"fail": 1}),
                {"name": "bad", "type": "condition", "condition": "1 > 2"},
            ]
        )

        def shown() -> bool:
            seen = states()
            return (
                isinstance(seen, dict)
                and "SUCCESS" in seen.get("test_service.quiet", ())
                and {"RETRY", "SUCCESS"} <= seen.get("test_service.outside", set())
                and "FAILURE" in seen.get("engine.condition", ())
                and "SUCCESS" in seen.get("test_service.unnote", ())
            )

        eventually(shown, what="Flower's showing the steps")
