"""Calls that end with an execution, and events that are waited for until a moment, in memory."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.loader import load, validate
from pipelines.operations import Call, Catalogue, Started
from pipelines.testing import Unanswered, run
from tests.pipelines.documents import flow, wait

OUTCOMES: list[dict[str, Any] | None] = []
CALLS = Catalogue()


def _came_of(_call: Call) -> dict[str, Any] | None:
    return OUTCOMES.pop()


@CALLS.operation("calls.end_with", starts=True, finds=_came_of)
def end_with(_call: Call) -> Started:
    """Start something."""
    return Started(7)


STEP = {"name": "call", "type": "service_call", "service": "calls", "method": "end_with"}


def test_a_call_that_starts_an_execution_has_the_output_that_is_found_of_it() -> None:
    OUTCOMES[:] = [{"thing": 1}]
    outcome = run(load(flow(STEP), CALLS), CALLS)
    assert outcome.steps["call"].output == {"thing": 1}


def test_an_execution_that_goes_on_would_be_waited_for_for_ever() -> None:
    OUTCOMES[:] = [None]
    with pytest.raises(Unanswered, match="does not end here"):
        run(load(flow(STEP), CALLS), CALLS)


def test_an_event_that_is_waited_for_until_a_moment_need_not_come() -> None:
    steps = flow(wait("w", event="quote.accepted", until="2031-01-31", on_timeout="continue"))
    outcome = run(load(steps, CALLS), CALLS)
    assert outcome.steps["w"].output == {"timed_out": True, "event": None}
    found = run(load(steps, CALLS), CALLS, events={"quote.accepted": [{"quote_id": "q1"}]})
    assert found.steps["w"].output["timed_out"] is False


def test_a_moment_goes_with_an_event_and_with_nothing_else() -> None:
    both = flow(wait("w", seconds=1, until="2031-01-31"))
    faults = [(fault.pointer, fault.message) for fault in validate(both, CALLS).faults]
    assert faults == [("/steps/0", "takes only one of seconds, until or event, not seconds and until")]
    three = flow(wait("w", seconds=1, event="quote.accepted", until="2031-01-31"))
    faults = [(fault.pointer, fault.message) for fault in validate(three, CALLS).faults]
    assert faults == [("/steps/0", "takes only one of seconds, until or event, not seconds and event")]
