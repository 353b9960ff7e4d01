"""Who subscribes to what: monthly and by the year, on month ends and leap days, with declines, cancellations, trials."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

FIRST_DAY = date(2028, 1, 1)
"""A leap year: who begins on 31 January or 29 February meets both kinds of February."""

LAST_DAY = date(2029, 3, 20)
"""Past the end of every first year, and of what follows from it."""

ZONE = "Europe/Berlin"
COUNTRIES = {"DE": Decimal(19), "AT": Decimal(20), "FR": Decimal("5.5"), "CH": Decimal("8.1"), "US": Decimal(0)}
"""Where customers are, and the tax there in percent."""

CURRENCIES = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}
"""With the decimals of their smallest unit."""

PRICES = {
    "mini": {"EUR": "4.99", "USD": "5.49", "JPY": "799", "KWD": "1.675"},
    "basic": {"EUR": "19.90", "USD": "21.00", "JPY": "3205", "KWD": "6.515"},
    "odd": {"EUR": "33.33", "USD": "0.07", "JPY": "1", "KWD": "0.001"},
    "big": {"EUR": "1249.95", "USD": "1399.99", "JPY": "198001", "KWD": "412.345"},
}
"""Of one for one month, by plan and currency; a year costs ten months."""

MONTHS_PAID_OF_A_YEAR = 10
RECOVERS_AFTER_DAYS = 4

MONTH_ENDS = (date(2028, 1, 29), date(2028, 1, 30), date(2028, 1, 31), date(2028, 2, 28), date(2028, 2, 29))
"""Days that not every month has, and the one before 29 February."""

_LATEST_START = date(2028, 3, 1)


class Cycle(StrEnum):
    """How long a period is."""

    MONTHLY = "monthly"
    ANNUAL = "annual"


class Trouble(StrEnum):
    """What is wrong with a card from some period on."""

    SOFT_FOR_A_WHILE = "soft_for_a_while"
    """No funds; four days later there is another card."""
    SOFT = "soft"
    """No funds, and none will come."""
    HARD_FOR_A_WHILE = "hard_for_a_while"
    """Lost; four days later there is another card."""
    HARD = "hard"
    """Lost, and no other."""

    @property
    def is_passing(self) -> bool:
        return self in {Trouble.SOFT_FOR_A_WHILE, Trouble.HARD_FOR_A_WHILE}

    @property
    def card(self) -> str:
        """The gateway's test card that behaves like that."""
        is_soft = self in {Trouble.SOFT, Trouble.SOFT_FOR_A_WHILE}
        return "pm_card_chargeDeclinedInsufficientFunds" if is_soft else "pm_card_chargeDeclinedLostCard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One customer's subscription. Days are local; periods count from 0.

    `price`: of one for one period. `service_after`: days until the service runs and the first period is billed, for what is
    left of it. `trouble` begins with period `trouble_from`. `cancelled_on`: a day on which the customer cancels, for the end
    of the period or at once. `renewed_after`: days after the notice on which the offer for another year is accepted; None: never.
    `renews_itself`: another year follows if nobody says otherwise.
    """

    number: int
    first_day: date
    cycle: Cycle
    plan: str
    quantity: int
    currency: str
    country: str
    price: Decimal
    trial_days: int = 0
    service_after: int = 0
    trouble: Trouble | None = None
    trouble_from: int = 0
    cancelled_on: date | None = None
    is_cancelled_at_once: bool = False
    renewed_after: int | None = None
    renews_itself: bool = False

    @property
    def months(self) -> int:
        return 1 if self.cycle is Cycle.MONTHLY else 12

    @property
    def plan_code(self) -> str:
        return plan_code(self.plan, self.cycle, renews_itself=self.renews_itself)


def plan_code(plan: str, cycle: Cycle, *, renews_itself: bool) -> str:
    """What the plan is called; months follow each other by themselves in any case."""
    return f"{plan}-{cycle}-auto" if renews_itself else f"{plan}-{cycle}"


def price_of(plan: str, currency: str, cycle: Cycle) -> Decimal:
    """What one of a plan costs for one period."""
    of_a_month = Decimal(PRICES[plan][currency])
    return of_a_month if cycle is Cycle.MONTHLY else of_a_month * MONTHS_PAID_OF_A_YEAR


def population(
    count: int, *, seed: int, first_days: Sequence[date] = (), one_by_the_year_in: int = 5
) -> list[Contract]:
    """So many contracts, the same ones for a seed. `first_days`: on which they begin; default: any, and often month ends."""
    chance = random.Random(seed)
    return [
        _contract(chance, number, Cycle.MONTHLY if number % one_by_the_year_in else Cycle.ANNUAL, first_days)
        for number in range(count)
    ]


def _contract(chance: random.Random, number: int, cycle: Cycle, first_days: Sequence[date]) -> Contract:
    plan, currency = chance.choice(sorted(PRICES)), chance.choice(sorted(CURRENCIES))
    any_day = FIRST_DAY + timedelta(days=chance.randrange((_LATEST_START - FIRST_DAY).days))
    first_day = chance.choice(first_days or (*MONTH_ENDS, any_day))
    common = {
        "number": number,
        "first_day": first_day,
        "cycle": cycle,
        "plan": plan,
        "quantity": chance.choice((1, 1, 1, 2, 3, 7)),
        "currency": currency,
        "country": chance.choice(sorted(COUNTRIES)),
        "price": price_of(plan, currency, cycle),
    }
    more = _yearly(chance) if cycle is Cycle.ANNUAL else _monthly(chance, first_day)
    return Contract(**common, **more)  # type: ignore[arg-type] # fields by name


def _yearly(chance: random.Random) -> dict[str, object]:
    """Most are renewed; some of them with a card that has failed meanwhile, some because nobody said otherwise."""
    if chance.random() < 0.2:  # noqa: PLR2004 - a fifth of them
        return {"renews_itself": True}
    renewed_after = chance.choice((1, 5, 20, 20, None, None))
    trouble = chance.choice((None, None, None, *Trouble)) if renewed_after == 1 else None
    return {"renewed_after": renewed_after, "trouble": trouble, "trouble_from": 1}


def _monthly(chance: random.Random, first_day: date) -> dict[str, object]:
    match chance.randrange(10):
        case 0:
            return {"trial_days": chance.choice((7, 14, 30))}
        case 1:
            return {"service_after": chance.randrange(1, 26)}
        case 2 | 3:
            return {"trouble": chance.choice(tuple(Trouble)), "trouble_from": chance.randrange(1, 10)}
        case 4:
            return {
                "cancelled_on": first_day + timedelta(days=chance.randrange(40, 330)),
                "is_cancelled_at_once": chance.random() < 0.5,  # noqa: PLR2004 - half of them
            }
        case _:
            return {}
