"""What is wanted, as services."""

from __future__ import annotations

from app.domains.crm.rules.wishes import Wish, as_services

SERVICES = {"aaa", "billing", "monitoring"}
PACKAGES = {"starter": ["billing", "aaa"]}


def wanted(*products):
    return as_services(products, services=SERVICES, packages=PACKAGES)


def test_a_package_is_so_many_of_each_of_its_services():
    assert wanted({"product_code": "starter", "quantity": 3}) == (
        [Wish(service_code="billing", quantity=3), Wish(service_code="aaa", quantity=3)],
        [],
    )


def test_what_is_wanted_twice_is_wanted_so_many_times_together():
    wishes, _ = wanted(
        {"product_code": "aaa", "quantity": 2, "configuration": {"nas": 1}},
        {"product_code": "starter"},
    )
    assert [(wish.service_code, wish.quantity, wish.configuration) for wish in wishes] == [
        ("aaa", 3, {"nas": 1}),
        ("billing", 1, {}),
    ]


def test_what_is_not_sold_is_named_by_its_place():
    wishes, faults = wanted({"product_code": "unknown"}, {"product_code": "aaa"}, {"product_code": "other"})
    assert [wish.service_code for wish in wishes] == ["aaa"]
    assert [(fault.pointer, fault.message) for fault in faults] == [
        ("/wanted_products/0/product_code", "“unknown” is not in the catalogue."),
        ("/wanted_products/2/product_code", "“other” is not in the catalogue."),
    ]
