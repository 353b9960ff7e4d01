"""Marshmallow fields that every room's schemas share."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import marshmallow as ma

from app.core.money import rounded


class Money(ma.fields.Decimal):
    """An amount: a JSON number with the currency's decimals (348.00), never a float in code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_nan=False, as_string=False, **kwargs)


class Amount(Money):
    """An amount in the currency of what it belongs to, with that currency's decimals."""

    def _serialize(self, value: Decimal | None, attr: Any, obj: Any, **kwargs: Any) -> Any:
        shown = None if value is None else rounded(value, obj.currency)
        return super()._serialize(shown, attr, obj, **kwargs)


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Time(ma.fields.AwareDateTime):
    """A time: ISO 8601, leaving as UTC with `Z`; one that comes in must name its offset."""

    SERIALIZATION_FUNCS = {**ma.fields.AwareDateTime.SERIALIZATION_FUNCS, "iso": _utc}  # noqa: RUF012 - as marshmallow has it
