"""Issuing a license in a workflow, and its undo."""

from __future__ import annotations

from contextlib import ExitStack
from uuid import UUID

import pytest

from app.core.ids import new_id
from app.domains.licensing import service
from app.domains.licensing.operations import OPERATIONS
from pipelines.errors import StepFailed
from tests.calls import DirectCall, perform


def issue(database, owner, *, key="key", name="license_service.issue_license", **params):
    """The step of that key; returns its output and its effects."""
    operation = OPERATIONS[name]
    with ExitStack() as stack:
        call = DirectCall(database, owner, idempotency_key=key, _stack=stack)
        return operation.function(call, **operation.bind(params)), call.effects


def test_a_license_is_issued_and_its_undo_revokes_it(database, seller, customer):
    output, (effect,) = issue(database, seller, customer_id=str(customer), license_template_id="standard", seats=3)
    shown = output["license"]
    assert output["license_id"] == shown["id"] == effect.reference
    assert (shown["seats"], shown["status"], shown["expires_at"]) == (3, "active", None)
    assert {"license_key", "token", "features", "issued_at"} < set(shown)
    undo = OPERATIONS[OPERATIONS["license_service.issue_license"].undone_by]
    for _ in range(2):
        assert perform(undo, database, seller, **effect.undo).output["license"]["status"] == "revoked"


def test_another_attempt_of_the_step_finds_its_license(database, seller, customer):
    params = {"customer_id": str(customer), "license_template_id": "standard"}
    (first, effects), (second, again) = (issue(database, seller, **params) for _ in range(2))
    assert first == second
    assert effects == again
    other, _ = issue(database, seller, key="another step", **params)
    assert other["license_id"] != first["license_id"]


def test_a_license_of_the_subscription_is_returned_and_is_not_the_second_step_s_to_revoke(database, seller, customer):
    params = {"customer_id": str(customer), "license_template_id": "standard", "subscription_id": str(new_id())}
    first, effects = issue(database, seller, **params)
    second, none = issue(database, seller, key="another step", **params)
    assert second == first
    assert (len(effects), none) == (1, [])


def test_licensing_service_is_another_name(database, seller, customer):
    params = {"customer_id": str(customer), "products": ["router-os"], "expires_at": "2999-01-31T01:00:00+01:00"}
    output, (effect,) = issue(database, seller, name="licensing_service.issue_license", **params)
    assert output["license"]["expires_at"] == "2999-01-31T00:00:00+00:00"
    undo = OPERATIONS[OPERATIONS["licensing_service.issue_license"].undone_by]
    assert perform(undo, database, seller, **effect.undo).output["license"]["status"] == "revoked"


def test_a_license_is_read_again_as_it_is_now(database, seller, customer):
    output, _ = issue(database, seller, customer_id=str(customer), license_template_id="standard")
    read = OPERATIONS.reader("license")
    with database.transaction(seller) as session:
        service.suspend_license(session, license_id=UUID(output["license_id"]), reason="late")
    with ExitStack() as stack:
        call = DirectCall(database, seller, _stack=stack)
        assert read(call, output["license"]) == {**output["license"], "status": "suspended"}
        assert read(call, {"id": str(new_id())}) is None


def test_the_newest_license_that_has_not_ended_is_found_and_none_where_there_is_none(database, seller, customer):
    find = OPERATIONS["license_service.find_license"]

    def found():
        return perform(find, database, seller, customer_id=str(customer)).output

    assert found() == {"license_id": None, "license": None}
    first, (effect,) = issue(database, seller, customer_id=str(customer), license_template_id="standard")
    second, _ = issue(database, seller, key="2", customer_id=str(customer), license_template_id="standard")
    assert found() == second
    with database.transaction(seller) as session:
        service.revoke_license(session, license_id=UUID(second["license_id"]), reason="it was one too many")
    assert found() == first
    perform(OPERATIONS["license_service.revoke_license"], database, seller, **effect.undo)
    assert found() == {"license_id": None, "license": None}


def test_wrong_parameters_are_named():
    with pytest.raises(StepFailed, match="customer_id"):
        OPERATIONS["license_service.issue_license"].bind({"customer_id": "nobody"})
