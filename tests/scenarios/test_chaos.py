"""The fault programme in its short form: every kind of fault once within a minute, several at a time, and then the count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.faults import FAULTS
from chaos.history import gaps
from tests.servers import ROOT

SECONDS, ORDERS, LEASE = "60", "40", "10"
LONGEST_SECONDS = 900  # on a machine that others use, too


@pytest.mark.xdist_group("chaos")
def test_nothing_is_lost_doubled_or_stuck_whatever_breaks(tmp_path: Path) -> None:
    written = tmp_path / "chaos.json"
    environment = {**os.environ, "SECONDS": SECONDS, "ORDERS": ORDERS, "LEASE": LEASE}
    run = subprocess.run(
        [sys.executable, "-m", "chaos", "--at-once", "--output", str(written)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found = json.loads(written.read_text())
    counts = {name: found[name] for name in ("lost", "doubled", "stuck", "leftovers", "history")}
    assert counts == dict.fromkeys(counts, 0)
    assert found["orders"] == int(ORDERS)
    happened = {fault["fault"] for fault in found["faults"]}
    # whoever is to die at a boundary has to come by it in time
    assert len(FAULTS) - len(happened) <= 3, set(FAULTS) - happened


STEPS = [
    {"sequence_number": 0, "step_name": "a", "step_type": "service_call", "parent_number": None, "state": "completed"},
    {"sequence_number": 1, "step_name": "b", "step_type": "service_call", "parent_number": None, "state": "completed"},
]
HISTORY: list[tuple[str | None, str, str, list[int]]] = [
    (None, "pending", "running", [0]),
    ("a", "pending", "running", []),
    ("a", "running", "completed", [1]),
    ("b", "pending", "running", []),
    ("b", "running", "completed", []),
    (None, "running", "completed", []),
]


def found_in(history: list[tuple[str | None, str, str, list[int]]], *, state: str = "completed") -> list[str]:
    names = ("step_name", "from_state", "to_state", "released")
    events = [{"id": number, **dict(zip(names, row, strict=True))} for number, row in enumerate(history)]
    steps = [step | {"definition": {"depends_on": needs}} for step, needs in zip(STEPS, ([], ["a"]), strict=True)]
    return gaps({"state": state}, steps, events)


def test_a_whole_history_has_no_gap() -> None:
    assert found_in(HISTORY) == []


@pytest.mark.parametrize("missing", range(len(HISTORY)))
def test_every_missing_transition_is_a_gap(missing: int) -> None:
    assert found_in(HISTORY[:missing] + HISTORY[missing + 1 :])


def test_a_history_that_tells_of_more_or_of_other_ends_is_seen() -> None:
    early = [HISTORY[0], HISTORY[1], HISTORY[3], HISTORY[2], *HISTORY[4:]]
    assert found_in(early) == ["b: began before it was released"]
    twice = [*HISTORY[:3], *HISTORY[1:]]
    assert any("goes from pending to running, and was completed" in gap for gap in found_in(twice))
    assert any("the history ends completed, and it is failed" in gap for gap in found_in(HISTORY, state="failed"))
    nobody = [*HISTORY[:2], ("a", "running", "completed", []), *HISTORY[3:]]
    assert found_in(nobody) == ["b: was released 0 times"]
