"""Credit notes: what takes an invoice back, whole or in part, and never more than it said.

An issued invoice is not changed. What was wrong or is given back stands on a credit note with its own number, whose
amounts are below zero, so that the two can simply be added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from app.core.errors import Fault
from app.core.money import rounded
from app.domains.billing.rules.amounts import ZERO, half_up, total
from app.domains.billing.rules.invoices import Invoice, Line

NOTHING: Mapping[int, Decimal] = {}

LINES = "/lines"
"""Where a document says what is to be credited: faults point there."""


def credit_note(invoice: Invoice) -> Invoice:
    """What takes back the whole of an invoice of which nothing was credited: each amount of each line, negated."""
    return replace(
        invoice,
        lines=tuple(
            replace(
                line,
                quantity=-line.quantity,
                subtotal=-line.subtotal,
                discount_amount=-line.discount_amount,
                net_amount=-line.net_amount,
                tax_amount=-line.tax_amount,
                total_amount=-line.total_amount,
            )
            for line in invoice.lines
        ),
    )


def credit_faults(
    invoice: Invoice, wanted: Mapping[int, Decimal], *, credited: Mapping[int, Decimal] = NOTHING
) -> list[Fault]:
    """Why these amounts cannot be credited, all at once.

    `wanted` and `credited` (by earlier notes) are amounts with tax by the line's place, of the sign that the line has.
    """
    found = []
    for place, amount in wanted.items():
        if not 0 <= place < len(invoice.lines):
            found.append(Fault(f"{LINES}/{place}", f"The invoice has no line {place + 1}."))
        elif message := _fault_of(invoice, place, amount, credited.get(place, ZERO)):
            found.append(Fault(f"{LINES}/{place}", message))
    if found:
        return found
    now, before = total(wanted.values()), total(credited.values())
    if now <= 0:
        return [Fault(LINES, "A credit note gives back more than it takes.")]
    if before + now > invoice.total_amount:
        message = f"{now:f} {invoice.currency} cannot be credited: of {invoice.total_amount:f}, {before:f} already is."
        return [Fault(LINES, message)]
    return []


def _fault_of(invoice: Invoice, place: int, amount: Decimal, before: Decimal) -> str | None:
    whole = invoice.lines[place].total_amount
    if not amount.is_finite() or not amount or (amount > 0) != (whole > 0) or abs(before + amount) > abs(whole):
        return f"Of this line, {whole - before:f} {invoice.currency} can be credited, not {amount:f}."
    if amount != rounded(amount, invoice.currency):
        return f"An amount is not finer than the minor unit of {invoice.currency}."
    return None


def remaining(invoice: Invoice, *, credited: Mapping[int, Decimal] = NOTHING) -> dict[int, Decimal]:
    """What of each line is not credited yet, with tax; lines of which nothing is left are not in it."""
    left = {place: line.total_amount - credited.get(place, ZERO) for place, line in enumerate(invoice.lines)}
    return {place: amount for place, amount in left.items() if amount}


def partial_credit_note(
    invoice: Invoice, wanted: Mapping[int, Decimal], *, credited: Mapping[int, Decimal] = NOTHING
) -> Invoice:
    """What takes back these amounts, which have no fault; its lines are in the invoice's order.

    Tax and discount go back in proportion, each rounded on what is credited together with earlier notes: whatever the
    parts are, once the whole of a line is credited its whole tax is, and the invoice and its notes sum to zero.
    """
    return replace(
        invoice,
        lines=tuple(
            _credited(invoice, invoice.lines[place], credited.get(place, ZERO), wanted[place])
            for place in sorted(wanted)
        ),
    )


def _credited(invoice: Invoice, line: Line, before: Decimal, amount: Decimal) -> Line:
    def part(whole: Decimal) -> Decimal:
        return _up_to(whole, line, before + amount, invoice.currency) - _up_to(whole, line, before, invoice.currency)

    tax, discount = part(line.tax_amount), part(line.discount_amount)
    net = amount - tax
    subtotal = (amount if invoice.prices_include_tax else net) + discount
    return replace(
        line,
        quantity=Decimal(-1),
        unit_price=subtotal,
        subtotal=-subtotal,
        discount_amount=-discount,
        net_amount=-net,
        tax_amount=-tax,
        total_amount=-amount,
    )


def _up_to(whole: Decimal, line: Line, credited: Decimal, currency: str) -> Decimal:
    """How much of an amount of the line goes with so much of its total."""
    return half_up(Fraction(whole) * Fraction(credited) / Fraction(line.total_amount), currency)
