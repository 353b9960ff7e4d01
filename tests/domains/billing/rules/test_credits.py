"""Credit notes take back what the invoice said: exactly, in any number of parts, and never more."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.billing.rules.amounts import minor_units, of_minor_units, total
from app.domains.billing.rules.credits import credit_faults, credit_note, partial_credit_note, remaining
from app.domains.billing.rules.invoices import invoiced, tax_summary
from app.domains.billing.rules.items import Item
from tests.domains.billing.rules.strategies import currencies, items

AMOUNTS = ("subtotal", "discount_amount", "net_amount", "tax_amount", "total_amount")


def invoice_of(*lines, currency="EUR", **more):
    return invoiced(
        [Item(description="Service", unit_price=Decimal(price), tax_rate=Decimal(rate)) for price, rate in lines],
        currency=currency,
        **more,
    )


def euros(**by_line):
    return {int(place.removeprefix("line")): Decimal(amount) for place, amount in by_line.items()}


@st.composite
def invoices(draw, least=-(10**9)):
    currency = draw(currencies)
    of = draw(st.lists(items(currency, least=least), min_size=1, max_size=5))
    return invoiced(of, currency=currency, prices_include_tax=draw(st.booleans()))


@given(invoices())
def test_an_invoice_and_its_credit_note_are_nothing(invoice):
    note = credit_note(invoice)
    for name in AMOUNTS:
        assert getattr(invoice, name) + getattr(note, name) == 0
        for line, back in zip(invoice.lines, note.lines, strict=True):
            assert getattr(line, name) + getattr(back, name) == 0
    for one, other in zip(tax_summary(invoice), tax_summary(note), strict=True):
        assert (one.tax_rate, one.tax_category) == (other.tax_rate, other.tax_category)
        assert one.net_amount + other.net_amount == one.tax_amount + other.tax_amount == 0


@st.composite
def invoices_in_parts(draw):
    """An invoice and what each of several notes credits of it, which together is all."""
    invoice = draw(invoices(least=0))
    notes = [{} for _ in range(draw(st.integers(1, 6)))]
    for place, amount in remaining(invoice).items():
        units = minor_units(amount, invoice.currency)
        cuts = sorted(draw(st.integers(0, units)) for _ in notes[1:])
        for note, start, end in zip(notes, [0, *cuts], [*cuts, units], strict=True):
            if end > start:
                note[place] = of_minor_units(end - start, invoice.currency)
    return invoice, [note for note in notes if note]


@given(invoices_in_parts())
def test_an_invoice_and_all_its_partial_notes_are_nothing(invoice_in_parts):
    invoice, parts = invoice_in_parts
    credited, notes = {}, []
    for wanted in parts:
        assert credit_faults(invoice, wanted, credited=credited) == []
        note = partial_credit_note(invoice, wanted, credited=credited)
        assert note.total_amount == -total(wanted.values())
        notes.append(note)
        for place, amount in wanted.items():
            credited[place] = credited.get(place, 0) + amount
    assert remaining(invoice, credited=credited) == {}
    for name in ("net_amount", "tax_amount", "total_amount"):
        assert getattr(invoice, name) + total(getattr(note, name) for note in notes) == 0
    given_back = [each for note in notes for each in tax_summary(note)]
    for rate in tax_summary(invoice):
        same = [each for each in given_back if (each.tax_rate, each.tax_category) == (rate.tax_rate, rate.tax_category)]
        assert rate.net_amount + total(each.net_amount for each in same) == 0
        assert rate.tax_amount + total(each.tax_amount for each in same) == 0


@given(invoices_in_parts())
def test_a_line_of_a_note_is_a_line_like_any_other(invoice_in_parts):
    invoice, parts = invoice_in_parts
    for line in partial_credit_note(invoice, parts[0]).lines if parts else ():
        assert line.subtotal == line.quantity * line.unit_price
        assert line.net_amount + line.tax_amount == line.total_amount
        off = line.subtotal - line.discount_amount
        assert off == (line.total_amount if invoice.prices_include_tax else line.net_amount)
        assert max(line.subtotal, line.discount_amount, line.net_amount, line.tax_amount) <= 0


@given(st.data(), invoices_in_parts())
def test_no_more_than_what_is_left_can_be_credited(data, invoice_in_parts):
    invoice, parts = invoice_in_parts
    if not parts:
        return
    credited = parts[0]
    place = data.draw(st.sampled_from(sorted(credited)))
    left = remaining(invoice, credited=credited).get(place, Decimal(0))
    too_much = left + of_minor_units(data.draw(st.integers(1, 100)), invoice.currency)
    assert [fault.pointer for fault in credit_faults(invoice, {place: too_much}, credited=credited)] == [
        f"/lines/{place}"
    ]


def test_parts_by_hand():
    invoice = invoice_of(("10.00", "19"))
    first = partial_credit_note(invoice, euros(line0="1.00"))
    # of 1.90 tax on 11.90, 1.00 bears 0.1597
    assert (first.net_amount, first.tax_amount, first.total_amount) == (
        Decimal("-0.84"),
        Decimal("-0.16"),
        Decimal("-1.00"),
    )
    rest = partial_credit_note(invoice, euros(line0="10.90"), credited=euros(line0="1.00"))
    assert (rest.net_amount, rest.tax_amount) == (Decimal("-9.16"), Decimal("-1.74"))


def test_an_invoice_that_is_credited_cent_by_cent_gives_its_whole_tax_back():
    invoice = invoice_of(("1.00", "19"))
    # a cent bears 0.0016 of tax, which by itself would always round to nothing
    cents = [
        partial_credit_note(invoice, euros(line0="0.01"), credited={0: of_minor_units(before, "EUR")})
        for before in range(119)
    ]
    assert total(note.tax_amount for note in cents) == Decimal("-0.19")
    assert total(note.net_amount for note in cents) == Decimal("-1.00")


def test_the_lines_of_a_note_are_in_the_invoice_s_order():
    invoice = invoice_of(("1.00", "0"), ("2.00", "0"), ("3.00", "0"))
    note = partial_credit_note(invoice, euros(line2="3.00", line0="0.50"))
    assert [line.total_amount for line in note.lines] == [Decimal("-0.50"), Decimal("-3.00")]


def test_a_line_that_gave_something_back_is_taken_back_with_the_others():
    invoice = invoice_of(("100.00", "19"), ("-50.00", "19"))
    assert remaining(invoice) == euros(line0="119.00", line1="-59.50")
    assert credit_faults(invoice, remaining(invoice)) == []
    assert partial_credit_note(invoice, remaining(invoice)).total_amount == Decimal("-59.50")


@pytest.mark.parametrize(
    ("wanted", "credited", "place", "why"),
    [
        (euros(line0="119.01"), {}, "/lines/0", "119.00 EUR can be credited, not 119.01"),
        (euros(line0="19.01"), euros(line0="100.00"), "/lines/0", "19.00 EUR can be credited"),
        (euros(line0="-1.00"), {}, "/lines/0", "can be credited, not -1.00"),
        (euros(line0="0"), {}, "/lines/0", "can be credited, not 0"),
        (euros(line0="NaN"), {}, "/lines/0", "can be credited, not NaN"),
        (euros(line0="1E+40"), {}, "/lines/0", "can be credited"),
        (euros(line0="0.001"), {}, "/lines/0", "minor unit of EUR"),
        (euros(line1="1.00"), {}, "/lines/1", "can be credited, not 1.00"),
        (euros(line2="1.00"), {}, "/lines/2", "has no line 3"),
        (euros(line1="-59.50"), {}, "/lines", "gives back more"),
        (euros(line0="60.00"), {}, "/lines", "of 59.50, 0 already is"),
        ({}, {}, "/lines", "gives back more"),
    ],
)
def test_what_cannot_be_credited_is_named(wanted, credited, place, why):
    invoice = invoice_of(("100.00", "19"), ("-50.00", "19"))
    (fault,) = credit_faults(invoice, wanted, credited=credited)
    assert fault.pointer == place
    assert why in fault.message
