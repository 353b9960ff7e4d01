"""What holds for every command."""

from __future__ import annotations

import pytest
from click import Command, Group

from app.cli.program import turnup as program
from tests.cli.conftest import Turnup


def _leaves(command: Command, path: str) -> list[tuple[str, Command]]:
    if isinstance(command, Group):
        return [leaf for name, child in command.commands.items() for leaf in _leaves(child, f"{path} {name}")]
    return [(path, command)]


@pytest.mark.parametrize(("path", "command"), _leaves(program, "turnup"))
def test_every_command_has_a_help_and_json(path: str, command: Command) -> None:
    assert command.help, path
    assert any("--json" in parameter.opts for parameter in command.params), path


def test_a_wrong_command_line_is_told_from_a_failure_by_its_exit_code(turnup: Turnup) -> None:
    assert turnup("orders", "fly").code == 2
    assert turnup("orders", "show").code == 2
    assert turnup("jobs", "run", "nothing").code == 1


def test_without_an_installation_a_sentence_says_how_to_get_one(
    turnup: Turnup, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    for name in ("DATABASE_URL", "SYSTEM_DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TURNUP_VAR", str(tmp_path))
    said = turnup("orders", "list")
    assert said.code == 1
    assert "turnup up" in said.err
    assert "Traceback" not in said.err


def test_a_setting_that_cannot_be_is_told_by_name(turnup: Turnup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "many")
    said = turnup("orders", "list")
    assert said.code == 1
    assert "API_PORT must be a whole number." in said.err
