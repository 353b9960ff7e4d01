"""Numbers as the billing room's routes show them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.http.fields import Money


class Fine(Money):
    """A number that is finer than money, with the decimals that it needs."""

    def _serialize(self, value: Decimal | None, attr: Any, obj: Any, **kwargs: Any) -> Any:
        shown = None if value is None else Decimal(f"{value.normalize():f}")
        return super()._serialize(shown, attr, obj, **kwargs)
