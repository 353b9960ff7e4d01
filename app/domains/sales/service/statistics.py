"""Statistics: sums of what every transition left behind, never a count over the orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from sqlalchemy.orm import Session

from app.core.db import OWNER
from app.core.money import rounded
from app.domains.sales import queries
from app.domains.sales.queries import Total
from app.domains.sales.rules import Status

DEFAULT_CURRENCY = "USD"
KEYS_PER_FOLD = 1000
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Summary:
    """The owner's orders in numbers. `total` and `average` are in `currency`, the one with most active orders."""

    orders_by_status: dict[str, int]
    currency: str
    total: Decimal
    average: Decimal
    by_currency: dict[str, Decimal]
    success_rate: Decimal
    total_processed: int
    successful: int
    average_processing_seconds: Decimal | None


def summary(session: Session) -> Summary:
    """The summary of the session's owner. Revenue is that of active orders; processed are those that became active or failed."""
    totals = queries.totals(session, session.info[OWNER])
    counts = {status.value: _sum(totals, status) for status in Status}
    active = [total for total in totals if total.status == Status.ACTIVE and total.orders]
    main = max(active, key=lambda total: (total.orders, total.currency), default=None)
    currency = main.currency if main else DEFAULT_CURRENCY
    successful, failed = counts[Status.ACTIVE], counts[Status.FAILED]
    processed = successful + failed
    seconds = sum((total.seconds for total in active), Decimal(0))
    return Summary(
        orders_by_status=counts,
        currency=currency,
        total=rounded(main.revenue if main else Decimal(0), currency),
        average=rounded(main.revenue / main.orders if main else Decimal(0), currency),
        by_currency={total.currency: rounded(total.revenue, total.currency) for total in active},
        success_rate=_percent(successful, processed),
        total_processed=processed,
        successful=successful,
        average_processing_seconds=_half_up(seconds / successful) if successful else None,
    )


def fold_statistics(session: Session) -> int:
    """Across owners: fold the rows of each day, status and currency into one; safe to run twice and at once.

    Returns how many rows were taken in.
    """
    return queries.fold(session, keys=KEYS_PER_FOLD)


def _sum(totals: Sequence[Total], status: Status) -> int:
    return sum(total.orders for total in totals if total.status == status)


def _percent(part: int, total: int) -> Decimal:
    return _half_up(Decimal(100 * part) / total) if total else Decimal(0).quantize(_CENT)


def _half_up(value: Decimal) -> Decimal:
    return value.quantize(_CENT, rounding=ROUND_HALF_UP)
