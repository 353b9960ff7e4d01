"""Money: Decimal with an ISO 4217 currency, rounded half-up to the currency's minor unit."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

# minor units other than two decimals among ISO 4217's active codes
_EXPONENTS = dict.fromkeys(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ),
    0,
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)


def exponent(currency: str) -> int:
    """Decimals of a currency's minor unit."""
    return _EXPONENTS.get(currency, 2)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Half-up to the minor unit: 0.125 USD is 0.13."""
    return amount.quantize(Decimal(1).scaleb(-exponent(currency)), rounding=ROUND_HALF_UP)
