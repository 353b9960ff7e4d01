"""Everything on one machine, from nothing: real servers and processes in a folder of the test's own."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from app.cli.up.kept import load_or_make
from app.embedded.errors import DataUnusable
from app.embedded.machine import free_port
from tests.servers import ROOT, eventually

START_SECONDS = 180
KEPT = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """That of a new user with free ports."""
    own = {name: value for name, value in os.environ.items() if name in KEPT}
    ports = {name: str(free_port()) for name in ("API_PORT", "ENDPOINTS_PORT", "FLOWER_PORT")}
    return own | ports | {"PYTHONPATH": str(ROOT), "TURNUP_VAR": str(tmp_path / "var")}


def _run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        env=environment,
        cwd=environment["TURNUP_VAR"].rpartition("/")[0],
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


@pytest.mark.xdist_group("up")
def test_a_first_start_a_kill_and_a_second_start_end_with_active_orders(
    environment: dict[str, str], tmp_path: Path
) -> None:
    var = tmp_path / "var"
    output = tmp_path / "output"
    with output.open("wb") as screen:
        first = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "up"], env=environment, cwd=tmp_path, stdout=screen, stderr=screen
        )
    try:
        eventually(
            lambda: "Everything is up" in output.read_text() or first.poll() is not None,
            within=START_SECONDS,
            what=f"the start that says {output.read_text()!r}",
        )
        said = output.read_text()
        assert first.poll() is None, said
        assert "active" in said

        kept = json.loads((var / "secrets.json").read_text())
        assert kept["administrator_password"] in said
        for file in (var / "secrets.json", var / "run" / "environment"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600

        # commands in another terminal find what runs here
        doctor = _run(environment, "doctor")
        assert doctor.returncode == 0, doctor.stdout
        (order,) = json.loads(_run(environment, "orders", "list", "--json").stdout)
        assert order["status"] == "active"
        assert "is running here already" in _run(environment, "up").stderr

        host = httpx.URL(order["activation_url"]).host
        with httpx.Client(trust_env=False) as http:
            health = http.get(f"http://127.0.0.1:{environment['ENDPOINTS_PORT']}/health", headers={"Host": host})
            assert health.json()["slug"] == order["organization_slug"]
            flower = f"http://127.0.0.1:{environment['FLOWER_PORT']}/flower/"
            assert http.get(flower).status_code == 401
            assert http.get(flower, auth=("operator", kept["flower_password"])).status_code == 200
        eventually(lambda: len(list((var / "mail").glob("*.eml"))) >= 3, what="confirmation, welcome and notice")
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()

    second = _run(environment, "up", "--once", "--json")
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout)["sample"]["order_number"] != order["order_number"]
    assert "Everything is stopped" in second.stderr
    assert json.loads((var / "secrets.json").read_text()) == kept
    assert not (var / "run" / "environment").exists()


def test_a_taken_port_is_said_before_anything_starts(environment: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", int(environment["API_PORT"]))):
        said = _run(environment, "up")
    assert said.returncode == 1
    assert f"Port {environment['API_PORT']}, which the API needs, is taken" in said.stderr
    assert "API_PORT" in said.stderr
    assert not (tmp_path / "var" / "postgres").exists()


def test_kept_secrets_are_the_same_at_the_next_start(tmp_path: Path) -> None:
    first = load_or_make(tmp_path)
    assert load_or_make(tmp_path) == first
    assert first.administrator_password not in repr(first)


def test_lost_secrets_are_not_replaced_beside_a_database_that_needs_them(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "pgdata").mkdir(parents=True)
    with pytest.raises(DataUnusable, match="is gone"):
        load_or_make(tmp_path)
    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(DataUnusable, match="is damaged"):
        load_or_make(tmp_path)
