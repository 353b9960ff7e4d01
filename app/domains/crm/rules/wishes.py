"""What a lead wants, as services: a package is so many of each of its services."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """So many of one service."""

    service_code: str
    quantity: int
    configuration: Mapping[str, Any] = field(default_factory=dict)


def as_services(
    wanted: Sequence[Mapping[str, Any]], *, services: Collection[str], packages: Mapping[str, Sequence[str]]
) -> tuple[list[Wish], list[Fault]]:
    """Each wanted service once, in the order in which it is first wanted, and what of the wishes is not sold.

    `wanted`: {product_code, quantity, configuration?}, each the code of a service or package. What is wanted by itself and
    in a package is wanted so many times together.
    """
    wishes: dict[str, Wish] = {}
    faults = []
    for place, product in enumerate(wanted):
        code = product["product_code"]
        if code not in services and code not in packages:
            faults.append(Fault(f"/wanted_products/{place}/product_code", f"“{code}” is not in the catalogue."))
            continue
        for service_code in [code] if code in services else packages[code]:
            known = wishes.get(service_code, Wish(service_code=service_code, quantity=0))
            wishes[service_code] = Wish(
                service_code=service_code,
                quantity=known.quantity + product.get("quantity", 1),
                configuration={**known.configuration, **(product.get("configuration") or {})},
            )
    return list(wishes.values()), faults
