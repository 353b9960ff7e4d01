"""The fault programme in its short form: every kind of fault once within a minute, several at a time, and then the count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.faults import FAULTS
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
