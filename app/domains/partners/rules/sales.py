"""A sale that may earn a partner something."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from app.core.errors import Fault
from app.domains.partners.rules.commissions import CommissionType


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """An order, or else that somebody became a customer.

    `base_amount`: what was sold, without tax, in `currency`, by default the agreement's; None: nobody says.
    """

    customer_id: UUID | None = None
    order_id: int | None = None
    base_amount: Decimal | None = None
    currency: str | None = None
    commission_type: str | None = None

    @property
    def source(self) -> tuple[str, str]:
        """What earns it, by which it is known again."""
        if self.order_id is not None:
            return "order", str(self.order_id)
        return "customer", str(self.customer_id)


def faults(sale: Sale) -> list[Fault]:
    """What is wrong with a sale, its amount apart."""
    found: list[Fault] = []
    if sale.customer_id is None and sale.order_id is None:
        found.append(Fault("/customer_id", "A commission is for a customer or an order: name one of them."))
    if sale.order_id is not None and sale.order_id < 1:
        found.append(Fault("/order_id", "Orders count from 1."))
    if sale.commission_type is not None and sale.commission_type not in list(CommissionType):
        found.append(Fault("/commission_type", f"A commission is for one of {', '.join(CommissionType)}."))
    return found
