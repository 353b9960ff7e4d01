"""What the rules are tried on: every zone and the hardest of them, currencies of 0, 2 and 3 decimals, items, rhythms."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import strategies as st

from app.core.money import exponent
from app.domains.billing.rules.days import on_anchor
from app.domains.billing.rules.items import FINEST, Item, TaxCategory, subtotal_of
from app.domains.billing.rules.periods import Rhythm

HARD_ZONES = [
    "Africa/Cairo",  # forward at midnight
    "America/Asuncion",
    "America/Havana",  # forward at midnight, and back to it
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",  # back over midnight at 00:01
    "Asia/Beirut",
    "Asia/Kathmandu",  # 5:45 ahead
    "Asia/Tehran",
    "Atlantic/Azores",  # forward at midnight, and back to it
    "Australia/Lord_Howe",  # by half an hour
    "Europe/Berlin",
    "Pacific/Apia",  # left out 30 December 2011
    "Pacific/Kiritimati",  # left out 31 December 1994
    "Pacific/Kwajalein",  # left out 21 August 1993
]
ALL_ZONES = sorted(available_timezones() - {"Factory", "localtime"})

zones = (st.sampled_from(HARD_ZONES) | st.sampled_from(ALL_ZONES)).map(ZoneInfo)
anchor_days = st.integers(1, 31)
# since then every zone is whole quarters of an hour from UTC
days = st.dates(date(1990, 1, 1), date(2060, 12, 31))
moments = st.integers(0, 70 * 366 * 86_400 * 10**6).map(
    lambda passed: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(microseconds=passed)
)
currencies = st.sampled_from(["USD", "EUR", "JPY", "KRW", "KWD", "TND"])
percents = st.decimals(0, 100, places=3)


@st.composite
def rhythms(draw):
    anchor_day = draw(anchor_days)
    return Rhythm(
        first_day=on_anchor(draw(days), anchor_day),
        months=draw(st.sampled_from([1, 3, 12]) | st.integers(1, 36)),
        anchor_day=anchor_day,
        zone=draw(zones),
    )


def amounts(currency, least=-(10**12), most=10**12):
    return st.decimals(least, most, places=exponent(currency))


@st.composite
def items(draw, currency, least=-(10**9)):
    category = draw(st.sampled_from(TaxCategory))
    bare = Item(
        description="Service",
        quantity=draw(st.decimals(FINEST, 10**6, places=6) | st.integers(1, 1000).map(Decimal)),
        unit_price=draw(st.decimals(least, 10**9, places=6) | amounts(currency, least, 10**9)),
        tax_category=category,
        tax_rate=draw(st.sampled_from(["19", "7", "8.1", "5.5"]).map(Decimal) | percents)
        if category is TaxCategory.STANDARD
        else Decimal(0),
    )
    subtotal = subtotal_of(bare, currency)
    discount = draw(st.just(Decimal(0)) | amounts(currency, 0, subtotal)) if subtotal > 0 else Decimal(0)
    return Item(
        description=bare.description,
        quantity=bare.quantity,
        unit_price=bare.unit_price,
        tax_category=category,
        tax_rate=bare.tax_rate,
        discount_amount=discount,
    )
