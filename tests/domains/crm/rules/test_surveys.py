"""What a site survey has to say."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.domains.crm.rules.surveys import planned_faults, result_faults

ADDRESS = {"line1": "Hauptstr. 1", "city": "Berlin", "country": "DE"}
FEASIBLE = {"is_feasible": True, "technology": "gpon"}


def pointers(found):
    return [fault.pointer for fault in found]


def test_a_place_is_named_by_its_address():
    assert planned_faults({"address": ADDRESS}) == []
    assert pointers(planned_faults({"address": {"line1": "Hauptstr. 1", "planet": "Mars"}})) == [
        "/address/city",
        "/address/country",
        "/address/planet",
    ]


@pytest.mark.parametrize(
    ("place", "pointer"),
    [
        ({"latitude": Decimal(52)}, "/longitude"),
        ({"longitude": Decimal(13)}, "/latitude"),
        ({"latitude": Decimal(91), "longitude": Decimal(13)}, "/latitude"),
        ({"latitude": Decimal(52), "longitude": Decimal("-180.1")}, "/longitude"),
    ],
)
def test_coordinates_are_a_place_on_earth(place, pointer):
    assert pointers(planned_faults({"address": ADDRESS, **place})) == [pointer]
    assert pointers(result_faults(FEASIBLE | place)) == [pointer]


def test_whoever_says_no_says_why_and_whoever_says_yes_says_how():
    assert result_faults(FEASIBLE) == []
    assert result_faults({"is_feasible": False, "reason": "No duct."}) == []
    assert pointers(result_faults({"is_feasible": False})) == ["/reason"]
    assert pointers(result_faults({"is_feasible": True})) == ["/technology"]


def test_measures_are_within_reason_and_costs_have_a_currency():
    wrong = {"fiber_distance_m": Decimal(-1), "estimated_cost": Decimal(-1)}
    assert pointers(result_faults(FEASIBLE | wrong)) == ["/currency", "/fiber_distance_m", "/estimated_cost"]
    far = {"fiber_distance_m": Decimal(10) ** 7, "estimated_cost": Decimal(10) ** 10, "currency": "EUR"}
    assert pointers(result_faults(FEASIBLE | far)) == ["/fiber_distance_m", "/estimated_cost"]
