"""The README keeps its word: its table is that of the settings, its commands run, its example is an operation."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import httpx
import pytest

from app.cli.installation import keep_environment
from app.core.ids import OPERATOR_ID
from app.core.settings import Settings
from app.core.world import World
from app.domains.tenants import service as tenants
from app.embedded.machine import free_port
from app.factory import joined_operations
from pipelines.loader import load, parse, validate
from pipelines.testing import run
from tests.readme import README, blocks, with_settings
from tests.servers import PATH, ROOT, eventually, running

PASSWORD = "a-password-of-the-readme"

# every curl of the README tells its status, so that a refusal is seen wherever its answer goes
_FIRST = """
set -euo pipefail
curl() { command curl --max-time 120 --write-out '%{stderr}%{http_code}\\n' "$@" 2>>"$STATUSES"; }
"""
_TURNUP = """#!/bin/sh
exec "{python}" -m app.cli "$@"
"""


def test_the_table_of_settings_is_the_settings_own() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == with_settings(text), "run `python -m tests.readme`"


def test_links_lead_somewhere() -> None:
    documents = [README, *ROOT.glob("docs/**/*.md"), ROOT / "CHANGELOG.md"]
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in documents
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert broken == []


@pytest.fixture
def installation(live_settings: Settings, live_world: World, workers: Settings, tmp_path: Path) -> Iterator[Settings]:
    """What `make up` leaves running, seen from its folder: the API, an administrator, var/run/environment."""
    port = free_port()
    own = replace(
        live_settings,
        api_port=port,
        public_url=f"http://127.0.0.1:{port}",
        admin_email="readme@example.com",
        admin_password=PASSWORD,
    )
    with live_world.database.transaction(OPERATOR_ID) as session:
        tenants.seed_administrator(session, email=own.admin_email, password=own.admin_password)
    keep_environment(tmp_path / "var", own.environment_variables())
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "-c", "app/gunicorn.conf.py", "app.wsgi:app"]
    with running(own, {"readme_api": command}):
        eventually(lambda: _is_ready(own.public_url), what="the API")
        yield own


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def test_the_commands_run_as_they_stand(installation: Settings, tmp_path: Path) -> None:
    marked = blocks()
    statuses = tmp_path / "statuses"
    script = _FIRST + "".join(f'echo "#" >>"$STATUSES"\n{block.script}\n' for block in marked)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={"PATH": f"{_with_turnup(tmp_path)}:{os.environ['PATH']}", "PYTHONPATH": PATH, "STATUSES": str(statuses)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{statuses.read_text()}"
    answers = [[int(status) for status in group.split()] for group in statuses.read_text().split("#\n")[1:]]
    refused = [[status for status in group if not 200 <= status < 300] for group in answers]
    assert refused == [[block.refusal] if block.refusal else [] for block in marked], done.stdout
    for word in ('"status": "active"', '"status": "cancelled"', '"valid": true', '"status": "completed"', _canvas()):
        assert word in done.stdout


def _with_turnup(folder: Path) -> Path:
    program = folder / "bin" / "turnup"
    program.parent.mkdir()
    program.write_text(_TURNUP.format(python=sys.executable))
    program.chmod(0o755)
    return program.parent


def _canvas() -> str:
    found = re.search(r"```text\n(chain\(.*\))\n```", README.read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def test_the_guide_s_definition_can_run() -> None:
    guide = (ROOT / "docs" / "definitions.md").read_text(encoding="utf-8")
    found = re.search(r"```yaml\n(.*?)```", guide, re.DOTALL)
    assert found is not None
    report = validate(parse(found[1]), joined_operations())
    assert (report.faults, report.warnings) == ((), ())


class _Registry(BaseHTTPRequestHandler):
    """The other side of the README's operation: reservations, made once per key."""

    made: ClassVar[dict[str, str]] = {}
    numbers: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if body["area"] == "full":
            self._answer(409, {})
            return
        reservation = self.made.setdefault(self.headers["Idempotency-Key"], f"r{len(self.made) + 1}")
        self.numbers.append(reservation)
        self._answer(201, {"id": reservation, "area": body["area"], "count": body["count"]})

    def do_DELETE(self) -> None:
        reservation = self.path.rpartition("/")[2]
        found = reservation in self.numbers
        if found:
            self.numbers.remove(reservation)
        self._answer(200 if found else 404, {})

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the library
        """Nothing: the tests say what they want to know."""


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Registry]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Registry)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("NUMBER_REGISTRY_URL", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    _Registry.made.clear()
    _Registry.numbers.clear()
    yield _Registry
    server.shutdown()
    server.server_close()
    thread.join()


def _example() -> ModuleType:
    found = re.search(r"```python\n(# acme_turnup.py\n.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    module = ModuleType("acme_turnup")
    exec(compile(found[1], "README.md", "exec"), module.__dict__)
    return module


def _reserving(area: str, *more: dict[str, Any]) -> dict[str, Any]:
    step = {
        "name": "reserve",
        "type": "service_call",
        "service": "number_service",
        "method": "reserve",
        "params": {"area": area, "count": 5},
    }
    return {"name": "reserving", "steps": [step, *more]}


def test_the_example_operation_reserves(registry: type[_Registry]) -> None:
    operations = _example().OPERATIONS
    outcome = run(load(_reserving("oslo"), operations), operations)
    assert outcome.state == "completed"
    assert outcome.result["reserve"]["reservation"] == {"id": "r1", "area": "oslo", "count": 5}
    assert registry.numbers == ["r1"]


def test_the_example_operation_is_undone(registry: type[_Registry]) -> None:
    operations = _example().OPERATIONS
    failing = {"name": "fails", "type": "condition", "condition": "1 > 2"}
    outcome = run(load(_reserving("oslo", failing), operations), operations)
    assert (outcome.state, outcome.rollback) == ("failed", "done")
    assert registry.numbers == []


def test_the_example_operation_does_not_insist_where_nothing_is_free(registry: type[_Registry]) -> None:
    operations = _example().OPERATIONS
    outcome = run(load(_reserving("full"), operations), operations)
    assert outcome.state == "failed"
    assert outcome.steps["reserve"].attempts == 1
