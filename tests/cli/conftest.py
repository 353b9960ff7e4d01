"""The command line, called as a person calls it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from app.cli import main
from app.core.settings import Settings
from app.core.world import World


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Turnup = Callable[..., Said]


@pytest.fixture
def turnup(capsys: pytest.CaptureFixture[str]) -> Turnup:
    """`turnup ...` in the environment as it is."""

    def call(*arguments: str) -> Said:
        code = main(list(arguments))
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return call


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch, settings: Settings, world: World) -> Settings:
    """The environment of an installation whose servers run."""
    for name in [name for name in os.environ if name.startswith("TURNUP_") or name.endswith("_URL")]:
        monkeypatch.delenv(name)
    for name, value in settings.environment_variables().items():
        monkeypatch.setenv(name, value)
    return settings
