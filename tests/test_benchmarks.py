"""What the benchmark makes of its figures; the measuring itself is no test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import bars, report
from benchmarks.compare import Figures, ratios
from benchmarks.workload import SEVEN, blocks, fan_out

GOOD = {"L": 0.7, "T": 1.8, "O": 0.5, "C": 0.7, "cpu": 0.6, "T_dbos": 1.5}


def written(**changes: float) -> dict[str, Any]:
    return {
        "events_on": {"hop": GOOD},
        "events_off": {"hop": GOOD | changes},
        "counts": {"hop": {"write_tx": 8.0, "redis_commands": 46.0}},
    }


def test_a_figure_past_its_bar_fails_and_the_others_hold():
    failed = [(v.part, v.bar.figure) for v in bars.verdicts(written(L=0.86)) if not v.holds]
    assert failed == [("events_off", "L")]


def test_a_rate_below_its_bar_fails():
    assert [v.bar.figure for v in bars.verdicts(written(T=1.24)) if not v.holds] == ["T"]


def test_what_was_not_measured_does_not_hold():
    found = written()
    del found["events_on"]["hop"], found["events_off"]["hop"]["T_dbos"]
    assert [v.bar.figure for v in bars.verdicts(found) if not v.holds] == ["T_dbos"]


def test_ratios_are_medians_of_each_rounds_own():
    def turns(*latencies: float) -> list[Figures]:
        return [Figures(L=each, L_p95=each, T=1, O=1, C=1, cpu=1) for each in latencies]

    found = ratios({"hop": turns(1, 10, 4), "celery": turns(2, 10, 1)}, "hop")
    assert found == {"L": 1, "T": 1, "O": 1, "C": 1, "cpu": 1}


def test_shapes_have_as_many_steps_as_they_say():
    assert [len(shape) for shape in (SEVEN, blocks(100), fan_out(999))] == [7, 1000, 1000]


def test_the_page_takes_figures_between_its_marks_only(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write({}, page)
    assert page.read_text() == f"before\n{report.BEGIN}\n\n\n{report.END}\nafter\n"


def test_a_page_without_marks_is_left_alone(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    with pytest.raises(ValueError, match="no place"):
        report.write({}, page)
    assert page.read_text() == "nothing\n"
