"""Every step of every built-in workflow breaks, once for good and once in passing.

For good: everything before it is undone, and every row that stands is as it was. In passing: it is tried again and all is
done once.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.cases import CASES, Case
from tests.workflows.frame import differences, standing
from tests.workflows.office import Office, failing

STEPS = [
    pytest.param(case, step, id=f"{case.workflow}-{step['name']}") for case in CASES.values() for step in case.calls
]


def operation_of(step: dict[str, Any]) -> str:
    return f"{step['service']}.{step['method']}"


@pytest.mark.parametrize(("case", "step"), STEPS)
def test_a_step_that_fails_for_good_leaves_everything_as_it_was(
    office: Office, case: Case, step: dict[str, Any]
) -> None:
    context = case.prepare(office)
    before = standing(office)
    with failing(office, step["name"], operation_of(step), permanent=True) as attempts:
        execution = case.run(office, context)
    assert len(attempts) == 1
    states = office.step_states(execution.id)
    assert states[step["name"]] in {"failed", "compensated"}
    if not step.get("critical", True):
        assert execution.state == "completed", execution.error
        return
    assert (execution.state, execution.rollback) in {("failed", "done"), ("failed", "none")}, execution.error
    assert execution.error is not None
    assert execution.error["step"] == step["name"]
    assert differences(before, standing(office)) == []


@pytest.mark.parametrize(("case", "step"), STEPS)
def test_a_step_that_fails_in_passing_is_done_once_and_all_is_done(
    office: Office, case: Case, step: dict[str, Any]
) -> None:
    context = case.prepare(office)
    with failing(office, step["name"], operation_of(step), permanent=False):
        execution = case.run(office, context)
    assert execution.state == "completed", execution.error
    assert set(office.step_states(execution.id).values()) <= {"completed", "skipped"}
    office.everything()
    assert office.count("customers") <= 1
    assert office.count("orders") <= 1
    assert office.count("payments") <= 1
    assert office.count("refunds") == 0
    assert office.count("invoices") <= 1
    assert office.count("subscriptions") <= 1
    assert office.count("deployment_instances") <= 1
