"""The doctor says what is wrong and what to do."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from app.core.settings import Settings
from tests.cli.conftest import Turnup


def test_a_new_key_seals(turnup: Turnup) -> None:
    key = turnup("doctor", "--new-key").out.strip()
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"sealed")) == b"sealed"


def test_what_runs_is_fine_and_what_does_not_is_named(turnup: Turnup, installation: Settings) -> None:
    said = turnup("doctor", "--json")
    found = {check["name"]: check for check in said.document["checks"]}
    for name in ("application role", "system role", "owner role", "provisioner role", "isolation", "migrations"):
        assert found[name]["is_fine"], found[name]
    assert found["redis"]["is_fine"]
    assert found["mail"]["is_fine"]
    # nobody has started the API here
    assert said.code == 1
    assert found["api"]["is_fine"] is False
    assert "worker.sh api" in found["api"]["advice"]


def test_a_database_that_is_away_is_said_without_its_password(
    turnup: Turnup, installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://turnup_app:top-secret@127.0.0.1:9/turnup")
    said = turnup("doctor")
    assert said.code == 1
    assert "DATABASE_URL" in said.out
    assert "top-secret" not in said.out + said.err
    listed = turnup("orders", "list")
    assert listed.code == 1
    assert "The database does not answer" in listed.err
    assert "top-secret" not in listed.err


def test_a_wrong_environment_is_a_finding(turnup: Turnup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNUP_NONSENSE", "1")
    said = turnup("doctor")
    assert said.code == 1
    assert "TURNUP_NONSENSE" in said.out


def test_an_event_bus_that_is_away_is_said_without_its_password(
    turnup: Turnup, installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_BUS_TYPE", "kafka")
    monkeypatch.setenv("EVENT_BUS_URL", "kafka://me:top-secret@127.0.0.1:9/events?security.protocol=SASL_PLAINTEXT")
    said = turnup("doctor", "--json")
    found = {check["name"]: check for check in said.document["checks"]}
    assert found["event bus"]["is_fine"] is False
    assert "EVENT_BUS_URL" in found["event bus"]["advice"]
    assert "top-secret" not in said.out + said.err
